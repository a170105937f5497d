//! Rows on their way from a thread of SQLite's to the sink of a caller.
//!
//! A small result crosses at once, with the answer. A large one crosses in chunks through a
//! channel of one place: the thread stops while the caller's sink is full, so that a stream of any
//! length takes the memory of about three chunks.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Rows, Statement};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::bind;
use super::caller;
use super::classify::{self, classify};
use crate::driver::{Done, OwnedRow, Row, RowSink};
use crate::error::{Error, ErrorKind, Result};

/// A chunk ends at this many rows ...
pub(super) const CHUNK_ROWS: usize = 256;
/// ... or at about this many bytes.
const CHUNK_BYTES: usize = 256 * 1024;

/// How often a thread that may not wait for long looks for a place in the channel.
const LOOK: Duration = Duration::from_millis(1);

/// So many looks come one after another before it rests in between.
const YIELDS: u32 = 50;

/// Some rows of one result.
pub(super) type Chunk = Vec<OwnedRow>;

/// A statement that ran: what it did and the rows that did not cross yet.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) done: Done,
    pub(super) rest: Chunk,
}

/// A channel for the chunks of one result.
pub(super) fn chunks() -> (mpsc::Sender<Chunk>, mpsc::Receiver<Chunk>) {
    mpsc::channel(1)
}

/// Steps a statement to its end and gives its rows away. Without `chunks` they are all kept.
/// Returns how many there were and the rest.
pub(super) fn step_through(
    statement: &mut Statement<'_>,
    sql: &str,
    chunks: Option<&mpsc::Sender<Chunk>>,
) -> Result<(u64, Chunk)> {
    let mut rows = statement.raw_query();
    let taken = take(&mut rows, sql, chunks);
    if taken.is_err() {
        // One that wrote and whose rows nobody can read has no effect, in company or alone.
        caller::undoing(|| drop(rows));
    }
    taken
}

fn take(
    rows: &mut Rows<'_>,
    sql: &str,
    chunks: Option<&mpsc::Sender<Chunk>>,
) -> Result<(u64, Chunk)> {
    let mut names: Option<Arc<[String]>> = None;
    let (mut count, mut bytes, mut chunk) = (0_u64, 0_usize, Chunk::new());
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok((count, chunk)),
            Err(error) => return Err(classify::while_running(&error, sql)),
        };
        // Only now: SQLite may have prepared the statement anew, with other columns.
        let names = names.get_or_insert_with(|| {
            let names = row.as_ref().column_names();
            names.into_iter().map(str::to_owned).collect()
        });
        let mut values = Vec::with_capacity(names.len());
        for (position, name) in names.iter().enumerate() {
            let column = row.get_ref(position).map_err(|error| classify(&error))?;
            let value = bind::read(column).map_err(|error| error.with_columns([name.clone()]))?;
            bytes += bind::weight(&value);
            values.push(value);
        }
        count += 1;
        chunk.push(OwnedRow {
            names: Arc::clone(names),
            values,
        });
        if let Some(chunks) = chunks
            && (chunk.len() >= CHUNK_ROWS || bytes >= CHUNK_BYTES)
        {
            bytes = 0;
            send(chunks, std::mem::take(&mut chunk))?;
        }
    }
}

/// Waits for a place in the channel, for as long as this thread may.
fn send(chunks: &mpsc::Sender<Chunk>, mut chunk: Chunk) -> Result<()> {
    let unheard = || Error::new(ErrorKind::Deadline, "nobody takes the rows any more");
    let mut looks = 0;
    while let Some(left) = caller::left() {
        chunk = match chunks.try_send(chunk) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(chunk)) if !left.is_zero() => chunk,
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => return Err(unheard()),
        };
        // Whoever reads is most likely at the chunk before.
        if looks < YIELDS {
            std::thread::yield_now();
        } else {
            std::thread::sleep(left.min(LOOK));
        }
        looks += 1;
    }
    chunks.blocking_send(chunk).map_err(|_| unheard())
}

/// Gives the chunks to a sink until the answer is there, and then what is left.
///
/// When the sink refuses a row, `stop` is called and `answer` still awaited: the thread ends the
/// statement soon, since nobody takes its rows any more.
pub(super) async fn deliver<T>(
    mut chunks: mpsc::Receiver<Chunk>,
    answer: impl Future<Output = T>,
    sink: &mut dyn RowSink,
    stop: impl FnOnce(),
) -> (T, Result<()>) {
    tokio::pin!(answer);
    loop {
        let chunk = tokio::select! {
            biased;
            Some(chunk) = chunks.recv() => chunk,
            value = &mut answer => {
                while let Ok(chunk) = chunks.try_recv() {
                    if let Err(refused) = give(chunk, sink).await {
                        return (value, Err(refused));
                    }
                }
                return (value, Ok(()));
            }
        };
        if let Err(refused) = give(chunk, sink).await {
            drop(chunks);
            stop();
            return (answer.await, Err(refused));
        }
    }
}

/// Gives rows to a sink, waiting whenever it is full.
pub(super) async fn give(rows: Chunk, sink: &mut dyn RowSink) -> Result<()> {
    for row in &rows {
        if sink.is_full() {
            sink.flush().await?;
        }
        sink.row(&Row::new(row))?;
    }
    Ok(())
}
