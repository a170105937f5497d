//! Rows of tables that are known only when the program runs: no entity, no filling in, no rules.

use std::sync::Arc;

use super::bulk::{Group, insert_group};
use crate::database::{CallOptions, Executor, Request};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::TableModel;
use crate::transaction::Tx;
use crate::value::Value;
use crate::value::check::check_value;

impl Tx {
    /// Adds rows as they are, by the engine's fastest way: values in the order of `columns`, which
    /// are positions in the table's model. Nothing is filled in; values are checked against their
    /// columns' types, as those of every write. Returns how many rows there are.
    ///
    /// This is for programs that move data. An application has
    /// [`Repository::create_many`](crate::Repository::create_many).
    ///
    /// # Errors
    /// `INVALID_VALUE`, `OUT_OF_RANGE` or `VALUE_TOO_LONG` for a value that no engine may be given,
    /// before anything is sent, with the number of its row; those of an INSERT. It poisons the
    /// transaction or its savepoint.
    #[track_caller]
    pub fn insert_rows(
        &self,
        table: &'static TableModel,
        columns: &[usize],
        rows: Arc<Vec<Vec<Value>>>,
    ) -> Request<u64> {
        let executor = Executor::from(self);
        let columns = columns.to_vec();
        Request::new(CallOptions::here(), move |options| async move {
            check(table, &columns, &rows)?;
            let total = rows.len() as u64;
            let loading = executor.capabilities().bulk_load && total > 0;
            let group = Group::new(&columns, rows);
            insert_group(&executor, table, &group, ((0, total), loading), &options).await
        })
    }
}

fn check(table: &'static TableModel, columns: &[usize], rows: &[Vec<Value>]) -> Result<()> {
    let unfit = |what: &str| Error::new(ErrorKind::Unexpected, what.to_owned());
    let models = columns
        .iter()
        .map(|position| table.columns.get(*position))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| unfit("a column is named that the table's model does not have"))?;
    for (position, row) in rows.iter().enumerate() {
        if row.len() != models.len() {
            return Err(unfit(
                "a row has another number of values than columns were named",
            ));
        }
        for (value, column) in row.iter().zip(&models) {
            check_value(value, &column.ty).map_err(|refusal| {
                let error = refusal.into_error(table.name, column.name);
                error.at_row(position, rows.len())
            })?;
        }
    }
    Ok(())
}
