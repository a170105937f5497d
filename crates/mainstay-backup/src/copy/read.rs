//! Rows on their way out: streamed from one statement, so many at a time.

use std::sync::Arc;

use mainstay::driver::{BoxFuture, Row, RowSink};
use mainstay::schema::{Dialect, TableModel};
use mainstay::{Error, ErrorKind, Result, Tx, Value};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::limits::AS_LONG_AS_IT_TAKES;
use super::plan::Planned;
use super::values;

/// Rows that travel together. They are a statement, or a load in bulk, on the other side.
const ROWS: usize = 10_000;

/// They are fewer where they are larger than this.
const BYTES: usize = 4 * 1024 * 1024;

/// Some rows of a table, and about how many bytes they are.
pub(super) struct Chunk {
    pub(super) rows: Arc<Vec<Vec<Value>>>,
    pub(super) bytes: u64,
}

/// Rows that are being read. Dropping it ends the reading.
pub(super) struct Rows {
    chunks: mpsc::Receiver<Chunk>,
    reading: Option<JoinHandle<Result<()>>>,
}

impl Rows {
    /// Reads all rows of a table within a transaction, never more than a few thousand ahead.
    pub(super) fn of(tx: &Tx, dialect: Dialect, table: &Planned) -> Self {
        let (sender, chunks) = mpsc::channel(1);
        let statement = tx
            .sql(select(dialect, table.model))
            .timeout(AS_LONG_AS_IT_TAKES);
        let sink = Chunks {
            model: table.model,
            key: table.key.clone(),
            rows: Vec::new(),
            bytes: 0,
            sender,
        };
        // On a task of its own, so that one side is read while the other is written.
        let reading = tokio::spawn(async move {
            let mut sink = statement.fetch_into(sink).await?;
            sink.send().await
        });
        Self {
            chunks,
            reading: Some(reading),
        }
    }

    /// The next rows; nothing behind the last.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>> {
        if let Some(chunk) = self.chunks.recv().await {
            return Ok(Some(chunk));
        }
        match self.reading.take() {
            Some(reading) => reading.await.map_err(Error::unexpected)?.map(|()| None),
            None => Ok(None),
        }
    }

    /// Ends the reading, wherever it is.
    pub(super) async fn stop(mut self) {
        drop(self.chunks);
        if let Some(reading) = self.reading.take() {
            // That nobody takes its rows is what it was told.
            let _ = reading.await;
        }
    }
}

/// The statement that reads a table, columns in the model's order.
pub(super) fn select(dialect: Dialect, model: &TableModel) -> String {
    let columns: Vec<_> = model
        .columns
        .iter()
        .map(|column| dialect.quote(column.name))
        .collect();
    format!(
        "SELECT {} FROM {}",
        columns.join(", "),
        dialect.quote(model.name)
    )
}

/// Reads one row as values of their columns' types.
pub(super) fn row(row: &Row<'_>, model: &'static TableModel, key: &[usize]) -> Result<Vec<Value>> {
    let mut out = Vec::with_capacity(model.columns.len());
    for (position, column) in model.columns.iter().enumerate() {
        match values::read(row, position, &column.ty) {
            Ok(value) => out.push(value),
            Err(error) => return Err(unreadable(row, model, key, (column.name, error))),
        }
    }
    Ok(out)
}

#[cold]
fn unreadable(
    row: &Row<'_>,
    model: &'static TableModel,
    key: &[usize],
    (column, error): (&'static str, Error),
) -> Error {
    let names: Vec<&str> = key.iter().map(|at| model.columns[*at].name).collect();
    let values: Result<Vec<Value>> = key
        .iter()
        .map(|at| values::read(row, *at, &model.columns[*at].ty))
        .collect();
    let which = values
        .ok()
        .and_then(|key| values::row_in_words(&names, &key));
    let which = which.map_or_else(String::new, |which| format!(", in the row with {which}"));
    Error::new(
        error.kind(),
        format!("{}.{column}: {}{which}", model.name, error.detail()),
    )
    .with_table(model.name)
    .with_columns([column])
    .with_hint("correct the value, or the column's type, and begin again")
}

struct Chunks {
    model: &'static TableModel,
    key: Vec<usize>,
    rows: Vec<Vec<Value>>,
    bytes: usize,
    sender: mpsc::Sender<Chunk>,
}

impl Chunks {
    async fn send(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        let bytes = std::mem::take(&mut self.bytes) as u64;
        if rows.is_empty() {
            return Ok(());
        }
        let chunk = Chunk {
            rows: Arc::new(rows),
            bytes,
        };
        let sent = self.sender.send(chunk).await;
        sent.map_err(|_| Error::new(ErrorKind::Unexpected, "nobody takes the rows any more"))
    }
}

impl RowSink for Chunks {
    fn row(&mut self, found: &Row<'_>) -> Result<()> {
        let values = row(found, self.model, &self.key)?;
        self.bytes += values.iter().map(values::weight).sum::<usize>();
        self.rows.push(values);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= ROWS || self.bytes >= BYTES
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.send())
    }
}
