//! Begin, savepoints, and a COMMIT whose answer is checked.

use super::connection::PostgresConnection;
use crate::driver::contract::{BeginOptions, Connection, Isolation};
use crate::error::{Error, ErrorKind, Outcome, Result};

/// PostgreSQL answers COMMIT of a failed transaction with ROLLBACK, which the client library does
/// not pass on. A savepoint before it, in the same message, is refused when the transaction has
/// failed (25P02) or when there is none (25P01); the COMMIT behind it is skipped then. This asks
/// the server itself, so it also sees failures that somebody swallowed on the way, and costs no
/// round trip. The savepoint ends with the transaction.
const CHECKED_COMMIT: &str = "SAVEPOINT mainstay_commit; COMMIT";

impl PostgresConnection {
    pub(super) async fn begin_transaction(&mut self, options: BeginOptions) -> Result<()> {
        if self.in_transaction {
            return Err(Error::new(
                ErrorKind::Unexpected,
                "a transaction is open on this connection already",
            ));
        }
        let isolation = match options.isolation {
            Isolation::ReadCommitted => "READ COMMITTED",
            Isolation::RepeatableRead => "REPEATABLE READ",
            Isolation::Serializable => "SERIALIZABLE",
        };
        let access = if options.read_only { " READ ONLY" } else { "" };
        self.start()?;
        let sql = format!("BEGIN ISOLATION LEVEL {isolation}{access}");
        let result = self.simple(&sql, Outcome::NotApplied).await;
        if result.is_ok() {
            self.in_transaction = true;
            self.failure = None;
        }
        self.end(result)
    }

    pub(super) async fn roll_back_to(&mut self, name: &str) -> Result<()> {
        self.start()?;
        // ROLLBACK TO keeps the savepoint; the contract has it forgotten.
        let sql = format!("ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}");
        let result = self.simple(&sql, Outcome::NotApplied).await;
        if result.is_ok() {
            self.failure = None;
        }
        self.end(result)
    }

    pub(super) async fn roll_back(&mut self) -> Result<()> {
        self.start()?;
        let result = self.simple("ROLLBACK", Outcome::NotApplied).await;
        if result.is_ok() {
            self.in_transaction = false;
            self.failure = None;
        }
        self.end(result)
    }

    pub(super) async fn commit_checked(&mut self) -> Result<()> {
        self.start()?;
        let earlier = self.failure.take();
        let result = match self.simple(CHECKED_COMMIT, Outcome::Unknown).await {
            Ok(()) => {
                self.in_transaction = false;
                Ok(())
            }
            Err(error) if error.outcome() == Outcome::Unknown => {
                self.in_transaction = false;
                Err(commit_unknown(&error))
            }
            Err(error) => {
                // The savepoint was refused (the transaction is open) or COMMIT was (it is not).
                // A ROLLBACK is right for both.
                if self.is_broken() || self.simple("ROLLBACK", Outcome::NotApplied).await.is_err() {
                    self.broken = true;
                }
                self.in_transaction = false;
                self.failure = None;
                Err(refused_commit(error, earlier))
            }
        };
        self.end(result)
    }
}

fn commit_unknown(lost: &Error) -> Error {
    let error = Error::new(
        ErrorKind::CommitUnknown,
        format!("no answer to COMMIT: {}", lost.detail()),
    )
    .with_hint("look whether the change is there before doing it again");
    match lost.native_code() {
        Some(code) => error.with_native_code(code.to_owned()),
        None => error,
    }
}

fn refused_commit(error: Error, earlier: Option<Error>) -> Error {
    match (error.native_code(), earlier) {
        (Some("25P02"), Some(first)) => Error::new(
            ErrorKind::TransactionClosed,
            format!("nothing was committed, because an earlier statement failed: {first}"),
        )
        .with_native_code("25P02"),
        (Some("25P02"), None) => Error::new(
            ErrorKind::TransactionClosed,
            "nothing was committed, because an earlier statement failed",
        )
        .with_native_code("25P02"),
        (Some("25P01"), _) => Error::new(
            ErrorKind::TransactionClosed,
            "there is no transaction to commit; SQL inside it has ended it",
        )
        .with_native_code("25P01")
        .with_outcome(Outcome::Unknown),
        _ => error,
    }
}
