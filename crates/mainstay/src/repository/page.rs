//! Pages: by offset, for people who jump to page seven; by key, for everything else.

use serde::Serialize;

use super::cursor;
use super::find::FindMany;
use super::handle::Repository;
use super::render::By;
use crate::database::Request;
use crate::error::Result;
use crate::schema::{Entity, Filter, FromRow};
use crate::value::{ColumnType, FromCell, Value};

pub use super::cursor::Cursor;

/// A page by offset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The rows of the page.
    pub items: Vec<T>,
    /// The page's number, from 1.
    pub number: u64,
    /// The most rows of a page.
    pub size: u64,
    /// How many rows there are in all pages together, counted just before the page was read.
    pub total: u64,
}

impl<T> Page<T> {
    /// How many pages there are.
    pub fn pages(&self) -> u64 {
        self.total.div_ceil(self.size.max(1))
    }
}

/// A page by key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CursorPage<T> {
    /// The rows of the page.
    pub items: Vec<T>,
    /// Where the next page starts; `None` on the last page.
    pub next: Option<Cursor>,
}

impl<E: Entity, T: FromRow> FindMany<E, T> {
    /// The page of a number, from 1, in the order given and then by key.
    ///
    /// The cost grows with the number: the rows before are read and thrown away. Rows inserted or
    /// deleted meanwhile shift what follows; [`page_after`](Self::page_after) has neither fault.
    pub fn page(self, number: u64, size: u64) -> Request<Page<T>> {
        let options = self.options;
        Request::new(options, move |options| async move {
            let (number, size) = (number.max(1), size.max(1));
            let mut find = self.by_key();
            find.options = options;
            let filter = find.selection.condition.clone().map(Filter::<E>::new);
            let total =
                Repository::<E>::count_rows(&find.executor, filter.as_ref(), &options).await?;
            let skip = (number - 1).saturating_mul(size);
            let items = if skip < total {
                find.take(size).skip(skip).run().await?
            } else {
                Vec::new()
            };
            Ok(Page {
                items,
                number,
                size,
                total,
            })
        })
    }

    /// The page of up to `size` rows that follows a cursor, or the first page without one, in the
    /// order given and then by key.
    ///
    /// Every row that exists throughout is seen exactly once, whatever is inserted or deleted
    /// meanwhile, and the cost does not grow with depth where an index serves the order. What
    /// `take` and `skip` said before does not count.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` on the field `cursor` for one that is damaged or was made for another
    /// order.
    pub fn page_after(self, cursor: Option<Cursor>, size: u64) -> Request<CursorPage<T>> {
        let options = self.options;
        Request::new(options, move |options| async move {
            let size = size.max(1);
            let mut find = self.by_key();
            find.options = options;
            find.selection.skip = None;
            let order = find.selection.order.clone();
            if let Some(cursor) = &cursor {
                let values = cursor.decode(E::table(), &order)?;
                let after = cursor::after(E::table(), &order, &values);
                find = find.filter(Filter::new(after));
            }
            // One more than asked for tells whether there is another page.
            let rows = find
                .take(size.saturating_add(1))
                .run_with_order(&order)
                .await?;
            Ok(cut::<E, T>(rows, size, &order))
        })
    }

    /// Reads each row together with the values it is ordered by.
    async fn run_with_order(mut self, order: &[By]) -> Result<Vec<(T, Vec<Value>)>> {
        let first = self.selection.columns.len();
        self.selection
            .columns
            .extend(order.iter().map(|by| by.column));
        let types: Vec<ColumnType> = order
            .iter()
            .map(|by| E::table().columns[by.column].ty)
            .collect();
        let statement = self.table().select(&self.selection)?;
        self.executor
            .fetch(
                statement,
                move |row| {
                    let values = types
                        .iter()
                        .enumerate()
                        .map(|(at, ty)| read_as(row.cell(first + at)?, ty))
                        .collect::<Result<_>>()?;
                    Ok((T::from_row(row)?, values))
                },
                &self.options,
            )
            .await
    }
}

fn cut<E: Entity, T>(mut rows: Vec<(T, Vec<Value>)>, size: u64, order: &[By]) -> CursorPage<T> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    let next = match rows.last() {
        Some((_, values)) if more => Some(Cursor::encode(E::table(), order, values)),
        _ => None,
    };
    CursorPage {
        items: rows.into_iter().map(|(row, _)| row).collect(),
        next,
    }
}

/// A cell as a value of its column's type, whatever form the engine stores it in.
pub(super) fn read_as(cell: crate::value::Cell<'_>, ty: &ColumnType) -> Result<Value> {
    fn read<T: FromCell>(
        cell: crate::value::Cell<'_>,
        ty: &ColumnType,
        wrap: impl FnOnce(T) -> Value,
    ) -> Result<Value> {
        Ok(Option::<T>::from_cell(cell, ty)?.map_or(Value::Null, wrap))
    }
    match ty {
        ColumnType::Bool => read(cell, ty, Value::Bool),
        ColumnType::I32 => read(cell, ty, Value::I32),
        ColumnType::I64 => read(cell, ty, Value::I64),
        ColumnType::F64 => read(cell, ty, Value::F64),
        ColumnType::Decimal { .. } => read(cell, ty, Value::Decimal),
        ColumnType::Text { .. } | ColumnType::Enum { .. } => read(cell, ty, Value::Text),
        ColumnType::Bytes => read(cell, ty, Value::Bytes),
        ColumnType::Uuid => read(cell, ty, Value::Uuid),
        ColumnType::Instant => read(cell, ty, Value::Instant),
        ColumnType::Date => read(cell, ty, Value::Date),
        ColumnType::Json => read(cell, ty, Value::Json),
    }
}
