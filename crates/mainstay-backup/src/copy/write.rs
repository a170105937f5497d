//! Rows on their way in. Where the target refuses some, the first of them is found.

use std::sync::Arc;

use mainstay::{Error, ErrorKind, Result, Tx, Value};

use super::limits::AS_LONG_AS_IT_TAKES;
use super::plan::Planned;
use super::read::Chunk;
use super::values;

/// Adds rows to a table. `before` are there already.
pub(super) async fn add(tx: &Tx, table: &Planned, chunk: &Chunk, before: u64) -> Result<()> {
    let added = tx
        .savepoint(|tx| async move { insert(&tx, table, Arc::clone(&chunk.rows)).await })
        .await;
    let Err(error) = added else { return Ok(()) };
    if !is_of_a_row(error.kind()) {
        return Err(error);
    }
    let (position, error) = first_refused(tx, table, &chunk.rows, error).await?;
    Err(refused(
        table,
        &chunk.rows[position],
        before + position as u64,
        &error,
    ))
}

async fn insert(tx: &Tx, table: &Planned, rows: Arc<Vec<Vec<Value>>>) -> Result<()> {
    let columns: Vec<usize> = (0..table.model.columns.len()).collect();
    tx.insert_rows(table.model, &columns, rows)
        .timeout(AS_LONG_AS_IT_TAKES)
        .await
        .map(|_| ())
}

/// Whether some row may be to blame for it.
fn is_of_a_row(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Duplicate
            | ErrorKind::ForeignKey
            | ErrorKind::NotNull
            | ErrorKind::Check
            | ErrorKind::ValueTooLong
            | ErrorKind::OutOfRange
            | ErrorKind::InvalidValue
            | ErrorKind::Database
    )
}

/// What became of an attempt, which is undone whatever became of it.
enum Attempt {
    Taken,
    Failed(Error),
}

impl From<Error> for Attempt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Where the first refused row is, found by adding fewer and fewer.
async fn first_refused(
    tx: &Tx,
    table: &Planned,
    rows: &[Vec<Value>],
    mut error: Error,
) -> Result<(usize, Error)> {
    // So many go, and so many do not.
    let (mut taken, mut too_many) = (0, rows.len());
    while too_many - taken > 1 {
        let middle = taken + (too_many - taken) / 2;
        let some = Arc::new(rows[..middle].to_vec());
        let attempt = tx
            .savepoint(|tx| async move {
                insert(&tx, table, some).await?;
                Err::<(), Attempt>(Attempt::Taken)
            })
            .await;
        match attempt {
            Ok(()) | Err(Attempt::Taken) => taken = middle,
            Err(Attempt::Failed(found)) if is_of_a_row(found.kind()) => {
                error = found;
                too_many = middle;
            }
            Err(Attempt::Failed(found)) => return Err(found),
        }
    }
    Ok((taken, error))
}

fn refused(table: &Planned, row: &[Value], before: u64, error: &Error) -> Error {
    let names: Vec<&str> = (table.key.iter().map(|at| table.model.columns[*at].name)).collect();
    let key: Vec<Value> = table.key.iter().map(|at| row[*at].clone()).collect();
    let which = values::row_in_words(&names, &key).map_or_else(
        || format!("row {} as they were read", before + 1),
        |key| format!("the row with {key}, row {} as they were read", before + 1),
    );
    let name = table.model.name;
    let mut out = Error::new(
        error.kind(),
        format!(
            "{name}: {which}, is refused: {}",
            without_number(error.detail())
        ),
    )
    .with_table(error.table().unwrap_or(name).to_owned())
    .with_columns(error.columns().map(str::to_owned).collect::<Vec<_>>())
    .with_hint("correct the row in the source, or the table in the target, and begin again");
    if let Some(constraint) = error.constraint() {
        out = out.with_constraint(constraint.to_owned());
    }
    if let Some(code) = error.native_code() {
        out = out.with_native_code(code.to_owned());
    }
    out
}

/// The text without the place of the row among those that were sent together.
fn without_number(detail: &str) -> &str {
    match detail.split_once(": ") {
        Some((number, rest)) if number.starts_with("row ") => rest,
        _ => detail,
    }
}
