//! Rows in bulk: one prepared statement of one row, run for each of them on the writer's thread.
//!
//! A statement of many rows costs SQLite more: its program is as long as its rows are many, and it
//! keeps a journal of its own, to undo the first rows when a later one is refused.

use chrono::{DateTime, Utc};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement};
use uuid::fmt::Hyphenated;

use super::bind::Bound;
use super::caller::Caller;
use super::classify::{self, classify};
use crate::driver::Load;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Dialect;
use crate::value::{ColumnType, Value};

/// Adds the rows one after the other. Those before a refused one are left to the transaction.
pub(super) fn add(connection: &Connection, load: &Load, caller: &Caller) -> Result<u64> {
    let sql = text(load);
    let mut statement = connection
        .prepare_cached(&sql)
        .map_err(|error| classify(&error))?;
    let types: Vec<_> = load.columns().map(|column| &column.ty).collect();
    let mut instants = Instants::default();
    let mut added = 0;
    for (position, row) in load.rows().iter().enumerate() {
        if caller.is_gone() {
            return Err(Error::new(ErrorKind::Deadline, "nobody waits for the rows"));
        }
        if row.len() != types.len() {
            return Err(Error::new(
                ErrorKind::Unexpected,
                "a row to load has another number of values than columns were named",
            ));
        }
        for ((value, ty), index) in row.iter().zip(&types).zip(1..) {
            bind(&mut statement, index, value, ty, &mut instants)
                .map_err(|error| classify(&error))?;
        }
        added += match statement.raw_execute() {
            Ok(changed) => changed as u64,
            Err(error) => {
                load.refuse(position);
                return Err(classify::while_running(&error, &sql));
            }
        };
    }
    Ok(added)
}

fn text(load: &Load) -> String {
    let quote = |name: &str| Dialect::Sqlite.quote(name);
    let columns: Vec<_> = load.columns().map(|column| quote(column.name)).collect();
    let places = vec!["?"; columns.len()].join(", ");
    let table = quote(load.table().name);
    format!(
        "INSERT INTO {table} ({}) VALUES ({places})",
        columns.join(", ")
    )
}

/// Binds a value in the form its column is stored in, without a copy of its own where that can be.
fn bind(
    statement: &mut Statement<'_>,
    index: usize,
    value: &Value,
    ty: &ColumnType,
    instants: &mut Instants,
) -> rusqlite::Result<()> {
    let mut text = [0; Hyphenated::LENGTH];
    let stored = match value {
        Value::Bool(truth) => ValueRef::Integer(i64::from(*truth)),
        Value::Uuid(id) => ValueRef::Text(id.hyphenated().encode_lower(&mut text).as_bytes()),
        Value::Instant(at) => return statement.raw_bind_parameter(index, instants.stored(*at)),
        Value::Decimal(_) | Value::Date(_) | Value::Json(_) => {
            let lowered = Dialect::Sqlite.lower(value.clone(), ty);
            return statement.raw_bind_parameter(index, Bound(&lowered));
        }
        other => return statement.raw_bind_parameter(index, Bound(other)),
    };
    statement.raw_bind_parameter(index, ToSqlOutput::Borrowed(stored))
}

/// The stored form of the last instant: most rows of a load are made at the same one.
#[derive(Default)]
struct Instants(Option<(DateTime<Utc>, Value)>);

impl Instants {
    fn stored(&mut self, at: DateTime<Utc>) -> Bound<'_> {
        if self.0.as_ref().is_some_and(|(last, _)| *last != at) {
            self.0 = None;
        }
        let lower = || (at, Dialect::Sqlite.lower_parameter(Value::Instant(at)));
        Bound(&self.0.get_or_insert_with(lower).1)
    }
}
