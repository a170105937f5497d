//! One session: its state and the driver contract.

use std::sync::{Arc, OnceLock};

use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::timeout;
use tokio_postgres::Client;

use super::account::{Account, followed};
use super::classify::{Report, classify};
use super::dial::{Address, Dialer, GOODBYE, Session};
use super::recover;
use super::statements::StatementCache;
use super::transaction::BEGIN;
use super::witness::Inquiry;
use crate::driver::contract::{
    Batch, BeginOptions, BoxFuture, Connection, Done, KillSwitch, Recovery, Witness,
};
use crate::driver::load::Load;
use crate::driver::row::RowSink;
use crate::driver::statement::{Access, Statement};
use crate::error::{Error, ErrorKind, Outcome, Result};

/// A statement being prepared.
///
/// Kept in the session rather than in the call: a call that is dropped after the statement was
/// sent would otherwise leave it on the server for the session's life, with nobody knowing its name.
pub(super) struct Preparing {
    pub(super) sql: Arc<str>,
    pub(super) answer: BoxFuture<'static, Result<tokio_postgres::Statement, tokio_postgres::Error>>,
}

/// One session with a PostgreSQL server.
pub(crate) struct PostgresConnection {
    pub(super) client: Arc<Client>,
    task: Option<JoinHandle<()>>,
    /// Closes the socket without a word.
    pub(super) socket: AbortHandle,
    // Dropped with the session, which tells the task to end.
    _closed: oneshot::Sender<()>,
    fate: Arc<OnceLock<String>>,
    pub(super) address: Address,
    pub(super) dialer: Arc<Dialer>,
    pub(super) statements: StatementCache<tokio_postgres::Statement>,
    pub(super) preparing: Vec<Preparing>,
    /// A call has started and not ended. Stays set when its future is dropped.
    pub(super) in_flight: bool,
    /// A cancel request has been sent, and its connection has not been seen to close.
    pub(super) cancelling: bool,
    pub(super) in_transaction: bool,
    /// BEGIN has not been sent yet: it goes with the transaction's first statement.
    pub(super) owes_begin: bool,
    /// The engine's first error of the open transaction.
    pub(super) failure: Option<Error>,
    /// Not every answer in the open transaction showed that it still stands, so that its COMMIT
    /// has to ask the server.
    pub(super) must_ask: bool,
    /// By what the end of the open transaction is found out.
    pub(super) account: Account,
    /// The session is not to be used any more.
    pub(super) broken: bool,
}

impl std::fmt::Debug for PostgresConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresConnection")
            .field("address", &self.address)
            .field("statements", &self.statements.len())
            .field("in_flight", &self.in_flight)
            .field("in_transaction", &self.in_transaction)
            .field("broken", &self.is_broken())
            .finish()
    }
}

impl PostgresConnection {
    pub(super) fn new(session: Session, dialer: Arc<Dialer>) -> Self {
        Self {
            client: Arc::new(session.client),
            socket: session.task.abort_handle(),
            task: Some(session.task),
            _closed: session.closed,
            fate: session.fate,
            address: session.address,
            statements: StatementCache::new(dialer.options.statement_cache),
            dialer,
            preparing: Vec::new(),
            in_flight: false,
            cancelling: false,
            in_transaction: false,
            owes_begin: false,
            failure: None,
            must_ask: false,
            account: Account::default(),
            broken: false,
        }
    }

    /// Marks the start of a call; the session must be alive.
    pub(super) fn start(&mut self) -> Result<()> {
        if self.is_broken() {
            // Nothing was sent, so nothing can have been applied.
            return Err(self.lost("before the call", Outcome::NotApplied));
        }
        // The answer to a call that was dropped is unknown.
        self.must_ask |= self.in_flight;
        self.in_flight = true;
        Ok(())
    }

    /// Marks the end of a call.
    pub(super) fn end<T>(&mut self, result: Result<T>) -> Result<T> {
        self.in_flight = false;
        result
    }

    /// What became of a write if the session breaks now. Inside a transaction it is undone.
    pub(super) fn outcome_if_lost(&self, access: Access) -> Outcome {
        if self.in_transaction || access == Access::Read {
            Outcome::NotApplied
        } else {
            Outcome::Unknown
        }
    }

    fn lost(&self, when: &str, outcome: Outcome) -> Error {
        let place = self.dialer.options.place();
        let why = self
            .fate
            .get()
            .map_or("the connection is closed", String::as_str);
        Error::new(
            ErrorKind::ConnectionLost,
            format!("{place}: lost {when}: {why}"),
        )
        .with_outcome(outcome)
    }

    /// Turns an error of the client library into ours, and notes what follows for the session.
    pub(super) fn fault(
        &mut self,
        error: tokio_postgres::Error,
        table: Option<&'static str>,
        lost: Outcome,
    ) -> Error {
        self.must_ask = true;
        if let Some(report) = error.as_db_error() {
            let error = classify(Report::from(report), table, lost);
            if matches!(
                error.kind(),
                ErrorKind::ConnectionLost | ErrorKind::Unreachable
            ) {
                self.broken = true;
            }
            if self.in_transaction && self.failure.is_none() {
                self.failure = Some(error.clone());
            }
            // A transaction can be read-only by itself; a statement of its own only with the
            // server: a standby, or `default_transaction_read_only`.
            if error.kind() == ErrorKind::ReadOnly && !self.in_transaction {
                return error.with_state_of_server();
            }
            return error;
        }
        let closed = error.is_closed();
        let text = error.to_string();
        match error.into_source() {
            None if closed => {
                self.broken = true;
                self.lost("during the call", lost)
            }
            // An answer nobody expected (COPY starts one): the two sides no longer agree on whose
            // turn it is.
            None => {
                self.broken = true;
                Error::new(ErrorKind::Unknown, text)
                    .with_outcome(lost)
                    .with_hint("COPY cannot be used here")
            }
            Some(source) => match source.downcast::<Error>() {
                // A parameter's refusal, made before anything was sent.
                Ok(own) => *own,
                Err(source) => {
                    self.broken = true;
                    Error::new(
                        ErrorKind::ConnectionLost,
                        format!("{}: {text}: {source}", self.dialer.options.place()),
                    )
                    .with_outcome(lost)
                }
            },
        }
    }

    /// Runs SQL in the simple protocol: one round trip, no parameters.
    pub(super) async fn simple(&mut self, sql: &str, lost: Outcome) -> Result<()> {
        if sql.contains('\0') {
            return Err(nul());
        }
        let client = Arc::clone(&self.client);
        // In one message the server passes over the rest when BEGIN fails.
        let begun = std::mem::take(&mut self.owes_begin).then(|| format!("{BEGIN}; {sql}"));
        match client.batch_execute(begun.as_deref().unwrap_or(sql)).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.fault(error, None, lost)),
        }
    }

    /// SQL of any kind, which may also end the open transaction and begin another.
    async fn script(&mut self, sql: &str) -> Result<()> {
        let lost = self.outcome_if_lost(Access::Unknown);
        // Scripts change tables, and with them the types that kept statements were prepared for.
        self.statements.clear();
        self.must_ask = true;
        self.account.forget_id();
        self.start()?;
        let mut asking = self.question_behind(Access::Unknown).await;
        let ran = followed(self.simple(sql, lost), asking.as_mut()).await;
        let result = match ran {
            Ok(()) => self.take_id(asking).await,
            Err(error) => Err(error),
        };
        self.end(result)
    }

    /// A call of one simple statement.
    async fn call(&mut self, sql: &str, lost: Outcome) -> Result<()> {
        self.start()?;
        let result = self.simple(sql, lost).await;
        self.end(result)
    }

    async fn goodbye(mut self) {
        let task = self.task.take();
        drop(self);
        if let Some(task) = task {
            let _ = timeout(GOODBYE, task).await;
        }
    }
}

/// The error of SQL with a NUL, which ends a text in the protocol.
pub(super) fn nul() -> Error {
    Error::new(
        ErrorKind::InvalidValue,
        "the statement's text contains a NUL character",
    )
}

impl Drop for PostgresConnection {
    fn drop(&mut self) {
        // Without this a server goes on with a long statement whose caller has left.
        if self.in_flight && !self.is_broken() {
            recover::cancel_in_background(self);
        }
    }
}

impl Connection for PostgresConnection {
    fn run<'a>(
        &'a mut self,
        statement: Statement,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Done>> {
        Box::pin(async move {
            self.start()?;
            let result = self.run_statement(&statement, sink).await;
            self.end(result)
        })
    }

    fn run_batch<'a>(
        &'a mut self,
        batch: Batch,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Vec<Done>>> {
        Box::pin(async move {
            if batch.statements.is_empty() {
                return Ok(Vec::new());
            }
            self.refuse_inside()?;
            self.start()?;
            let result = self.fly(&batch, sink).await;
            self.end(result)
        })
    }

    fn load(&mut self, load: Load) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move {
            self.start()?;
            let result = self.copy_in(load).await;
            self.end(result)
        })
    }

    fn run_script<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.script(sql))
    }

    fn begin(&mut self, options: BeginOptions) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.begin_transaction(options))
    }

    fn savepoint<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.call(&format!("SAVEPOINT {name}"), Outcome::NotApplied)
                .await
        })
    }

    fn release<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.call(&format!("RELEASE SAVEPOINT {name}"), Outcome::NotApplied)
                .await
        })
    }

    fn rollback_to<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.roll_back_to(name))
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.commit_checked())
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.roll_back())
    }

    fn ping(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.call("", Outcome::NotApplied))
    }

    fn is_broken(&self) -> bool {
        self.broken || self.client.is_closed()
    }

    fn recover(&mut self) -> BoxFuture<'_, Recovery> {
        Box::pin(self.bring_into_order())
    }

    fn kill_switch(&self) -> Option<KillSwitch> {
        let socket = self.socket.clone();
        let token = self.client.cancel_token();
        let (dialer, address) = (Arc::clone(&self.dialer), self.address.clone());
        Some(Arc::new(move || {
            // The server sees the end of an idle session at once, of a busy one only when it is
            // told to stop.
            socket.abort();
            let (token, address) = (token.clone(), address.clone());
            let dialer = Arc::clone(&dialer);
            Box::pin(async move {
                let _ = timeout(GOODBYE, dialer.cancel(&token, &address)).await;
            })
        }))
    }

    fn witness(&self) -> Option<Witness> {
        let (id, server) = self.account.entry()?;
        let dialer = Arc::clone(&self.dialer);
        let inquiry = Inquiry { dialer, id, server };
        Some(Box::new(move |deadline| Box::pin(inquiry.until(deadline))))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.goodbye())
    }
}
