//! All of a copy, from the first look to the last.

use std::collections::BTreeMap;
use std::time::Duration;

use mainstay::driver::Isolation;
use mainstay::{Config, Database, Error, ErrorKind, Result, Tx};
use mainstay_migrate::{catalog, history, row_estimates};
use tokio::time::Instant;

use super::compare::compare;
use super::fill::{Filled, Telling, fill};
use super::limits::AS_LONG_AS_IT_TAKES;
use super::marker::{self, State};
use super::options::Options;
use super::plan::{Plan, plan};
use super::progress::Event;
use super::report::{CopiedTable, Report};
use super::target;
use crate::archive::Table;

/// How long closing a handle may take.
const CLOSING: Duration = Duration::from_secs(10);

pub(super) async fn run(from: &Config, to: &Config, options: &Options) -> Result<Report> {
    if from.url.is_same_place(&to.url) {
        return Err(same_place());
    }
    let source = open(from, "the source", false, options).await?;
    let result = from_source(&source, (from, to), options).await;
    let closed = source.close(CLOSING).await;
    let report = result?;
    closed?;
    Ok(report)
}

async fn from_source(
    source: &Database,
    (from, to): (&Config, &Config),
    options: &Options,
) -> Result<Report> {
    if marker::read(source).await?.is_some() {
        return Err(Error::new(
            ErrorKind::Configuration,
            "the source is itself the target of a copy that has not ended",
        )
        .with_hint("bring that copy to its end first"));
    }
    let version = match &options.migrations {
        Some(set) => Some(target::source_version(source, set).await?),
        None => target::version(source, "the source").await?,
    };
    let made_here = options.migrations.is_some();
    let target = open(to, "the target", made_here, options).await?;
    let names = (from.url.to_string(), to.url.to_string());
    let result = between(source, &target, version.as_deref(), names, options).await;
    let closed = target.close(CLOSING).await;
    let report = result?;
    closed?;
    Ok(report)
}

async fn between(
    source: &Database,
    to: &Database,
    version: Option<&str>,
    names: (String, String),
    options: &Options,
) -> Result<Report> {
    let left = marker::read(to).await?;
    let was_making = target::clear(to, left.as_ref(), options).await?;
    let mut migrations = 0;
    let mut bare = false;
    if let (Some(set), Some(version)) = (&options.migrations, version) {
        bare = was_making || target::is_bare(to).await?;
        if bare {
            target::mark(to, State::Making, &names.0, &[], options).await?;
        }
        options.control.check()?;
        migrations = target::migrate(to, set, version, bare, options).await?;
    } else {
        let found = target::version(to, "the target").await?;
        if version.is_some() && found.is_some() {
            same_history(source, to).await?;
        }
    }
    let planned = match look(source, to, options).await {
        Ok(planned) => planned,
        Err(error) => {
            // Nothing is copied, and nothing is left to be removed.
            if bare || left.is_some() {
                marker::end(to).await?;
            }
            return Err(error);
        }
    };
    let tables: Vec<&str> = planned.tables().map(|table| table.model.name).collect();
    target::mark(to, State::Begun, &names.0, &tables, options).await?;
    let estimates = row_estimates(source).await?;
    let moved = source
        .transaction(|tx: Tx| {
            let (planned, estimates) = (&planned, &estimates);
            async move { within(&tx, (source, to), planned, estimates, options).await }
        })
        .isolation(Isolation::RepeatableRead)
        .read_only()
        .timeout(AS_LONG_AS_IT_TAKES)
        .max_attempts(1)
        .await?;
    marker::end(to).await?;
    Ok(report(names, migrations, moved))
}

/// What is to be done, if nothing is in the way.
async fn look(source: &Database, to: &Database, options: &Options) -> Result<Plan> {
    let (here, there) = (catalog::read(source).await?, catalog::read(to).await?);
    let planned = plan(&here, &there, &options.schema, &options.skip).map_err(|problems| {
        Error::new(
            ErrorKind::Unsupported,
            format!("this copy cannot be made:\n{}", problems.join("\n")),
        )
        .with_hint("change what differs, or leave a table out with --skip")
    })?;
    target::refuse_rows(to).await?;
    if !planned.triggers.is_empty() && !options.fire_triggers {
        let named = planned.triggers.iter();
        let named: Vec<_> = named
            .map(|(table, name)| format!("{name} on {table}"))
            .collect();
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "the target has triggers, which would run for every row: {}",
                named.join(", ")
            ),
        )
        .with_hint(
            "drop them for the time of the copy; or let them run with --fire-triggers, if they \
             change nothing that is copied",
        ));
    }
    Ok(planned)
}

/// What a copy did, and how long filling and comparing took.
type Moved = (Vec<(Filled, Table)>, Duration, Duration);

/// Fills all tables, and compares them, in one snapshot of the source.
async fn within(
    tx: &Tx,
    (from, to): (&Database, &Database),
    planned: &Plan,
    estimates: &BTreeMap<String, u64>,
    options: &Options,
) -> Result<Moved> {
    let started = Instant::now();
    let of = planned.tables().count();
    let mut filled = Vec::with_capacity(of);
    for group in &planned.groups {
        options.control.check()?;
        let telling = Telling {
            options,
            estimates,
            before: filled.len(),
            of,
        };
        filled.extend(fill(tx, from, to, group, &telling).await?);
    }
    let filling = started.elapsed();
    let started = Instant::now();
    let mut out = Vec::with_capacity(of);
    for ((table, filled), number) in planned.tables().zip(filled).zip(1..) {
        options.tell(Event::Comparing {
            table: table.model.name,
            number,
            of,
        });
        let found = compare(tx, from, to, table, &options.control).await?;
        out.push((filled, found));
    }
    Ok((out, filling, started.elapsed()))
}

fn report(
    (from, to): (String, String),
    migrations: usize,
    (tables, filled, compared): Moved,
) -> Report {
    let tables: Vec<CopiedTable> = tables
        .into_iter()
        .map(|(filled, table)| CopiedTable {
            name: table.name,
            rows: table.rows,
            bytes: filled.bytes,
            hash: table.hash,
            filled: filled.took,
        })
        .collect();
    Report {
        from,
        to,
        migrations,
        rows: tables.iter().map(|table| table.rows).sum(),
        bytes: tables.iter().map(|table| table.bytes).sum(),
        tables,
        filled,
        compared,
    }
}

/// Opens a handle of the copy's own: its sessions have settings that nobody else wants.
async fn open(config: &Config, which: &str, create: bool, options: &Options) -> Result<Database> {
    let mut config = config.clone();
    config.pool.min = 1;
    config.pool.max = config.pool.max.max(4);
    config.pool.leak_after = Duration::ZERO;
    config.timeouts.statement = AS_LONG_AS_IT_TAKES;
    config.timeouts.transaction = AS_LONG_AS_IT_TAKES;
    config.resilience.breaker = false;
    // A table takes as long as it has rows, which is no reason to warn.
    config.log.slow_after = AS_LONG_AS_IT_TAKES;
    let mut builder = Database::builder()
        .schema(options.schema.clone())
        .require_database(true)
        .no_coalesce();
    if create {
        builder = builder.create_if_missing();
    }
    builder.open(&config).await.map_err(|error| {
        let out = Error::new(error.kind(), format!("{which}: {}", error.detail()));
        match error.hint() {
            Some(hint) => out.with_hint(hint.to_owned()),
            None => out,
        }
    })
}

/// Whether two databases have had the same migrations.
async fn same_history(source: &Database, to: &Database) -> Result<()> {
    let versions = |rows: Vec<history::HistoryRow>| -> Vec<String> {
        rows.into_iter().map(|row| row.version).collect()
    };
    let here = versions(history::read(source).await?);
    let there = versions(history::read(to).await?);
    if here == there {
        return Ok(());
    }
    Err(target::versions_differ(
        here.last().map(String::as_str),
        there.last().map(String::as_str),
    ))
}

fn same_place() -> Error {
    Error::new(
        ErrorKind::Configuration,
        "source and target are the same database",
    )
    .with_hint("name another database, or another file, to copy into")
}
