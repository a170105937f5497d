//! Fills tables with made rows, many in a statement.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mainstay::value::Value;
use mainstay::{Database, Error, ErrorKind, Result};
use serde::Serialize;
use tokio::time::Instant;

use super::engine;
use super::layout::plan;
use super::rows::{Filling, There, Wanted};
use crate::catalog::Catalog;

/// The most rows of one statement.
const ROWS: usize = 5_000;

/// How many rows a table has that others refer to and nobody asked for.
pub const PARENTS: u64 = 1_000;

/// How many rows that are there already others may refer to.
const REFERRED: usize = 10_000;

/// The longest one statement may take.
const LIMIT: Duration = Duration::from_secs(300);

/// A table that was filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilledTable {
    /// Its name.
    pub table: String,
    /// How many rows were made.
    pub rows: u64,
    /// How long that took.
    #[serde(rename = "took_ms", serialize_with = "super::report::as_millis")]
    pub took: Duration,
}

/// Brings tables to the numbers of rows that are wanted, those that they refer to first. Tables
/// that are not there are passed over.
pub(super) async fn fill(
    db: &Database,
    catalog: &Catalog,
    rows: &BTreeMap<String, u64>,
    seed: u64,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<Vec<FilledTable>> {
    let mut counts = BTreeMap::new();
    for table in &catalog.tables {
        counts.insert(table.name.as_str(), count(db, &table.name).await?);
    }
    let wanted = wanted(catalog, &counts, rows);
    let there = there(db, catalog, &wanted, &counts).await?;
    let all = plan(catalog, &wanted, &there, seed)?;
    let mut out = Vec::new();
    for at in 0..all.len() {
        out.push(one(db, &all, at, tell).await?);
    }
    Ok(out)
}

async fn count(db: &Database, table: &str) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM {}", db.dialect().quote(table));
    let rows: i64 = db.sql(sql).scalar().timeout(LIMIT).await?;
    Ok(u64::try_from(rows).unwrap_or(0))
}

/// Which tables are to be filled, parents first.
fn wanted(
    catalog: &Catalog,
    counts: &BTreeMap<&str, u64>,
    rows: &BTreeMap<String, u64>,
) -> Vec<Wanted> {
    let mut out = Vec::new();
    let mut seen = BTreeSet::new();
    for table in rows.keys() {
        visit(catalog, counts, rows, table, &mut seen, &mut out);
    }
    out
}

fn visit(
    catalog: &Catalog,
    counts: &BTreeMap<&str, u64>,
    rows: &BTreeMap<String, u64>,
    name: &str,
    seen: &mut BTreeSet<String>,
    out: &mut Vec<Wanted>,
) {
    let Some(table) = catalog.table(name) else {
        return;
    };
    if !seen.insert(name.to_owned()) {
        return;
    }
    let first = counts.get(name).copied().unwrap_or(0);
    let end = match rows.get(name) {
        Some(end) => *end,
        // Somebody has to be there to be referred to.
        None if first == 0 => PARENTS,
        None => first,
    };
    if end <= first {
        return;
    }
    for key in &table.foreign_keys {
        visit(catalog, counts, rows, &key.references, seen, out);
    }
    out.push(Wanted {
        table: name.to_owned(),
        first,
        end,
    });
}

/// What has to be known of the rows that are there already.
async fn there(
    db: &Database,
    catalog: &Catalog,
    wanted: &[Wanted],
    counts: &BTreeMap<&str, u64>,
) -> Result<There> {
    let dialect = db.dialect();
    let quoted = |names: &[String]| {
        let names: Vec<String> = names.iter().map(|name| dialect.quote(name)).collect();
        names.join(", ")
    };
    let mut out = There::default();
    let tables = wanted
        .iter()
        .filter_map(|one| Some((one, catalog.table(&one.table)?)));
    for (one, table) in tables {
        for (at, key) in table.foreign_keys.iter().enumerate() {
            let is_filled = wanted.iter().any(|other| other.table == key.references);
            let rows = counts.get(key.references.as_str()).copied().unwrap_or(0);
            if is_filled || rows == 0 {
                continue;
            }
            let not_null: Vec<String> = key
                .referenced_columns
                .iter()
                .map(|name| format!("{} IS NOT NULL", dialect.quote(name)))
                .collect();
            let sql = format!(
                "SELECT {} FROM {} WHERE {} LIMIT {REFERRED}",
                quoted(&key.referenced_columns),
                dialect.quote(&key.references),
                not_null.join(" AND ")
            );
            let values = db.sql(sql).fetch_rows().timeout(LIMIT).await?;
            let values: Vec<Vec<Value>> = values.into_iter().map(|row| row.values).collect();
            out.referred.insert((table.name.clone(), at), values);
        }
        if one.first == 0 {
            continue;
        }
        for column in table.columns.iter().filter(|column| is_whole(&column.ty)) {
            let sql = format!(
                "SELECT coalesce(max({}), 0) FROM {}",
                dialect.quote(&column.name),
                dialect.quote(&table.name)
            );
            let largest: i64 = db.sql(sql).scalar().timeout(LIMIT).await?;
            let place = (table.name.clone(), column.name.clone());
            out.largest
                .insert(place, u64::try_from(largest).unwrap_or(0));
        }
    }
    Ok(out)
}

fn is_whole(ty: &str) -> bool {
    let ty = ty.to_ascii_lowercase();
    ["int", "integer", "bigint", "smallint", "mediumint"]
        .iter()
        .any(|name| ty == *name || ty.starts_with(&format!("{name}(")))
}

async fn one(
    db: &Database,
    all: &[Filling],
    at: usize,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<FilledTable> {
    const TOLD: u64 = 100_000;
    let filling = &all[at];
    let dialect = db.dialect();
    let started = Instant::now();
    let rows = filling.end - filling.first;
    let fits = engine::most_parameters(dialect) / filling.columns.len().max(1);
    let many = u64::try_from(ROWS.min(fits).max(1)).unwrap_or(1);
    let mut row = filling.first;
    let mut told = 0;
    while row < filling.end {
        let end = filling.end.min(row + many);
        let mut values = Vec::new();
        for number in row..end {
            values.extend(Filling::row(all, at, number)?);
        }
        let sql = insert(db, filling, end - row);
        let done = db.sql(sql).bind_all(values).execute().timeout(LIMIT).await;
        done.map_err(|error| refused(filling, error))?;
        row = end;
        let made = row - filling.first;
        if made / TOLD > told / TOLD && made < rows {
            tell(&format!("filling {}: {made} of {rows} rows", filling.table));
        }
        told = made;
    }
    for column in &filling.counting {
        if let Some(sql) = engine::count_on(dialect, &filling.table, column) {
            db.sql(sql).fetch_rows().timeout(LIMIT).await?;
        }
    }
    if let Some(sql) = engine::analyze(dialect, &filling.table) {
        db.sql(sql).fetch_rows().timeout(LIMIT).await?;
    }
    let took = started.elapsed();
    tell(&format!(
        "filled {}: {rows} rows in {took:.1?}",
        filling.table
    ));
    Ok(FilledTable {
        table: filling.table.clone(),
        rows,
        took,
    })
}

fn insert(db: &Database, filling: &Filling, rows: u64) -> String {
    let dialect = db.dialect();
    let columns: Vec<String> = filling
        .columns
        .iter()
        .map(|column| dialect.quote(&column.name))
        .collect();
    let row = format!("({})", vec!["?"; columns.len()].join(", "));
    let rows = usize::try_from(rows).unwrap_or(0);
    let overriding = match filling.overrides {
        true => engine::overriding(dialect),
        false => "",
    };
    format!(
        "INSERT INTO {} ({}){overriding} VALUES {}",
        dialect.quote(&filling.table),
        columns.join(", "),
        vec![row.as_str(); rows].join(", ")
    )
}

/// A made row that the engine refuses: its checks or triggers say more than is understood here.
fn refused(filling: &Filling, error: Error) -> Error {
    const OF_ROWS: [ErrorKind; 5] = [
        ErrorKind::Check,
        ErrorKind::Duplicate,
        ErrorKind::NotNull,
        ErrorKind::ForeignKey,
        ErrorKind::InvalidValue,
    ];
    if !OF_ROWS.contains(&error.kind()) {
        return error;
    }
    let constraint = error.constraint().map(|name| format!(" ({name})"));
    Error::new(
        error.kind(),
        format!(
            "a row made for {} was refused{}: {}",
            filling.table,
            constraint.unwrap_or_default(),
            error.detail()
        ),
    )
    .with_hint(
        "its rules are more than can be read here: restore a backup and rehearse on that, with \
         --copy",
    )
    .with_source(error)
}
