//! About how many rows the tables of a database have: for plans, and for the lint to weigh by.

use std::collections::BTreeMap;

use mainstay::driver::Row;
use mainstay::{Database, Result};

use crate::dialect::Sql;
use crate::history::table_exists;

/// A table with fewer rows is small: what is to be done to all of them takes no time to speak of.
pub(crate) const SMALL: u64 = 10_000;

/// Rows are counted up to this number where the engine's own estimate cannot be relied on.
const COUNTED: u64 = 1_000_000;

/// About how many rows each table of a database has, by its name. Reads only.
///
/// Large numbers are the engine's own estimate. Where it has none, or says that a table is small,
/// the rows are counted, up to a million.
///
/// # Errors
/// Those of reading.
pub async fn row_estimates(db: &Database) -> Result<BTreeMap<String, u64>> {
    let sql = Sql::of(db.dialect());
    let mut known: BTreeMap<String, i64> = read(db, sql.estimates).await?;
    if let Some((table, statistics)) = sql.statistics
        && table_exists(db, table).await?
    {
        for (name, number) in read(db, statistics).await? {
            known.entry(name).and_modify(|known| *known = number);
        }
    }
    let mut out = BTreeMap::new();
    for (name, number) in known {
        let estimate = u64::try_from(number).unwrap_or(0);
        let number = if estimate < SMALL {
            count(db, &name).await?
        } else {
            estimate
        };
        out.insert(name, number);
    }
    Ok(out)
}

async fn read(db: &Database, sql: &'static str) -> Result<BTreeMap<String, i64>> {
    let pair = |row: &Row<'_>| Ok((row.get::<String>(0)?, row.get::<i64>(1)?));
    Ok(db.sql(sql).fetch_with(pair).await?.into_iter().collect())
}

async fn count(db: &Database, table: &str) -> Result<u64> {
    let quoted = db.dialect().quote(table);
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {quoted} LIMIT {COUNTED}) AS some_rows");
    let number: i64 = db.sql(sql).scalar().await?;
    Ok(u64::try_from(number).unwrap_or(0))
}
