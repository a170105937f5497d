//! The tables that belong together, in one transaction.

use std::collections::BTreeMap;
use std::time::Duration;

use mainstay::driver::Row;
use mainstay::{Database, Error, ErrorKind, Result, Tx, Value};
use mainstay_migrate::catalog::ForeignKey;
use tokio::time::Instant;

use super::engine::{self, Inside};
use super::limits::AS_LONG_AS_IT_TAKES;
use super::options::Options;
use super::plan::{Group, Planned};
use super::progress::Event;
use super::read::Rows;
use super::{marker, values, write};

/// What a table got.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Filled {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) took: Duration,
}

/// What is told along the way.
pub(super) struct Telling<'a> {
    pub(super) options: &'a Options,
    /// About how many rows tables have.
    pub(super) estimates: &'a BTreeMap<String, u64>,
    /// How many tables are before this group, and how many there are in all.
    pub(super) before: usize,
    pub(super) of: usize,
}

/// Fills the tables of a group, all or none.
pub(super) async fn fill(
    source: &Tx,
    from: &Database,
    to: &Database,
    group: &Group,
    telling: &Telling<'_>,
) -> Result<Vec<Filled>> {
    to.transaction(|tx: Tx| async move { fill_within(&tx, source, from, to, group, telling).await })
        .timeout(AS_LONG_AS_IT_TAKES)
        // The source's rows are read once.
        .max_attempts(1)
        .await
}

async fn fill_within(
    tx: &Tx,
    source: &Tx,
    from: &Database,
    to: &Database,
    group: &Group,
    telling: &Telling<'_>,
) -> Result<Vec<Filled>> {
    let dialect = to.dialect();
    let inside: Vec<Inside<'_>> = group
        .tables
        .iter()
        .map(|table| Inside {
            table: table.model.name,
            keys: table.inside.iter().collect(),
        })
        .collect();
    engine::begin(tx, dialect, &inside).await?;
    let mut all = Vec::with_capacity(group.tables.len());
    for (table, number) in group.tables.iter().zip(telling.before + 1..) {
        let name = table.model.name;
        telling.options.tell(Event::Begun {
            table: name,
            number,
            of: telling.of,
            rows: telling.estimates.get(name).copied(),
        });
        let filled = one(tx, source, from, table, telling.options).await?;
        telling.options.tell(Event::Filled {
            table: name,
            rows: filled.rows,
            took: filled.took,
        });
        all.push(filled);
    }
    for table in &group.tables {
        for key in &table.inside {
            check(tx, to, table, key).await?;
        }
    }
    engine::end(tx, dialect, &inside).await?;
    for (table, filled) in group.tables.iter().zip(&all) {
        go_on_behind(tx, to, table).await?;
        marker::filled(tx, table.model.name, filled.rows).await?;
    }
    telling.options.control.check()?;
    Ok(all)
}

async fn one(
    tx: &Tx,
    source: &Tx,
    from: &Database,
    table: &Planned,
    options: &Options,
) -> Result<Filled> {
    let started = Instant::now();
    let mut out = Filled::default();
    let mut rows = Rows::of(source, from.dialect(), table);
    let ended = loop {
        let chunk = match rows.next().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        let added = match options.control.check() {
            Ok(()) => write::add(tx, table, &chunk, out.rows).await,
            Err(stopped) => Err(stopped),
        };
        if let Err(error) = added {
            break Err(error);
        }
        out.rows += chunk.rows.len() as u64;
        out.bytes += chunk.bytes;
        options.tell(Event::Rows {
            table: table.model.name,
            rows: out.rows,
            bytes: out.bytes,
        });
    };
    rows.stop().await;
    ended?;
    out.took = started.elapsed();
    Ok(out)
}

/// Whether every reference of a key that was not looked at row by row leads somewhere.
async fn check(tx: &Tx, to: &Database, table: &Planned, key: &ForeignKey) -> Result<()> {
    let model = table.model;
    let quote = |name: &str| to.dialect().quote(name);
    let pairs = || key.columns.iter().zip(&key.referenced_columns);
    let given: Vec<_> = pairs()
        .map(|(own, _)| format!("c.{} IS NOT NULL", quote(own)))
        .collect();
    let equal: Vec<_> = pairs()
        .map(|(own, other)| format!("p.{} = c.{}", quote(other), quote(own)))
        .collect();
    let shown: Vec<_> = table
        .key
        .iter()
        .map(|at| format!("c.{}", quote(model.columns[*at].name)))
        .collect();
    let shown = if shown.is_empty() {
        "1".to_owned()
    } else {
        shown.join(", ")
    };
    let sql = format!(
        "SELECT {shown} FROM {} c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} p WHERE {}) LIMIT 1",
        quote(model.name),
        given.join(" AND "),
        quote(&key.references),
        equal.join(" AND ")
    );
    let columns = table.key.clone();
    let read = move |row: &Row<'_>| {
        let types = columns.iter().map(|at| &model.columns[*at].ty);
        types
            .enumerate()
            .map(|(position, ty)| values::read(row, position, ty))
            .collect::<Result<Vec<Value>>>()
    };
    let found = tx
        .sql(sql)
        .timeout(AS_LONG_AS_IT_TAKES)
        .fetch_with(read)
        .await?;
    let Some(found) = found.into_iter().next() else {
        return Ok(());
    };
    let names: Vec<&str> = table.key.iter().map(|at| model.columns[*at].name).collect();
    let which = values::row_in_words(&names, &found).unwrap_or_else(|| "no key".to_owned());
    let error = Error::new(
        ErrorKind::ForeignKey,
        format!(
            "{}: the row with {which} refers to a row of {} that is not there",
            model.name, key.references
        ),
    )
    .with_table(model.name)
    .with_columns(key.columns.clone())
    .with_hint("correct the row in the source, and begin again");
    Err(match &key.name {
        Some(name) => error.with_constraint(name.clone()),
        None => error,
    })
}

/// Keys that the database makes go on behind the greatest that was copied.
async fn go_on_behind(tx: &Tx, to: &Database, table: &Planned) -> Result<()> {
    let Some(statement) = engine::next_key(to.dialect()) else {
        return Ok(());
    };
    for position in &table.made {
        let column = table.model.columns[*position].name;
        let name = to.dialect().quote(table.model.name);
        let greatest: Option<i64> = tx
            .sql(format!(
                "SELECT max({}) FROM {name}",
                to.dialect().quote(column)
            ))
            .timeout(AS_LONG_AS_IT_TAKES)
            .scalar()
            .await?;
        // A sequence begins with 1.
        if let Some(greatest @ 1..) = greatest {
            tx.sql(statement)
                .bind(name)
                .bind(column)
                .bind(greatest)
                .fetch_with(|_| Ok(()))
                .await?;
        }
    }
    Ok(())
}
