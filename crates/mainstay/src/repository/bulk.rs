//! Making many rows: in bulk where the engine has a way of its own, by statements of many rows
//! elsewhere.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::join;
use tokio::task::{JoinError, spawn_blocking};

use super::fill::{self, FilledRow};
use super::foreign_key;
use super::handle::table;
use super::render::Table;
use crate::database::{CallOptions, Executor};
use crate::driver::row::Ignore;
use crate::driver::{Access, Batch, BeginOptions, Load, Statement};
use crate::entropy::KeySeries;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Assignment, Entity, TableModel};
use crate::validate;
use crate::value::Value;

/// The most rows of one statement. More gain nothing, and a statement's time limit is per chunk.
const ROWS: usize = 500;

/// The same where each statement is a round trip.
const ROWS_OF_TRIP: usize = 1000;

/// A statement ends at about this many bytes of values: engines bound what they take at once.
const BYTES: usize = 1024 * 1024;

/// From so many rows on, a bulk load costs less than a statement: it takes two round trips more.
const LOAD_FROM: usize = 50;

/// The most rows of one load.
const LOAD_ROWS: usize = 50_000;

/// From so many rows on, several threads prepare them: below, it takes about two milliseconds.
pub(super) const SHARE_FROM: usize = 2_000;

/// A transaction of more rows shares its commit with nobody, who would have to wait for it.
const ALONE_FROM: u64 = 1_000;

/// Rows that give the same columns.
pub(super) struct Group {
    columns: Arc<[usize]>,
    rows: Arc<Vec<Vec<Value>>>,
}

impl Group {
    /// Rows that need no preparation.
    pub(super) fn new(columns: &[usize], rows: Arc<Vec<Vec<Value>>>) -> Self {
        Self {
            columns: columns.into(),
            rows,
        }
    }

    /// The group of the rows, if there are any.
    fn of(columns: &[usize], rows: &mut Vec<Vec<Value>>) -> Option<Self> {
        (!rows.is_empty()).then(|| Self {
            columns: columns.into(),
            rows: Arc::new(std::mem::take(rows)),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn first(&self) -> Option<FilledRow> {
        let row = self.rows.first()?;
        Some((self.columns.to_vec(), row.clone()))
    }
}

/// How many rows there are in all.
pub(super) fn count(groups: &[Group]) -> u64 {
    groups.iter().map(|group| group.rows.len() as u64).sum()
}

/// Frees rows. Many take longer than a task may have its thread.
pub(super) fn free(groups: Vec<Group>) {
    if count(&groups) >= SHARE_FROM as u64 {
        drop(spawn_blocking(move || drop(groups)));
    }
}

/// The error when a thread that prepared rows has panicked.
pub(super) fn unprepared(error: &JoinError) -> Error {
    Error::new(
        ErrorKind::Unexpected,
        format!("the rows could not be prepared: {error}"),
    )
}

pub(super) fn prepare_part<E: Entity>(
    given: Vec<Vec<Assignment>>,
    now: DateTime<Utc>,
    mut keys: KeySeries,
) -> Result<Vec<Group>> {
    let mut key = || keys.next();
    let mut groups = Vec::new();
    let (mut columns, mut rows) = (Vec::new(), Vec::with_capacity(given.len()));
    let mut its_columns = Vec::new();
    for mut row in given {
        validate::prepare_insert(E::table(), &mut row, now)?;
        let values = fill::insert_many(E::table(), row, now, &mut key, &mut its_columns)?;
        if columns != its_columns {
            groups.extend(Group::of(&columns, &mut rows));
            columns.clone_from(&its_columns);
        }
        rows.push(values);
    }
    groups.extend(Group::of(&columns, &mut rows));
    Ok(groups)
}

/// Makes rows that are prepared.
pub(super) async fn insert<E: Entity>(
    executor: &Executor,
    groups: &[Group],
    options: &CallOptions,
) -> Result<u64> {
    let total = count(groups);
    if total == 0 {
        return Ok(0);
    }
    if let (Executor::Database(db), [group]) = (executor, groups)
        && let Some(chunk) = only_chunk(executor, group)
    {
        // One statement needs no transaction around it.
        let statement = Writer::new(executor, E::table(), group).statement(chunk)?;
        let batch = Batch {
            statements: vec![statement],
            lock_wait: None,
        };
        let deadline = options.deadline(db.shared.timeouts.statement);
        return match db.run_batch(batch, &mut Ignore, deadline, options).await {
            Ok(done) => Ok(done.iter().map(|done| done.rows).sum()),
            Err(error) => Err(named(executor, E::table(), error, (group, chunk), options).await),
        };
    }
    executor
        .atomically_with(begin(total), options, |executor| async move {
            let (mut made, mut before) = (0, 0);
            for group in groups {
                let of = (before, total);
                let loading = loads(&executor, group);
                made += insert_group(&executor, E::table(), group, (of, loading), options).await?;
                before += group.len();
            }
            Ok(made)
        })
        .await
}

/// How the transaction of so many rows begins.
pub(super) fn begin(total: u64) -> BeginOptions {
    BeginOptions {
        alone: total > ALONE_FROM,
        ..BeginOptions::default()
    }
}

/// `before` rows of all the `total` ones are in groups before this one. They are loaded in bulk
/// if `loading`, which the engine must be able to do.
pub(super) async fn insert_group(
    executor: &Executor,
    model: &'static TableModel,
    group: &Group,
    ((before, total), mut loading): ((usize, u64), bool),
    options: &CallOptions,
) -> Result<u64> {
    let (mut made, mut start) = (0, 0);
    while loading && start < group.rows.len() {
        let (columns, rows) = (Arc::clone(&group.columns), Arc::clone(&group.rows));
        let load = Load::new(model, columns, rows, start..start + LOAD_ROWS);
        match executor.load(load.clone(), options).await {
            // The statements below write it, and what follows.
            Ok(_) if load.is_declined() => loading = false,
            Ok(rows) => {
                made += rows;
                start += load.rows().len();
            }
            Err(error) => {
                let error = named(executor, model, error, (group, load.suspects()), options).await;
                return Err(match load.refused() {
                    Some(row) => {
                        let total = usize::try_from(total).unwrap_or(usize::MAX);
                        error.at_row(before + start + row, total)
                    }
                    None => error,
                });
            }
        }
    }
    let mut writer = Writer::new(executor, model, group);
    let mut rest = &group.rows[start..];
    let mut next = || {
        let (chunk, after) = rest.split_at(chunk_length(executor, rest));
        rest = after;
        (!chunk.is_empty()).then(|| writer.statement(chunk).map(|statement| (chunk, statement)))
    };
    let mut turn = next();
    while let Some(ready) = turn {
        let (chunk, statement) = ready?;
        // The next statement is put together while the engine works on this one.
        let mut sink = Ignore;
        let running = executor.run(statement, &mut sink, options);
        let (ran, following) = join(running, async { next() }).await;
        match ran {
            Ok(done) => made += done.rows,
            Err(error) => {
                return Err(named(executor, model, error, (group, chunk), options).await);
            }
        }
        turn = following;
    }
    Ok(made)
}

pub(super) fn loads(executor: &Executor, group: &Group) -> bool {
    let capabilities = executor.capabilities();
    // Where nothing is a round trip, a single statement needs no transaction around it.
    let from = if capabilities.round_trips {
        LOAD_FROM
    } else {
        ROWS + 1
    };
    capabilities.bulk_load && group.rows.len() >= from
}

/// All rows of a group, if one statement takes them.
fn only_chunk<'a>(executor: &Executor, group: &'a Group) -> Option<&'a [Vec<Value>]> {
    let all = group.rows.as_slice();
    let whole = !loads(executor, group) && chunk_length(executor, all) == all.len();
    whole.then_some(all)
}

/// How many of the rows go into the next statement, at least one if there is one.
fn chunk_length(executor: &Executor, rows: &[Vec<Value>]) -> usize {
    let width = rows.first().map_or(1, Vec::len).max(1);
    let capabilities = executor.capabilities();
    let most = if capabilities.round_trips {
        ROWS_OF_TRIP
    } else {
        ROWS
    };
    let most = (capabilities.max_parameters / width).clamp(1, most);
    let mut bytes = 0;
    let fitting = rows.iter().take(most).take_while(|row| {
        bytes += row.iter().map(weight).sum::<usize>();
        bytes <= BYTES
    });
    fitting.count().max(1).min(rows.len())
}

/// About how many bytes a value takes on its way.
fn weight(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        // Nothing short of writing it tells; a document that matters is larger than this.
        Value::Json(_) => 1024,
        _ => 16,
    }
}

async fn named(
    executor: &Executor,
    model: &'static TableModel,
    error: Error,
    (group, rows): (&Group, &[Vec<Value>]),
    options: &CallOptions,
) -> Error {
    let chunk = (&*group.columns, rows);
    foreign_key::name_among(executor, model, error, chunk, options).await
}

/// Writes the statements of a group; those of equally many rows have one text.
struct Writer<'a> {
    table: Table<'a>,
    columns: &'a [usize],
    text: Option<(usize, Arc<str>)>,
}

impl<'a> Writer<'a> {
    fn new(executor: &'a Executor, model: &'static TableModel, group: &'a Group) -> Self {
        Self {
            table: table(executor, model),
            columns: &group.columns,
            text: None,
        }
    }

    fn statement(&mut self, rows: &[Vec<Value>]) -> Result<Statement> {
        let table = self.table;
        if self.columns.is_empty() {
            return table.insert(self.columns, rows.to_vec(), false);
        }
        let text = match &self.text {
            Some((count, text)) if *count == rows.len() => Arc::clone(text),
            _ => {
                // The text does not depend on the values.
                let nulls = vec![vec![Value::Null; self.columns.len()]; rows.len()];
                let text = table.insert(self.columns, nulls, false)?.sql;
                self.text = Some((rows.len(), Arc::clone(&text)));
                text
            }
        };
        let mut values = Vec::with_capacity(rows.len() * self.columns.len());
        for row in rows {
            let stored = self.columns.iter().zip(row);
            values.extend(stored.map(|(column, value)| table.stored(*column, value.clone())));
        }
        Ok(Statement::new(text, values, Access::Write).on(table.model.name))
    }
}
