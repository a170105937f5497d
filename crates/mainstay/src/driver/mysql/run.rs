//! Statements and their rows.

use std::sync::Arc;

use mysql_async::prelude::{Protocol, Queryable};
use mysql_async::{Error as Native, Params, QueryResult, Statement as Prepared, Value};

use super::connection::MySqlConnection;
use super::fault::During;
use super::rows::MySqlRow;
use super::{params, transaction};
use crate::driver::contract::Done;
use crate::driver::row::RowSink;
use crate::driver::statement::{Access, Statement};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::value::Row;

/// How many unread rows are read to keep a connection whose reader failed. Beyond that a new
/// connection is cheaper.
const DRAIN: usize = 10_000;

/// Statements that cannot be prepared.
const NOT_PREPARABLE: u16 = 1295;

/// Why a statement stopped.
enum Stop {
    /// The server or the connection failed, while this was going on.
    Native(Native, During),
    /// The caller's side failed; the connection is in order.
    Own(Error),
    /// The caller's side failed, and too much is left unread.
    Unread(Error),
}

impl MySqlConnection {
    /// Runs a statement by the binary protocol, prepared once per connection.
    pub(super) async fn run_statement(
        &mut self,
        statement: Statement,
        sink: &mut dyn RowSink,
    ) -> Result<Done> {
        self.check_usable()?;
        if let Some(transaction) = &self.transaction {
            transaction.check_open()?;
        }
        let plain = transaction::is_plain(&statement.sql);
        let during = match statement.access {
            Access::Read => During::Harmless,
            // The transaction goes with its connection, before COMMIT was sent.
            Access::Write | Access::Unknown if plain && self.transaction.is_some() => {
                During::Harmless
            }
            Access::Write | Access::Unknown => During::Write,
        };
        params::check_size(statement.sql.len(), self.max_packet)?;
        let values = params::encode(statement.values, self.max_packet)?;
        self.in_flight = true;
        let result = self.drive(&statement.sql, values, during, sink).await;
        if let Err(Stop::Unread(_)) = &result {
            self.end_session().await;
        }
        self.in_flight = false;
        match result {
            Ok(done) => {
                self.note_answer()?;
                self.end_stray_transaction().await?;
                Ok(done)
            }
            Err(Stop::Native(native, during)) => {
                Err(self.note_fault(&native, during, plain, statement.table))
            }
            Err(Stop::Own(error)) => Err(error),
            Err(Stop::Unread(error)) => {
                self.broken = true;
                Err(error)
            }
        }
    }

    /// The prepared statement of a text. The client library keeps them all, but looks a text over
    /// for names of parameters each time; a statement that comes again at once is spared that.
    pub(super) async fn prepare(&mut self, sql: &Arc<str>) -> Result<Prepared, Native> {
        if let Some((text, prepared)) = &self.last
            && (Arc::ptr_eq(text, sql) || text == sql)
        {
            return Ok(prepared.clone());
        }
        // What is prepared now may push the last one out of the client's keeping.
        self.last = None;
        let prepared = self.conn.prep(&**sql).await?;
        self.last = Some((Arc::clone(sql), prepared.clone()));
        Ok(prepared)
    }

    async fn drive(
        &mut self,
        sql: &Arc<str>,
        values: Vec<Value>,
        during: During,
        sink: &mut dyn RowSink,
    ) -> Result<Done, Stop> {
        let prepared = match self.prepare(sql).await {
            Ok(prepared) => prepared,
            Err(Native::Server(error)) if error.code == NOT_PREPARABLE && values.is_empty() => {
                return match self.conn.query_iter(&**sql).await {
                    Ok(result) => pump(result, during, sink).await,
                    Err(native) => Err(Stop::Native(native, during)),
                };
            }
            // Nothing has run yet.
            Err(native) => return Err(Stop::Native(native, During::Harmless)),
        };
        // The client library would close the connection over this.
        if usize::from(prepared.num_params()) != values.len() {
            return Err(Stop::Own(
                Error::new(
                    ErrorKind::Database,
                    format!(
                        "the statement has {} placeholders but {} values",
                        prepared.num_params(),
                        values.len()
                    ),
                )
                .with_prisma_code("P1016"),
            ));
        }
        let values = Params::Positional(values);
        match self.conn.exec_iter(&prepared, values).await {
            Ok(result) => pump(result, during, sink).await,
            Err(native) => Err(Stop::Native(native, during)),
        }
    }

    /// Runs SQL by the text protocol. Every statement's answer is read, so that an error of a
    /// later one is not lost.
    pub(super) async fn run_text(&mut self, sql: &str) -> Result<()> {
        self.check_usable()?;
        if let Some(transaction) = &self.transaction {
            transaction.check_open()?;
        }
        params::check_size(sql.len(), self.max_packet)?;
        let plain = transaction::is_plain(sql) && !sql.contains(';');
        self.in_flight = true;
        let (result, later) = match self.conn.query_iter(sql).await {
            Ok(result) => (result.drop_result().await, true),
            Err(native) => (Err(native), false),
        };
        self.in_flight = false;
        match result {
            Ok(()) => {
                self.note_answer()?;
                self.end_stray_transaction().await
            }
            Err(native) => {
                let error = self.note_fault(&native, During::Write, plain, None);
                if later && self.transaction.is_none() {
                    // The first statement went through; how many more did is not known.
                    return Err(error.with_outcome(Outcome::Unknown));
                }
                Err(error)
            }
        }
    }
}

/// Gives the rows of the first result to the sink, and reads what else there is (procedures
/// answer several times).
async fn pump<P: Protocol>(
    mut result: QueryResult<'_, 'static, P>,
    during: During,
    sink: &mut dyn RowSink,
) -> Result<Done, Stop> {
    let returns_rows = !result.columns_ref().is_empty();
    let mut rows: u64 = 0;
    let lost = |native| Stop::Native(native, during);
    while let Some(row) = result.next().await.map_err(lost)? {
        rows += 1;
        if let Err(error) = give(MySqlRow(row), sink).await {
            return Err(drain(result, error, during).await);
        }
    }
    let done = Done {
        rows: if returns_rows {
            rows
        } else {
            result.affected_rows()
        },
        last_insert_id: result.last_insert_id().and_then(|id| id.try_into().ok()),
    };
    result.drop_result().await.map_err(lost)?;
    Ok(done)
}

async fn give(row: MySqlRow, sink: &mut dyn RowSink) -> Result<()> {
    if sink.is_full() {
        // While this waits nothing is read, and the server waits too.
        sink.flush().await?;
    }
    sink.row(&Row::new(&row))
}

/// Reads what the failed reader left, up to a bound. How the server ends its answer tells whether
/// a write took effect, whatever its reader made of the rows.
async fn drain<P: Protocol>(
    mut result: QueryResult<'_, 'static, P>,
    error: Error,
    during: During,
) -> Stop {
    let with = |outcome| match during {
        During::Harmless => error.clone(),
        During::Write | During::Commit => error.clone().with_outcome(outcome),
    };
    for _ in 0..DRAIN {
        match result.next().await {
            Ok(Some(_)) => {}
            Ok(None) => {
                return match result.drop_result().await {
                    Ok(()) => Stop::Own(with(Outcome::Applied)),
                    // A later statement of a procedure.
                    Err(Native::Server(_)) => Stop::Own(with(Outcome::Unknown)),
                    Err(_) => Stop::Unread(with(Outcome::Unknown)),
                };
            }
            Err(Native::Server(_)) => return Stop::Own(error),
            Err(_) => return Stop::Unread(with(Outcome::Unknown)),
        }
    }
    Stop::Unread(with(Outcome::Unknown))
}
