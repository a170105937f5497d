//! `copy`: all tables of one database into another, on whatever engine.

use mainstay::config::DatabaseUrl;
use mainstay::{Config, ErrorKind};
use mainstay_backup::copy::{Options, Report, copy};

use super::scratch::at_url;
use crate::args::CopyArgs;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::output::{counted, json, pair, short, table};
use crate::{copying, progress, signals};

pub(crate) async fn run(context: &Context<'_>, args: &CopyArgs) -> Result<Exit, Failure> {
    let from = match &args.from {
        Some(text) => named(context, "--from", text)?,
        None => context.config.clone(),
    };
    let to = named(context, "--to", &args.to)?;
    context.warn();
    let migrations = context.app.migrations();
    let options = Options {
        schema: context.app.schema(),
        migrations: (!migrations.migrations().is_empty()).then(|| migrations.clone()),
        skip: args.skip.clone(),
        fire_triggers: args.fire_triggers,
        restart: args.restart,
        progress: Some(copying::on(&context.terminal, args.format.json)),
        migrating: Some(progress::on(&context.terminal, args.format.json)),
        ..Options::default()
    };
    let report = stoppable(context, &from, &to, &options).await?;
    context.terminal.print(&if args.format.json {
        json(&report)
    } else {
        lines(&report)
    });
    Ok(Exit::Ok)
}

/// Copies until it is done, or has come to a place where it can stop.
async fn stoppable(
    context: &Context<'_>,
    from: &Config,
    to: &Config,
    options: &Options,
) -> Result<Report, Failure> {
    let (_listener, shutdown) = signals::listen(context.terminal.is_process());
    let mut work = std::pin::pin!(copy(from, to, options));
    let interrupted = tokio::select! {
        done = &mut work => return done.map_err(failure),
        exit = shutdown.signal() => exit,
    };
    options.control.cancel();
    match work.await {
        Ok(report) => Ok(report),
        Err(error) if error.kind() != ErrorKind::Unexpected => Err(failure(error)),
        Err(_) => Err(Failure::new(
            interrupted,
            format!("interrupted; the copy to {} has not ended", to.url),
        )
        .next("begin again with --restart, which removes what was written")),
    }
}

/// Not to overwrite anything is a refusal, and no failure.
fn failure(error: mainstay::Error) -> Failure {
    let refused = error.kind() == ErrorKind::DatabaseExists;
    let failure = Failure::from(error);
    match refused {
        true => failure.exit(Exit::Refused),
        false => failure,
    }
}

/// The configuration with another database, given as a URL or as the variable that has one.
fn named(context: &Context<'_>, flag: &str, text: &str) -> Result<Config, Failure> {
    let wrong = |what: String| Failure::new(Exit::Usage, format!("{flag}: {what}"));
    let url = match text.strip_prefix("env:") {
        Some(name) => std::env::var(name)
            .map_err(|_| wrong(format!("the environment has no variable {name}")))?,
        None => text.to_owned(),
    };
    let url = DatabaseUrl::parse(&url).map_err(|error| wrong(error.to_string()))?;
    Ok(at_url(context, url))
}

fn lines(report: &Report) -> String {
    let mut out = pair("from", &report.from);
    out.push_str(&pair("to", &report.to));
    if report.migrations > 0 {
        let applied = counted(report.migrations as u64, "migration");
        out.push_str(&pair("schema", &format!("{applied} applied")));
    }
    out.push_str(&pair(
        "copied",
        &format!(
            "{} of {} in {}, {} a second",
            counted(report.rows, "row"),
            counted(report.tables.len() as u64, "table"),
            short(report.filled),
            report.rate()
        ),
    ));
    out.push_str(&pair(
        "compared",
        &format!("both sides are equal, found in {}", short(report.compared)),
    ));
    let rows: Vec<Vec<String>> = report
        .tables
        .iter()
        .map(|one| {
            vec![
                one.name.clone(),
                one.rows.to_string(),
                size(one.bytes),
                short(one.filled),
                one.hash.clone(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        out.push('\n');
        out.push_str(&table(&["table", "rows", "size", "time", "hash"], &rows));
    }
    out
}

/// About how large, for people.
fn size(bytes: u64) -> String {
    const STEP: u64 = 1024;
    match bytes {
        0..STEP => format!("{bytes} B"),
        STEP..1_048_576 => format!("{} kB", bytes / STEP),
        _ => format!("{} MB", bytes / STEP / STEP),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        assert_eq!(size(17), "17 B");
        assert_eq!(size(2048), "2 kB");
        assert_eq!(size(5 * 1024 * 1024), "5 MB");
    }
}
