//! Rows: what a query gives, cell by cell.

use std::sync::Arc;

use super::{Cell, ColumnType, FromCell, Value};
use crate::error::{Error, ErrorKind, Result};

/// A driver's row: cells by position.
pub trait Columns {
    /// How many columns the row has.
    fn len(&self) -> usize;

    /// Whether the row has no columns.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of a column.
    fn name(&self, position: usize) -> Option<&str>;

    /// The cell at a position.
    ///
    /// # Errors
    /// `DECODE_ERROR` for a native type that Mainstay does not know.
    fn cell(&self, position: usize) -> Result<Cell<'_>>;
}

/// One row, borrowed from the driver while it is read.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    columns: &'a dyn Columns,
    /// Asked for once: every cell is held against it.
    len: usize,
}

impl std::fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Names only: rows hold personal data.
        f.debug_list()
            .entries((0..self.columns.len()).map(|i| self.columns.name(i)))
            .finish()
    }
}

/// For columns whose type nobody declared: hand-written SQL.
const UNDECLARED: ColumnType = ColumnType::Text { max: None };

impl<'a> Row<'a> {
    /// Wraps a driver's row.
    pub fn new(columns: &'a dyn Columns) -> Self {
        Self {
            columns,
            len: columns.len(),
        }
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The cell at a position, as the driver has it.
    ///
    /// # Errors
    /// `DECODE_ERROR` when there is no such column or its native type is unknown.
    #[inline]
    pub fn cell(&self, position: usize) -> Result<Cell<'a>> {
        if position >= self.len {
            return Err(self.too_short(position));
        }
        self.columns.cell(position)
    }

    #[cold]
    fn too_short(&self, position: usize) -> Error {
        let (wanted, width) = (position + 1, self.len);
        Error::new(
            ErrorKind::Decode,
            format!("column {wanted} asked for in a row of {width}"),
        )
    }

    /// Reads a column of a declared type.
    ///
    /// # Errors
    /// `DECODE_ERROR`, naming the column.
    #[inline]
    pub fn get_typed<T: FromCell>(&self, position: usize, ty: &ColumnType) -> Result<T> {
        T::from_cell(self.cell(position)?, ty).map_err(|error| self.named(position, error))
    }

    #[cold]
    fn named(&self, position: usize, error: Error) -> Error {
        match self.columns.name(position) {
            Some(name) => error.with_columns([name.to_owned()]),
            None => error,
        }
    }

    /// Reads a column of hand-written SQL by position.
    ///
    /// # Errors
    /// `DECODE_ERROR`, naming the column.
    pub fn get<T: FromCell>(&self, position: usize) -> Result<T> {
        self.get_typed(position, &UNDECLARED)
    }

    /// Reads a column of hand-written SQL by name.
    ///
    /// # Errors
    /// `DECODE_ERROR` when there is no such column or it does not fit.
    pub fn get_named<T: FromCell>(&self, name: &str) -> Result<T> {
        let position = (0..self.len())
            .find(|position| self.columns.name(*position) == Some(name))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Decode,
                    format!("the row has no column named {name}"),
                )
            })?;
        self.get(position)
    }

    /// An owned copy.
    ///
    /// # Errors
    /// `DECODE_ERROR` for a native type that Mainstay does not know.
    pub fn to_owned(&self) -> Result<OwnedRow> {
        let names = (0..self.len()).map(|i| self.columns.name(i).unwrap_or("").to_owned());
        let names = names.collect::<Vec<_>>().into();
        let values = (0..self.len())
            .map(|i| self.columns.cell(i).map(Cell::into_value))
            .collect::<Result<_>>()?;
        Ok(OwnedRow { names, values })
    }
}

/// A row that owns its values: one that crossed a thread, or one kept by the caller.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnedRow {
    /// The columns' names, shared by all rows of a result.
    pub names: Arc<[String]>,
    /// The values.
    pub values: Vec<Value>,
}

impl Columns for OwnedRow {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn name(&self, position: usize) -> Option<&str> {
        self.names.get(position).map(String::as_str)
    }

    fn cell(&self, position: usize) -> Result<Cell<'_>> {
        Ok(self.values.get(position).map_or(Cell::Null, Cell::from))
    }
}
