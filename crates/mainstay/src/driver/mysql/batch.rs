//! Several statements as one transaction, in as few round trips as the server allows.
//!
//! MariaDB prepares a whole block (`BEGIN NOT ATOMIC ... END`) with parameters, so START
//! TRANSACTION, the statements and COMMIT are one statement of the binary protocol: prepared once,
//! then one round trip. It answers with the number of rows each statement changed, before COMMIT: so
//! whoever has not seen the numbers knows that COMMIT was not reached. What is not an entity's own INSERT, UPDATE or DELETE goes statement by statement, since a block would give
//! hand-written SQL another meaning; so does everything on MySQL, which has no such blocks.
//!
//! A block that is refused does not say which statement it was. Where nothing of it is kept, it is
//! run again statement by statement, which finds out. A KILL or a time limit can strike after COMMIT
//! too, before the block has ended. Such an answer says nothing of the commit: the session is asked
//! whether the transaction is open still, and where it is not, the outcome is unknown.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error as Native, Params, Row};

use super::connection::MySqlConnection;
use super::fault::{self, During};
use super::{classify, params};
use crate::driver::contract::{Batch, BeginOptions, Connection, Done};
use crate::driver::row::RowSink;
use crate::driver::statement::{Access, Statement};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::value::Value;

/// The most parameters a statement can have.
const MAX_PARAMETERS: usize = 65_535;

/// The longest text of a block: it is prepared and kept by the session.
const MAX_TEXT: usize = 64 * 1024;

impl MySqlConnection {
    pub(super) async fn run_together(
        &mut self,
        batch: Batch,
        sink: &mut dyn RowSink,
    ) -> Result<Vec<Done>> {
        self.check_usable()?;
        if self.transaction.is_some() {
            return Err(Error::new(
                ErrorKind::Unexpected,
                "a transaction is open already; a batch is one of its own",
            ));
        }
        if self.takes_blocks
            && batch.statements.len() == 1
            && let (Some(limit), Some(statement)) = (batch.lock_wait, batch.statements.first())
        {
            // A transaction of its own anyway: one round trip.
            let mut statement = statement.clone();
            statement.sql = impatient(limit, &statement.sql);
            sink.statement(0);
            let done = self.run(statement, sink).await?;
            sink.statement(1);
            return Ok(vec![done]);
        }
        if self.takes_blocks
            && batch.statements.len() > 1
            && let Some(text) = block(&batch)
        {
            match self.run_block(&text, &batch).await {
                Err(error) if is_worth_a_look(&error) => {}
                result => return result,
            }
        }
        self.run_one_by_one(batch, sink).await
    }

    async fn run_block(&mut self, text: &Arc<str>, batch: &Batch) -> Result<Vec<Done>> {
        let values: Vec<Value> = batch
            .statements
            .iter()
            .flat_map(|statement| statement.values.iter().cloned())
            .collect();
        params::check_size(text.len(), self.max_packet)?;
        let values = params::encode(values, self.max_packet)?;
        self.in_flight = true;
        let prepared = match self.prepare(text).await {
            Ok(prepared) => prepared,
            Err(native) => {
                self.in_flight = false;
                // Nothing has run yet.
                return Err(self.note_fault(&native, During::Harmless, true, None));
            }
        };
        if usize::from(prepared.num_params()) != values.len() {
            self.in_flight = false;
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the server counts the block's parameters differently",
            ));
        }
        let mut rows = Vec::new();
        let answer = read_block(&mut self.conn, &prepared, values, &mut rows).await;
        self.in_flight = false;
        match answer {
            Ok(()) => counts(&rows, batch.statements.len()),
            Err(native) => {
                let error = self.note_fault(&native, During::Commit, true, None);
                if self.broken {
                    return Err(error);
                }
                let is_sure = rows.is_empty() || rolls_back(&native) || self.is_open().await;
                if !self.broken {
                    // What the block began is open still, unless it was COMMIT that failed.
                    // When this fails the connection is broken, and the server rolls back.
                    let _ = self.command("ROLLBACK", During::Harmless).await;
                }
                Err(if is_sure {
                    error
                } else {
                    fault::after_commit(&error)
                })
            }
        }
    }

    /// Whether a transaction is known to be open on the server.
    async fn is_open(&mut self) -> bool {
        self.ask().await.is_ok() && self.is_open_on_server() == Some(true)
    }

    async fn run_one_by_one(&mut self, batch: Batch, sink: &mut dyn RowSink) -> Result<Vec<Done>> {
        self.begin(BeginOptions::default()).await?;
        let count = batch.statements.len();
        let mut all = Vec::with_capacity(count);
        for (index, mut statement) in batch.statements.into_iter().enumerate() {
            sink.statement(index);
            if let (Some(limit), true) = (batch.lock_wait, self.takes_blocks) {
                statement.sql = impatient(limit, &statement.sql);
            }
            match self.run(statement, sink).await {
                Ok(done) => all.push(done),
                Err(error) => {
                    // When this fails too, the connection is broken or is recovered.
                    let _ = self.rollback().await;
                    return Err(error);
                }
            }
        }
        sink.statement(count);
        self.commit().await?;
        Ok(all)
    }
}

/// Runs a block to its end. The rows are those that came, also when it fails after them.
async fn read_block(
    conn: &mut Conn,
    prepared: &mysql_async::Statement,
    values: Vec<mysql_async::Value>,
    rows: &mut Vec<Row>,
) -> Result<(), Native> {
    let values = Params::Positional(values);
    let mut result = conn.exec_iter(prepared, values).await?;
    while let Some(row) = result.next().await? {
        rows.push(row);
    }
    result.drop_result().await
}

/// Whether with this answer the engine rolled the transaction back, also where it is COMMIT's.
fn rolls_back(native: &Native) -> bool {
    matches!(native, Native::Server(server) if classify::forbids_commit(server.code))
}

/// The batch as one block, if it can be one.
fn block(batch: &Batch) -> Option<Arc<str>> {
    let mut parameters = 0;
    let mut text = String::new();
    if let Some(limit) = batch.lock_wait {
        text.push_str(&patience(limit));
        text.push(' ');
    }
    let names: Vec<_> = (0..batch.statements.len())
        .map(|n| format!("c{n}"))
        .collect();
    let names = names.join(", ");
    let _ = write!(
        text,
        "BEGIN NOT ATOMIC DECLARE {names} BIGINT; START TRANSACTION; "
    );
    for (position, statement) in batch.statements.iter().enumerate() {
        if !is_own_write(statement) {
            return None;
        }
        parameters += statement.values.len();
        let _ = write!(text, "{}; SET c{position} = ROW_COUNT(); ", statement.sql);
    }
    let _ = write!(text, "SELECT {names}; COMMIT; END");
    (parameters <= MAX_PARAMETERS && text.len() <= MAX_TEXT).then(|| text.into())
}

/// Whether the statement was written by this crate, and returns no rows.
fn is_own_write(statement: &Statement) -> bool {
    let starts = |word: &str| statement.sql.starts_with(word);
    statement.table.is_some()
        && statement.access == Access::Write
        && (starts("INSERT ") || starts("UPDATE ") || starts("DELETE "))
        && !statement.sql.contains(" RETURNING ")
}

/// How long the statement that follows waits for locks. The engine counts in seconds: less than
/// one is not to wait at all, since whoever gives so little would rather be refused.
fn patience(limit: Duration) -> String {
    format!(
        "SET STATEMENT innodb_lock_wait_timeout = {} FOR",
        limit.as_secs()
    )
}

/// A statement with its own limit.
fn impatient(limit: Duration, sql: &str) -> Arc<str> {
    Arc::from(format!("{} {sql}", patience(limit)))
}

/// Whether running the statements one by one can tell more: the server refused one of them, or the
/// block itself.
fn is_worth_a_look(error: &Error) -> bool {
    let is_conflict = error.kind() == ErrorKind::WriteConflict;
    let is_lost = matches!(
        error.kind(),
        ErrorKind::ConnectionLost | ErrorKind::CommitUnknown | ErrorKind::ReadOnly
    );
    // Whoever stopped it did not mean it to be run again.
    let is_stopped = error.kind() == ErrorKind::Deadline;
    let is_ours = matches!(error.kind(), ErrorKind::ValueTooLong if error.native_code().is_none());
    error.outcome() == Outcome::NotApplied && !is_conflict && !is_lost && !is_stopped && !is_ours
}

fn counts(rows: &[Row], expected: usize) -> Result<Vec<Done>> {
    let row = rows.first().filter(|row| row.len() == expected);
    let counts = row.and_then(|row| {
        (0..expected)
            .map(|position| row.get_opt::<u64, _>(position)?.ok())
            .collect::<Option<Vec<_>>>()
    });
    let Some(counts) = counts else {
        return Err(Error::new(
            ErrorKind::Unexpected,
            "the block ran, but did not tell how many rows each statement changed",
        )
        .with_outcome(Outcome::Applied));
    };
    let done = |rows| Done {
        rows,
        last_insert_id: None,
    };
    Ok(counts.into_iter().map(done).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(sql: &str, values: usize) -> Statement {
        Statement::new(sql, vec![Value::I64(1); values], Access::Write).on("t")
    }

    #[test]
    fn own_writes_are_one_block() {
        let mut batch = Batch {
            statements: vec![
                own("INSERT INTO t VALUES (?)", 1),
                own("DELETE FROM t WHERE a = ?", 1),
            ],
            lock_wait: None,
        };
        let expected = "BEGIN NOT ATOMIC DECLARE c0, c1 BIGINT; START TRANSACTION; \
             INSERT INTO t VALUES (?); SET c0 = ROW_COUNT(); \
             DELETE FROM t WHERE a = ?; SET c1 = ROW_COUNT(); SELECT c0, c1; COMMIT; END";
        assert_eq!(block(&batch).as_deref(), Some(expected));
        batch.lock_wait = Some(Duration::from_millis(1500));
        let patient = block(&batch).unwrap();
        assert!(patient.starts_with("SET STATEMENT innodb_lock_wait_timeout = 1 FOR BEGIN"));
        let by_hand = Statement::new("DELETE FROM t; DROP TABLE t", vec![], Access::Write);
        batch.statements.push(by_hand);
        assert_eq!(block(&batch), None);
    }

    #[test]
    fn what_returns_rows_or_is_too_long_is_no_block() {
        for statement in [
            own("INSERT INTO t VALUES (?) RETURNING a", 1),
            own("SELECT 1", 0),
            own("INSERT INTO t VALUES (?)", MAX_PARAMETERS + 1),
            own(
                &format!("INSERT INTO {} VALUES ()", "t".repeat(MAX_TEXT)),
                0,
            ),
        ] {
            let batch = Batch {
                statements: vec![statement],
                lock_wait: None,
            };
            assert_eq!(block(&batch), None);
        }
    }
}
