//! Rows on their way into a table, without a statement of their own.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::schema::{ColumnModel, TableModel};
use crate::value::Value;

/// Rows to load in bulk. They are shared, not copied: a driver may take them to a thread of its
/// own.
#[derive(Clone)]
pub struct Load {
    table: &'static TableModel,
    columns: Arc<[usize]>,
    all: Arc<Vec<Vec<Value>>>,
    range: Range<usize>,
    refused: Arc<AtomicUsize>,
    declined: Arc<AtomicBool>,
}

/// No row was named.
const NONE: usize = usize::MAX;

impl Load {
    /// The rows of `range` out of `all`, whose values are those of `columns`, in their order.
    pub fn new(
        table: &'static TableModel,
        columns: Arc<[usize]>,
        all: Arc<Vec<Vec<Value>>>,
        range: Range<usize>,
    ) -> Self {
        let range = range.start.min(all.len())..range.end.min(all.len());
        Self {
            table,
            columns,
            range: range.start..range.end.max(range.start),
            all,
            refused: Arc::new(AtomicUsize::new(NONE)),
            declined: Arc::default(),
        }
    }

    /// The table.
    pub fn table(&self) -> &'static TableModel {
        self.table
    }

    /// The columns given.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &'static ColumnModel> {
        let all = self.table.columns;
        self.columns.iter().map(|column| &all[*column])
    }

    /// The rows: values in the order of the columns, not yet in their stored form.
    pub fn rows(&self) -> &[Vec<Value>] {
        &self.all[self.range.clone()]
    }

    /// Notes which of the rows was refused, where the driver knows.
    pub fn refuse(&self, row: usize) {
        self.refused.store(row, Ordering::Relaxed);
    }

    /// Which of the rows was refused, where the driver knows.
    pub fn refused(&self) -> Option<usize> {
        let row = self.refused.load(Ordering::Relaxed);
        (row < self.range.len()).then_some(row)
    }

    /// Notes that the engine cannot load these rows, though it would take them by INSERT. Nothing
    /// has been sent then, and the load counts none.
    pub fn decline(&self) {
        self.declined.store(true, Ordering::Relaxed);
    }

    /// Whether the driver has declined.
    pub fn is_declined(&self) -> bool {
        self.declined.load(Ordering::Relaxed)
    }

    /// The rows among which the refused one is: from it on where the driver knows, else all.
    pub fn suspects(&self) -> &[Vec<Value>] {
        &self.rows()[self.refused().unwrap_or(0)..]
    }
}

/// Without the values, which may be anybody's data.
impl std::fmt::Debug for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Load")
            .field("table", &self.table.name)
            .field("rows", &self.range.len())
            .finish_non_exhaustive()
    }
}
