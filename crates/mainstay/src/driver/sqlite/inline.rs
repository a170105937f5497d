//! Short reads on the caller's own thread.
//!
//! A read by key takes a few microseconds, and handing it to another thread and back takes many
//! times that. So it runs where it is asked for, within limits that hold whatever it turns out to
//! do: SQLite stops it after a number of instructions, and the rows it may give and the bytes they
//! may have are counted. It waits for no lock. What meets a limit is given up, to be run again on
//! a thread.

use std::cell::Cell;

use rusqlite::{Connection, Row, ffi};

use super::bind::{self, bind};
use super::caller::{self, INSTRUCTIONS};
use super::classify::{self, classify};
use crate::driver::{Columns, Done, Inline, RowSink, Statement};
use crate::error::Result;
use crate::value::Cell as Value;

/// How many times SQLite reports progress before a read is given up. At a few dozen nanoseconds
/// for an instruction this is well below a millisecond; a hundred rows of ten columns by an index
/// are two thousand instructions.
const REPORTS: u32 = 12;

/// How many rows a read may give: reading one into an entity takes about a microsecond.
const ROWS: u64 = 500;

/// How many bytes of text and blobs may be read.
const BYTES: usize = 256 * 1024;

/// How much of a task's turn of 128 a read by key takes, a report of progress, and a row: a list of
/// a hundred rows makes a turn of 300 microseconds, reads by key one of twice that. With longer ones
/// 64 tasks that always have something to read keep each other, and timers, waiting for long. With
/// shorter ones more than one read by key of a hundred is the one that waits for its next turn.
const WORK_PER_READ: u32 = 1;
const WORK_PER_REPORT: u32 = 10;
const WORK_PER_ROW: u32 = 1;
/// For each [`BYTES`] of values: copying as much takes longer than a read may.
const WORK_PER_BYTES: u32 = 128;

/// What came of a read.
enum Came {
    /// It ran to its end. Also how many bytes its values took.
    Done(Done, usize),
    /// It met a limit.
    TooLong,
    /// It met another process's lock, or turned out to write.
    NotHere,
}

/// Runs a read. The caller has made sure that the sink can forget its rows.
pub(super) fn run(
    connection: &Connection,
    statement: &Statement,
    sink: &mut dyn RowSink,
) -> Inline {
    let (came, reports) = caller::within(REPORTS, || step_through(connection, statement, sink));
    let (result, rows, bytes) = match came {
        Ok(Came::Done(done, bytes)) => (Ok(done), done.rows, bytes),
        Ok(Came::TooLong) => {
            sink.restart();
            return Inline::GivenUp;
        }
        Ok(Came::NotHere) => {
            sink.restart();
            return Inline::NotTried;
        }
        Err(error) => (Err(error), 0, 0),
    };
    // At most ROWS.
    let rows = u32::try_from(rows).unwrap_or(u32::MAX);
    // The last row may be of any size.
    let large = u32::try_from(bytes / BYTES).unwrap_or(u32::MAX);
    Inline::Ran {
        result,
        work: (WORK_PER_READ + reports * WORK_PER_REPORT)
            .saturating_add(rows.saturating_mul(WORK_PER_ROW))
            .saturating_add(large.saturating_mul(WORK_PER_BYTES)),
    }
}

/// Runs BEGIN, COMMIT or ROLLBACK of a transaction that reads, which take no longer than a read.
pub(super) fn control(work: impl FnOnce() -> Result<()>) -> Result<()> {
    caller::within(REPORTS, work).0
}

fn step_through(
    connection: &Connection,
    statement: &Statement,
    sink: &mut dyn RowSink,
) -> Result<Came> {
    let mut prepared = match connection.prepare_cached(&statement.sql) {
        Ok(prepared) => prepared,
        Err(error) => return not_here(&error).ok_or_else(|| classify(&error)),
    };
    if !prepared.readonly() {
        return Ok(Came::NotHere);
    }
    bind(&mut prepared, &statement.values)?;
    let (mut count, bytes) = (0, Cell::new(0));
    let mut rows = prepared.raw_query();
    loop {
        match rows.next() {
            Ok(Some(row)) => {
                count += 1;
                if count > ROWS || bytes.get() > BYTES || sink.is_full() {
                    return Ok(Came::TooLong);
                }
                sink.row(&crate::driver::Row::new(&Borrowed {
                    row,
                    columns: row.as_ref().column_count(),
                    bytes: &bytes,
                }))?;
            }
            Ok(None) => {
                let done = Done {
                    rows: count,
                    last_insert_id: None,
                };
                return Ok(Came::Done(done, bytes.get()));
            }
            Err(error) => {
                return not_here(&error)
                    .ok_or_else(|| classify::while_running(&error, &statement.sql));
            }
        }
    }
}

/// What an error means that only says that the read has to run elsewhere.
fn not_here(error: &rusqlite::Error) -> Option<Came> {
    match error.sqlite_error()?.extended_code & 0xff {
        ffi::SQLITE_INTERRUPT => Some(Came::TooLong),
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => Some(Came::NotHere),
        _ => None,
    }
}

/// A row where SQLite has it.
struct Borrowed<'a> {
    row: &'a Row<'a>,
    columns: usize,
    bytes: &'a Cell<usize>,
}

impl Columns for Borrowed<'_> {
    fn len(&self) -> usize {
        self.columns
    }

    fn name(&self, position: usize) -> Option<&str> {
        self.row.as_ref().column_name(position).ok()
    }

    fn cell(&self, position: usize) -> Result<Value<'_>> {
        let column = self
            .row
            .get_ref(position)
            .map_err(|error| classify(&error))?;
        let cell = bind::borrow(column).map_err(|error| match self.name(position) {
            Some(name) => error.with_columns([name.to_owned()]),
            None => error,
        })?;
        let length = match &cell {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            _ => return Ok(cell),
        };
        self.bytes.set(self.bytes.get() + length);
        Ok(cell)
    }
}

// The limits are in proportion: the longest read without rows is about a turn.
const _: () = assert!(INSTRUCTIONS == 1000 && WORK_PER_READ + REPORTS * WORK_PER_REPORT < 128);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_left_to_a_thread_that_can_wait() {
        let failure = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        for code in [ffi::SQLITE_BUSY, ffi::SQLITE_BUSY_RECOVERY] {
            assert!(matches!(not_here(&failure(code)), Some(Came::NotHere)));
        }
        let stopped = failure(ffi::SQLITE_INTERRUPT);
        assert!(matches!(not_here(&stopped), Some(Came::TooLong)));
        assert!(not_here(&failure(ffi::SQLITE_CORRUPT)).is_none());
        assert!(not_here(&rusqlite::Error::QueryReturnedNoRows).is_none());
    }
}
