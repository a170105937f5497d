//! What is known of the open transaction.
//!
//! The server ends transactions by itself: DDL commits them, a deadlock rolls them back. Its
//! answers say whether a transaction is open; its error replies do not.

use super::classify;
use crate::driver::statement::begins_with;
use crate::error::{Error, ErrorKind, Outcome};

/// The open transaction, as the caller sees it.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// The error that COMMIT must fail with.
    refusal: Option<Error>,
    /// Whether the server has no transaction open any more.
    ended: bool,
    /// A statement failed, and no answer since has said whether the transaction is open.
    unsure: bool,
    /// The statement that failed is of a kind that may have committed before it failed.
    suspect: bool,
}

impl Transaction {
    /// Notes a successful answer, which says whether a transaction is open.
    ///
    /// # Errors
    /// When this is how the transaction turns out to be committed.
    pub(super) fn answered(&mut self, open: bool) -> Result<(), Error> {
        if open {
            self.unsure = false;
            self.suspect = false;
            return Ok(());
        }
        if self.ended {
            return Ok(());
        }
        self.ended = true;
        let committed = !self.unsure || self.suspect;
        let error = if committed {
            committed_early()
        } else {
            self.refusal.take().unwrap_or_else(rolled_back)
        };
        self.unsure = false;
        self.refusal = Some(error.clone());
        Err(error)
    }

    /// Notes an error reply. `plain` tells statements that never commit by themselves.
    pub(super) fn failed(&mut self, code: u16, plain: bool, error: &Error) {
        self.unsure = true;
        self.suspect |= !plain;
        if self.refusal.is_none() && classify::forbids_commit(code) {
            self.refusal = Some(error.clone().with_outcome(Outcome::NotApplied));
        }
    }

    /// Notes that what failed is undone by a rollback to a savepoint.
    pub(super) fn rolled_back_to_savepoint(&mut self) {
        if !self.ended {
            self.refusal = None;
        }
    }

    /// Refuses statements that would run outside of a transaction that has ended, and take
    /// effect at once.
    ///
    /// # Errors
    /// `TRANSACTION_CLOSED`, when the transaction is good for nothing but a rollback.
    pub(super) fn check_open(&self) -> Result<(), Error> {
        match &self.refusal {
            None => Ok(()),
            Some(refusal) => Err(Error::new(
                ErrorKind::TransactionClosed,
                format!("the transaction failed before: {}", refusal.detail()),
            )
            .with_hint("roll back, and repeat the transaction if need be")),
        }
    }

    /// Whether the server must be asked before COMMIT.
    pub(super) fn is_unsure(&self) -> bool {
        self.unsure
    }

    /// Whether the server must be asked before ROLLBACK, which could come too late.
    pub(super) fn is_suspect(&self) -> bool {
        self.suspect
    }

    /// Why COMMIT must fail.
    pub(super) fn refusal(self) -> Option<Error> {
        self.refusal
    }
}

fn committed_early() -> Error {
    Error::new(
        ErrorKind::TransactionClosed,
        "a statement has committed the open transaction, as DDL does on this engine",
    )
    .with_outcome(Outcome::Applied)
    .with_hint("run DDL and COMMIT outside of transactions")
}

fn rolled_back() -> Error {
    Error::new(
        ErrorKind::TransactionClosed,
        "the server has rolled the transaction back after an error",
    )
}

/// Whether a statement is of a kind that never ends a transaction by itself.
pub(super) fn is_plain(sql: &str) -> bool {
    const PLAIN: [&str; 8] = [
        "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES", "DO",
    ];
    begins_with(sql, &PLAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conflict() -> Error {
        Error::new(ErrorKind::WriteConflict, "deadlock")
    }

    #[test]
    fn ddl_that_commits_is_told_once_and_at_commit() {
        let mut open = Transaction::default();
        assert!(open.answered(true).is_ok());
        let told = open.answered(false).unwrap_err();
        assert_eq!(told.outcome(), Outcome::Applied);
        assert!(open.answered(false).is_ok());
        assert_eq!(open.refusal().unwrap().outcome(), Outcome::Applied);
    }

    #[test]
    fn ddl_that_fails_may_have_committed() {
        let mut open = Transaction::default();
        open.failed(1050, false, &Error::new(ErrorKind::Database, "exists"));
        assert!(open.is_suspect());
        let told = open.answered(false).unwrap_err();
        assert_eq!(told.outcome(), Outcome::Applied);
    }

    #[test]
    fn deadlock_forbids_commit_for_good() {
        let mut open = Transaction::default();
        open.failed(1213, true, &conflict());
        let told = open.answered(false).unwrap_err();
        assert_eq!(told.kind(), ErrorKind::WriteConflict);
        open.rolled_back_to_savepoint();
        assert!(open.check_open().is_err());
    }

    #[test]
    fn lock_time_out_is_undone_by_a_savepoint() {
        let mut open = Transaction::default();
        open.failed(1205, true, &conflict());
        assert!(open.check_open().is_err());
        assert!(open.answered(true).is_ok());
        open.rolled_back_to_savepoint();
        assert!(open.check_open().is_ok());
        assert!(!open.is_unsure());
    }

    #[test]
    fn other_errors_leave_commit_to_the_server() {
        let mut open = Transaction::default();
        open.failed(1062, true, &Error::new(ErrorKind::Duplicate, "twice"));
        assert!(open.is_unsure() && open.check_open().is_ok() && !open.is_suspect());
        assert_eq!(
            open.answered(false).unwrap_err().outcome(),
            Outcome::NotApplied
        );
    }

    #[test]
    fn plain_statements() {
        assert!(is_plain(" (select 1)"));
        assert!(is_plain("INSERT INTO t VALUES (1)"));
        assert!(!is_plain("CREATE TABLE t (n INT)"));
        assert!(!is_plain("CALL p()"));
        assert!(!is_plain("/* hm */ ALTER TABLE t"));
    }
}
