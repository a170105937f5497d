//! Begin, savepoints, and a COMMIT whose answer is checked.

use super::connection::PostgresConnection;
use crate::driver::contract::{BeginOptions, Connection, Isolation};
use crate::error::{Error, ErrorKind, Outcome, Result};

/// PostgreSQL answers COMMIT of a failed transaction with ROLLBACK, which the client library does
/// not pass on. A savepoint before it, in the same message, is refused when the transaction has
/// failed (25P02) or when there is none (25P01); the COMMIT behind it is skipped then. This asks
/// the server itself, so it also sees failures that somebody swallowed on the way, and costs no
/// round trip. The savepoint ends with the transaction.
pub(super) const CHECKED_COMMIT: &str = "SAVEPOINT mainstay_commit; COMMIT";

/// What is enough when every statement was of a kind that cannot end a transaction, and succeeded.
/// Two statements in one message cost the server more than this, and a subtransaction besides.
const COMMIT: &str = "COMMIT";

/// How most transactions start.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

impl PostgresConnection {
    /// Refuses what starts a transaction while one is open.
    pub(super) fn refuse_inside(&self) -> Result<()> {
        if self.in_transaction {
            return Err(Error::new(
                ErrorKind::Unexpected,
                "a transaction is open on this connection already",
            ));
        }
        Ok(())
    }

    /// An ordinary transaction's BEGIN goes with its first statement, which saves a round trip.
    /// Another kind of transaction may be refused (a standby has no serializable ones), so that is
    /// asked first.
    pub(super) async fn begin_transaction(&mut self, options: BeginOptions) -> Result<()> {
        self.refuse_inside()?;
        let isolation = match options.isolation {
            Isolation::ReadCommitted => "READ COMMITTED",
            Isolation::RepeatableRead => "REPEATABLE READ",
            Isolation::Serializable => "SERIALIZABLE",
        };
        let access = if options.read_only { " READ ONLY" } else { "" };
        self.start()?;
        self.open_account(options).await;
        if options.isolation == Isolation::ReadCommitted && !options.read_only {
            self.owes_begin = true;
            self.begun();
            return self.end(Ok(()));
        }
        let sql = format!("BEGIN ISOLATION LEVEL {isolation}{access}");
        let result = self.simple(&sql, Outcome::NotApplied).await;
        if result.is_ok() {
            self.begun();
        }
        self.end(result)
    }

    /// A transaction is open from here on.
    fn begun(&mut self) {
        self.in_transaction = true;
        self.failure = None;
        self.must_ask = false;
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

    /// Ends a transaction of which the server knows nothing yet.
    fn ended_before_it_began(&mut self) -> bool {
        let owed = std::mem::take(&mut self.owes_begin);
        if owed {
            self.in_transaction = false;
        }
        owed
    }

    pub(super) async fn roll_back(&mut self) -> Result<()> {
        self.start()?;
        if self.ended_before_it_began() {
            return self.end(Ok(()));
        }
        let result = self.simple("ROLLBACK", Outcome::NotApplied).await;
        if result.is_ok() {
            self.in_transaction = false;
            self.failure = None;
        }
        self.end(result)
    }

    pub(super) async fn commit_checked(&mut self) -> Result<()> {
        self.start()?;
        if self.ended_before_it_began() {
            return self.end(Ok(()));
        }
        let earlier = self.failure.take();
        let sql = if self.must_ask {
            CHECKED_COMMIT
        } else {
            COMMIT
        };
        let answer = self.simple(sql, Outcome::Unknown).await;
        let result = self.after_commit(answer, earlier).await;
        self.end(result)
    }

    /// Draws the conclusions from the answer to the checked COMMIT. `earlier` is the first error
    /// of the transaction.
    pub(super) async fn after_commit(
        &mut self,
        answer: Result<()>,
        earlier: Option<Error>,
    ) -> Result<()> {
        match answer {
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
        }
    }
}

pub(super) fn commit_unknown(lost: &Error) -> Error {
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
