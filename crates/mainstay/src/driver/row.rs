//! Where rows go as they arrive.

use super::contract::BoxFuture;
use crate::error::Result;
use crate::value::Row;

/// Where rows go as they arrive.
pub trait RowSink: Send {
    /// Takes a row.
    ///
    /// # Errors
    /// An error ends the statement and is returned from it.
    fn row(&mut self, row: &Row<'_>) -> Result<()>;

    /// The rows that follow are those of the statement at `index` of a batch, and so is an error
    /// that follows. After the last statement it is called once more, with their number, before
    /// the commit.
    fn statement(&mut self, _index: usize) {}

    /// Forgets the rows taken so far, because the statement starts again. `false` means that the
    /// sink cannot; it is asked once before the first row, when there is nothing to forget.
    fn restart(&mut self) -> bool {
        false
    }

    /// Whether the sink wants to be [flushed](Self::flush) before the next row. This is how a
    /// stream keeps a driver from running ahead of its reader.
    fn is_full(&self) -> bool {
        false
    }

    /// Waits until the sink can take rows again.
    fn flush(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

/// A sink that drops rows: for statements that return none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ignore;

impl RowSink for Ignore {
    fn row(&mut self, _: &Row<'_>) -> Result<()> {
        Ok(())
    }

    fn restart(&mut self) -> bool {
        true
    }
}

/// A sink that reads each row with a function and keeps the results.
#[derive(Debug)]
pub struct Collect<T, F> {
    read: F,
    /// What was read.
    pub items: Vec<T>,
}

impl<T, F: FnMut(&Row<'_>) -> Result<T>> Collect<T, F> {
    /// An empty collection.
    pub fn new(read: F) -> Self {
        Self {
            read,
            items: Vec::new(),
        }
    }
}

impl<T: Send, F: FnMut(&Row<'_>) -> Result<T> + Send> RowSink for Collect<T, F> {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        self.items.push((self.read)(row)?);
        Ok(())
    }

    fn restart(&mut self) -> bool {
        self.items.clear();
        true
    }
}
