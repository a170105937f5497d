//! How many rows there are and what is in them, before and after.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use mainstay::{Database, Result};

use super::engine::{self, Sums};
use super::touched::Touched;
use crate::catalog::{Catalog, Column, Table};

/// The longest one statement may take.
const LIMIT: Duration = Duration::from_secs(600);

/// What is in the tables of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Measure {
    pub(super) tables: BTreeMap<String, Measured>,
}

/// What is in a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) rows: u64,
    /// The columns by which values belong to their rows.
    key: Vec<String>,
    /// Each column's type and the sum of its values.
    columns: BTreeMap<String, (String, String)>,
}

impl Measured {
    /// All sums in one.
    pub(super) fn checksum(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.columns.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

/// Measures the tables of a catalog that are in another one, too, where there is another: columns
/// that only the first has need not be read.
pub(super) async fn measure(
    db: &Database,
    catalog: &Catalog,
    only: Option<&Catalog>,
) -> Result<Measure> {
    let mut out = Measure::default();
    for table in &catalog.tables {
        let other = match only {
            None => None,
            Some(only) => match only.table(&table.name) {
                None => continue,
                other => other,
            },
        };
        let wanted = |column: &&Column| {
            // What is computed from others says nothing of its own.
            let is_stored = column.generated.is_none();
            is_stored && other.is_none_or(|other| other.column(&column.name).is_some())
        };
        let columns: Vec<&Column> = table.columns.iter().filter(wanted).collect();
        let measured = one(db, table, &columns).await?;
        out.tables.insert(table.name.clone(), measured);
    }
    Ok(out)
}

async fn one(db: &Database, table: &Table, columns: &[&Column]) -> Result<Measured> {
    let key: Vec<&str> = match &table.primary_key {
        Some(key) => key.columns.iter().map(String::as_str).collect(),
        None => Vec::new(),
    };
    let (rows, sums) = match engine::sums(db.dialect(), table, &key, columns) {
        Sums::Query(sql) => by_query(db, sql, columns.len()).await?,
        Sums::Rows { sql, paged } => by_rows(db, &sql, paged, columns.len()).await?,
    };
    let sums = columns.iter().zip(sums);
    Ok(Measured {
        rows,
        key: key.iter().map(|&name| name.to_owned()).collect(),
        columns: sums
            .map(|(column, sum)| (column.name.clone(), (column.ty.clone(), sum)))
            .collect(),
    })
}

async fn by_query(db: &Database, sql: String, columns: usize) -> Result<(u64, Vec<String>)> {
    let found = db
        .sql(sql)
        .fetch_with(move |row| {
            let rows: i64 = row.get(0)?;
            let sums: Result<Vec<String>> = (1..=columns).map(|at| row.get(at)).collect();
            Ok((u64::try_from(rows).unwrap_or(0), sums?))
        })
        .timeout(LIMIT)
        .await?;
    Ok(found.into_iter().next().unwrap_or_default())
}

async fn by_rows(
    db: &Database,
    sql: &str,
    paged: bool,
    columns: usize,
) -> Result<(u64, Vec<String>)> {
    let mut rows = 0;
    let mut sums = vec![0_u64; columns];
    let mut place = i64::MIN;
    loop {
        let mut statement = db.sql(sql);
        if paged {
            statement = statement.bind(place);
        }
        let page: Vec<(i64, Vec<u64>)> = statement
            .fetch_with(move |row| {
                let place: i64 = row.get(0)?;
                let key: String = row.get(1)?;
                let mut hashes = Vec::with_capacity(columns);
                for at in 0..columns {
                    let text: String = row.get(at + 2)?;
                    let mut hasher = DefaultHasher::new();
                    (&key, &text).hash(&mut hasher);
                    hashes.push(hasher.finish());
                }
                Ok((place, hashes))
            })
            .timeout(LIMIT)
            .await?;
        rows += page.len() as u64;
        for (_, hashes) in &page {
            for (sum, hash) in sums.iter_mut().zip(hashes) {
                *sum = sum.wrapping_add(*hash);
            }
        }
        match page.last() {
            Some((last, _)) if paged && page.len() == engine::PAGE => place = *last,
            _ => break,
        }
    }
    let sums = sums.iter().map(|sum| format!("{sum:016x}"));
    Ok((rows, sums.collect()))
}

/// What differs between two measures, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Differences {
    /// What must not differ.
    pub(super) lost: Vec<String>,
    /// What statements of the migrations have changed, or cannot be compared.
    pub(super) remarks: Vec<String>,
}

/// Compares what is in two measures at the tables and columns that both have. `when` says when the
/// second was taken. What the statements `touched` may differ.
pub(super) fn compare(
    before: &Measure,
    after: &Measure,
    touched: &Touched,
    when: &str,
) -> Differences {
    let mut out = Differences::default();
    for (name, old) in &before.tables {
        let Some(new) = after.tables.get(name) else {
            continue;
        };
        if old.rows != new.rows {
            let what = format!("{name} had {} rows and has {} {when}", old.rows, new.rows);
            match touched.rows_of(name) {
                true => out
                    .remarks
                    .push(format!("{what}; a statement of the way up does that")),
                false => out.lost.push(what),
            }
            // Their values differ, then, too.
            continue;
        }
        if old.key != new.key {
            out.remarks.push(format!(
                "the values of {name} cannot be compared {when}: its primary key is another"
            ));
            continue;
        }
        for (column, (old_type, old_sum)) in &old.columns {
            let Some((new_type, new_sum)) = new.columns.get(column) else {
                continue;
            };
            if old_sum == new_sum {
                continue;
            }
            let what = format!("the values of {name}.{column} are others {when}");
            if old_type != new_type {
                out.remarks.push(format!(
                    "{what}: it was of type {old_type} and is of {new_type}"
                ));
            } else if touched.column(name, column) {
                out.remarks
                    .push(format!("{what}; a statement of the way up does that"));
            } else {
                out.lost.push(what);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(rows: u64, columns: &[(&str, &str, &str)]) -> Measure {
        let columns = columns
            .iter()
            .map(|&(name, ty, sum)| (name.to_owned(), (ty.to_owned(), sum.to_owned())));
        let measured = Measured {
            rows,
            key: vec!["id".to_owned()],
            columns: columns.collect(),
        };
        Measure {
            tables: [("goals".to_owned(), measured)].into(),
        }
    }

    #[test]
    fn what_is_on_both_sides_must_be_the_same() {
        let before = measure(2, &[("id", "int", "a"), ("note", "text", "b")]);
        let none = Touched::default();
        let more = measure(2, &[("id", "int", "a"), ("extra", "text", "c")]);
        assert_eq!(
            compare(&before, &more, &none, "now"),
            Differences::default()
        );
        let other = measure(2, &[("id", "int", "a"), ("note", "text", "c")]);
        let found = compare(&before, &other, &none, "after the way up");
        assert_eq!(
            found.lost,
            ["the values of goals.note are others after the way up"]
        );
        let fewer = measure(1, &[("id", "int", "c")]);
        let found = compare(&before, &fewer, &none, "now");
        assert_eq!(found.lost, ["goals had 2 rows and has 1 now"]);
        let wider = measure(2, &[("note", "bigint", "c")]);
        let found = compare(&before, &wider, &none, "now");
        assert!(found.lost.is_empty() && found.remarks[0].contains("of type text"));
        let mut keyless = other;
        if let Some(table) = keyless.tables.get_mut("goals") {
            table.key.clear();
        }
        let found = compare(&before, &keyless, &none, "now");
        assert!(found.lost.is_empty() && found.remarks[0].contains("primary key"));
    }
}
