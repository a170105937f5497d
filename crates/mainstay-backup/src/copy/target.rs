//! The other database: made, migrated to where the source is, found to be empty, emptied.

use mainstay::{Database, Error, ErrorKind, Result};
use mainstay_migrate::history::{self, State as Applied};
use mainstay_migrate::{Goal, MigrationSet, Options as Migrating, catalog, migrate_with, status};

use super::engine;
use super::limits::AS_LONG_AS_IT_TAKES;
use super::marker::{self, State, Unfinished};
use super::options::Options;
use super::progress::Event;

/// The version of a database's last migration. Nothing where there is no record of any.
pub(super) async fn version(db: &Database, which: &str) -> Result<Option<String>> {
    let rows = history::read(db).await?;
    if let Some(half) = rows.iter().find(|row| row.state == Applied::Started) {
        return Err(Error::new(
            ErrorKind::Configuration,
            format!(
                "migration {}_{} of {which} is half applied",
                half.version, half.name
            ),
        )
        .with_hint("bring it to its end first: migrate up"));
    }
    Ok(rows.into_iter().map(|row| row.version).max())
}

/// The version of the source, whose migrations must be those that are known.
pub(super) async fn source_version(db: &Database, set: &MigrationSet) -> Result<String> {
    let found = status(db, set).await?;
    if !found.problems.is_empty() {
        return Err(Error::new(
            ErrorKind::Configuration,
            format!(
                "the source does not fit the migrations: {}",
                found.problems.join("; ")
            ),
        ));
    }
    version(db, "the source").await?.ok_or_else(|| {
        Error::new(
            ErrorKind::Configuration,
            "the source has no record of migrations",
        )
        .with_hint("apply them there first (migrate up), or adopt what is there (migrate baseline)")
    })
}

/// What an earlier copy has left is taken away, where that was asked for, and refused otherwise.
/// Says whether the database had no tables when that copy began.
pub(super) async fn clear(
    db: &Database,
    left: Option<&Unfinished>,
    options: &Options,
) -> Result<bool> {
    let Some(left) = left else { return Ok(false) };
    if !options.restart {
        return Err(unfinished(left));
    }
    for (table, rows) in &left.tables {
        let found = count(db, table).await?;
        // None are there if it was being emptied when it was stopped.
        if found != 0 && found != rows.unwrap_or(0) {
            let rows = rows.unwrap_or(0);
            return Err(Error::new(
                ErrorKind::DatabaseExists,
                format!(
                    "table {table} of the target has {found} rows, where the unfinished copy \
                     wrote {rows}: somebody has used it since"
                ),
            )
            .with_table(table.clone())
            .with_hint("see what is in it; empty it by hand, or copy into another database"));
        }
    }
    let tables: Vec<String> = left.tables.iter().map(|(name, _)| name.clone()).collect();
    options.tell(Event::Emptying {
        tables: tables.len(),
    });
    engine::empty(db, &tables).await?;
    Ok(left.was_making)
}

fn unfinished(left: &Unfinished) -> Error {
    let named = |filled: bool| -> Vec<String> {
        let one = left
            .tables
            .iter()
            .filter(move |(_, rows)| rows.is_some() == filled);
        one.map(|(name, rows)| match rows {
            Some(1) => format!("{name} (1 row)"),
            Some(rows) => format!("{name} ({rows} rows)"),
            None => name.clone(),
        })
        .collect()
    };
    let list = |names: Vec<String>| match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    };
    Error::new(
        ErrorKind::DatabaseExists,
        format!(
            "a copy from {} that began at {} has not ended. Filled: {}. Not filled: {}",
            left.source,
            left.started_at,
            list(named(true)),
            list(named(false))
        ),
    )
    .with_hint(
        "begin again with --restart, which removes the rows that copy wrote; or copy into another \
         database",
    )
}

/// Brings the target to the version of the source. `was_empty` says that it has no tables but
/// those that migrations made, with whatever rows they wrote. Returns how many were applied.
pub(super) async fn migrate(
    db: &Database,
    set: &MigrationSet,
    to: &str,
    was_empty: bool,
    options: &Options,
) -> Result<usize> {
    let migrating = Migrating {
        goal: Goal::UpTo(to.to_owned()),
        progress: options.migrating.clone(),
        ..Migrating::default()
    };
    let done = migrate_with(db, set, migrating).await?;
    let found = version(db, "the target").await?;
    if found.as_deref() != Some(to) {
        return Err(versions_differ(Some(to), found.as_deref()));
    }
    if was_empty {
        // They are in the source as well, as far as they are still wanted.
        engine::empty(db, &with_rows(db).await?).await?;
    }
    Ok(done.applied.len())
}

/// The error of databases whose migrations are not the same.
pub(super) fn versions_differ(from: Option<&str>, to: Option<&str>) -> Error {
    let shown = |version: Option<&str>| version.unwrap_or("no migration").to_owned();
    Error::new(
        ErrorKind::Configuration,
        format!(
            "the source is at {}, and the target at {}",
            shown(from),
            shown(to)
        ),
    )
    .with_hint("migrate one of them to where the other is")
}

/// Whether a database has no tables at all.
pub(super) async fn is_bare(db: &Database) -> Result<bool> {
    Ok(catalog::read(db).await?.tables.is_empty() && history::read(db).await?.is_empty())
}

/// The tables that have rows.
async fn with_rows(db: &Database) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for table in catalog::read(db).await?.tables {
        if has_rows(db, &table.name).await? {
            out.push(table.name);
        }
    }
    Ok(out)
}

/// Refuses a target that has rows.
pub(super) async fn refuse_rows(db: &Database) -> Result<()> {
    let full = with_rows(db).await?;
    if full.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::DatabaseExists,
        format!(
            "the target is not empty. Tables with rows: {}",
            full.join(", ")
        ),
    )
    .with_hint("copy into an empty or a new database: nothing is ever written over"))
}

/// Says in the target that a copy begins.
pub(super) async fn mark(
    db: &Database,
    state: State,
    source: &str,
    tables: &[&str],
    options: &Options,
) -> Result<()> {
    let now = options.clock.now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    marker::begin(db, state, source, &now, tables).await
}

async fn has_rows(db: &Database, table: &str) -> Result<bool> {
    let sql = format!("SELECT 1 FROM {} LIMIT 1", db.dialect().quote(table));
    Ok(!db.sql(sql).fetch_with(|_| Ok(())).await?.is_empty())
}

async fn count(db: &Database, table: &str) -> Result<i64> {
    let sql = format!("SELECT count(*) FROM {}", db.dialect().quote(table));
    match db.sql(sql).timeout(AS_LONG_AS_IT_TAKES).scalar().await {
        Err(error) if error.kind() == ErrorKind::TableMissing => Ok(0),
        counted => counted,
    }
}
