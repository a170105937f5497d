//! `migrate rehearse`: the migrations on a copy with as many rows as production has.

use std::sync::Arc;

use mainstay::Database;
use mainstay::config::{DatabaseUrl, UrlError};
use mainstay_migrate::MigrationSet;
use mainstay_migrate::rehearse::{Options, Rehearsal, rehearse};

use super::lint::write;
use crate::args::RehearseArgs;
use crate::context::{Context, migration_failure};
use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::progress;

pub(crate) async fn run(context: &Context<'_>, args: &RehearseArgs) -> Result<Exit, Failure> {
    let found = match &args.copy {
        Some(url) => on_copy(context, url, args).await?,
        None => {
            return Err(
                Failure::new(Exit::Usage, "there is no copy to rehearse on").next(
                    "restore a backup into another database and name it with --copy URL; or name \
                     an empty one, and --rows for rows to be made",
                ),
            );
        }
    };
    if let Some(file) = &args.report {
        let page = format!("# Rehearsal of migrations\n\n{}", found.markdown());
        write(file, &page)?;
    }
    context.terminal.print(&if args.format.json {
        json(&found)
    } else {
        found.text()
    });
    Ok(if found.is_good() {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

async fn on_copy(
    context: &Context<'_>,
    url: &str,
    args: &RehearseArgs,
) -> Result<Rehearsal, Failure> {
    let mut config = context.config.clone();
    config.url = DatabaseUrl::parse(url).map_err(|error| {
        Failure::new(Exit::Usage, format!("--copy: {error}"))
            .next(format!("accepted are {}", UrlError::ALLOWED))
    })?;
    // One migrates, one holds the lock, and one looks on.
    config.pool.max = config.pool.max.max(4);
    if is_same_place(&config.url, &context.config.url) {
        return Err(Failure::new(
            Exit::Refused,
            format!(
                "--copy names the configured database {} itself, and what is in it would be lost",
                config.url
            ),
        )
        .next("restore a backup into another database and name that"));
    }
    let db = context.open_with(&config).await?;
    let found = on(context, &db, args).await;
    let closed = context.close(&db).await;
    let found = found?;
    closed?;
    Ok(found)
}

/// Whether two addresses are of the same database, whoever connects.
fn is_same_place(a: &DatabaseUrl, b: &DatabaseUrl) -> bool {
    let file = |url: &DatabaseUrl| {
        let path = url.path()?;
        Some(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
    };
    match (file(a), file(b)) {
        (None, None) => {
            a.engine() == b.engine()
                && a.host() == b.host()
                && a.port() == b.port()
                && a.database() == b.database()
        }
        (a, b) => a == b,
    }
}

async fn on(
    context: &Context<'_>,
    db: &Database,
    args: &RehearseArgs,
) -> Result<Rehearsal, Failure> {
    let terminal = context.terminal.clone();
    let options = Options {
        start: args.start(),
        rows: args.rows.iter().cloned().collect(),
        seed: args.seed,
        limit: args.limit,
        progress: Some(progress::on(&context.terminal)),
        tell: Some(Arc::new(move |what: &str| terminal.note(what))),
        ..Options::default()
    };
    let set: &MigrationSet = context.app.migrations();
    rehearse(db, set, &options).await.map_err(migration_failure)
}
