//! One connection: the contract's calls.

use std::sync::Arc;
use std::time::Duration;

use mysql_async::Conn;
use mysql_async::Error as Native;
use mysql_async::consts::StatusFlags;
use mysql_async::prelude::Queryable;
use tokio::time::timeout;

use super::dial::{self, Dialer};
use super::fault::{self, During};
use super::kill;
use super::session::Facts;
use super::transaction::Transaction;
use crate::driver::contract::{
    Batch, BeginOptions, BoxFuture, Connection, Done, Isolation, KillSwitch, Recovery,
};
use crate::driver::row::RowSink;
use crate::driver::statement::Statement;
use crate::error::{Error, ErrorKind, Result};

/// How long bringing a connection into order may take.
const RECOVERY: Duration = Duration::from_secs(5);

/// How long a polite goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// A signed-in connection whose session is set up.
pub(super) struct MySqlConnection {
    pub(super) conn: Conn,
    dialer: Arc<Dialer>,
    /// The session's number on the server.
    session: u64,
    /// Which server that is, and which start of it.
    server: String,
    pub(super) max_packet: usize,
    /// Whether the server prepares blocks of several statements.
    pub(super) takes_blocks: bool,
    /// A call has started and not ended: true beyond it only when its future was dropped.
    pub(super) in_flight: bool,
    pub(super) broken: bool,
    pub(super) transaction: Option<Transaction>,
    /// The statement that was prepared last; every one is prepared by `prepare`.
    pub(super) last: Option<(Arc<str>, mysql_async::Statement)>,
}

impl std::fmt::Debug for MySqlConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the client's own form: it shows the password.
        f.debug_struct("MySqlConnection")
            .field("session", &self.session)
            .field("in_flight", &self.in_flight)
            .field("broken", &self.broken)
            .field("transaction", &self.transaction)
            .finish_non_exhaustive()
    }
}

impl MySqlConnection {
    pub(super) fn new(conn: Conn, dialer: Arc<Dialer>, facts: Facts) -> Self {
        Self {
            conn,
            dialer,
            session: facts.id,
            server: facts.server,
            max_packet: facts.max_packet,
            takes_blocks: facts.takes_blocks,
            in_flight: false,
            broken: false,
            transaction: None,
            last: None,
        }
    }

    /// Refuses a connection that is dead or still owes the answer to a dropped call.
    pub(super) fn check_usable(&self) -> Result<()> {
        if self.broken || self.in_flight {
            return Err(Error::new(
                ErrorKind::ConnectionLost,
                "the connection was lost before this call",
            ));
        }
        Ok(())
    }

    /// Whether the server's last answer says that a transaction is open.
    pub(super) fn is_open_on_server(&self) -> Option<bool> {
        let answer = self.conn.last_ok_packet()?;
        Some(
            answer
                .status_flags()
                .contains(StatusFlags::SERVER_STATUS_IN_TRANS),
        )
    }

    /// Notes a successful answer.
    pub(super) fn note_answer(&mut self) -> Result<()> {
        let open = self.is_open_on_server();
        match (&mut self.transaction, open) {
            (Some(transaction), Some(open)) => transaction.answered(open),
            _ => Ok(()),
        }
    }

    /// Rolls back a transaction that hand-written SQL has started behind our back: it would pass
    /// to the connection's next user.
    pub(super) async fn end_stray_transaction(&mut self) -> Result<()> {
        if self.transaction.is_some() || self.is_open_on_server() != Some(true) {
            return Ok(());
        }
        self.command("ROLLBACK", During::Harmless).await?;
        Err(Error::new(
            ErrorKind::Unsupported,
            "the statement has started a transaction of its own, which was rolled back",
        )
        .with_hint("start transactions through the handle, and leave autocommit on"))
    }

    /// Notes a fault and gives its error. `plain` tells statements that never commit.
    pub(super) fn note_fault(
        &mut self,
        native: &Native,
        during: During,
        plain: bool,
        table: Option<&'static str>,
    ) -> Error {
        let error = fault::explain(native, during, table);
        match native {
            Native::Server(server) if !super::classify::is_connection_loss(server.code) => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.failed(server.code, plain, &error);
                }
            }
            // Found before anything was sent.
            Native::Driver(mysql_async::DriverError::MixedParams) => {}
            _ => self.broken = true,
        }
        error
    }

    /// One command without rows whose meaning for the transaction the caller settles.
    pub(super) async fn command(&mut self, sql: &str, during: During) -> Result<()> {
        self.check_usable()?;
        self.in_flight = true;
        let result = self.conn.query_drop(sql).await;
        self.in_flight = false;
        result.map_err(|native| self.note_fault(&native, during, true, None))
    }

    /// Asks the server; its answer also says whether a transaction is open.
    pub(super) async fn ask(&mut self) -> Result<()> {
        self.check_usable()?;
        self.in_flight = true;
        let result = self.conn.ping().await;
        self.in_flight = false;
        result.map_err(|native| self.note_fault(&native, During::Harmless, true, None))
    }

    async fn start(&mut self, options: BeginOptions) -> Result<()> {
        if self.transaction.is_some() {
            return Err(Error::new(
                ErrorKind::Unexpected,
                "a transaction is open already; starting another would commit it",
            ));
        }
        let start = if options.read_only {
            "START TRANSACTION READ ONLY"
        } else {
            "START TRANSACTION"
        };
        // The session's own level is READ COMMITTED.
        match options.isolation {
            Isolation::ReadCommitted => self.command(start, During::Harmless).await?,
            Isolation::RepeatableRead => {
                let sql = format!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; {start}");
                self.command(&sql, During::Harmless).await?;
            }
            Isolation::Serializable => {
                let sql = format!("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; {start}");
                self.command(&sql, During::Harmless).await?;
            }
        }
        self.transaction = Some(Transaction::default());
        Ok(())
    }

    async fn finish(&mut self) -> Result<()> {
        self.check_usable()?;
        if self
            .transaction
            .as_ref()
            .is_some_and(Transaction::is_unsure)
        {
            self.ask().await?;
            // What this finds is kept as the refusal.
            let _ = self.note_answer();
        }
        let Some(transaction) = self.transaction.take() else {
            return Err(not_open());
        };
        if let Some(refusal) = transaction.refusal() {
            // When this fails the connection is broken, and the server rolls back by itself.
            let _ = self.command("ROLLBACK", During::Harmless).await;
            return Err(refusal);
        }
        match self.command("COMMIT", During::Commit).await {
            Ok(()) => Ok(()),
            Err(error) => {
                if !self.broken {
                    // An error reply does not say whether the transaction is still open.
                    let _ = self.command("ROLLBACK", During::Harmless).await;
                }
                Err(error)
            }
        }
    }

    async fn abandon(&mut self) -> Result<()> {
        self.check_usable()?;
        if self
            .transaction
            .as_ref()
            .is_some_and(Transaction::is_suspect)
        {
            self.ask().await?;
            let _ = self.note_answer();
        }
        let Some(transaction) = self.transaction.take() else {
            return Err(not_open());
        };
        self.command("ROLLBACK", During::Harmless).await?;
        match transaction.refusal() {
            // Too late: DDL has committed it.
            Some(refusal) if refusal.outcome() != crate::error::Outcome::NotApplied => Err(refusal),
            _ => Ok(()),
        }
    }

    /// A command that leaves the transaction open.
    async fn within(&mut self, sql: String) -> Result<()> {
        self.command(&sql, During::Harmless).await?;
        self.note_answer()
    }

    /// Ends the session on the server, so that its statement stops and its locks are free.
    pub(super) async fn end_session(&mut self) {
        let deadline = dial::deadline(RECOVERY);
        if kill::kill_session(&self.dialer, self.session, &self.server, deadline).await {
            tracing::debug!(session = self.session, "the session has ended");
        }
        self.broken = true;
    }

    async fn put_in_order(&mut self) -> Recovery {
        if self.in_flight {
            self.end_session().await;
            return Recovery::Discard;
        }
        if self.broken {
            return Recovery::Discard;
        }
        if self.transaction.take().is_some() {
            let rolled_back = timeout(RECOVERY, self.command("ROLLBACK", During::Harmless)).await;
            if !matches!(rolled_back, Ok(Ok(()))) {
                self.end_session().await;
                return Recovery::Discard;
            }
        }
        Recovery::Ready
    }
}

fn not_open() -> Error {
    Error::new(ErrorKind::TransactionClosed, "no transaction is open")
}

impl Connection for MySqlConnection {
    fn run<'a>(
        &'a mut self,
        statement: Statement,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Done>> {
        Box::pin(self.run_statement(statement, sink))
    }

    fn run_batch<'a>(
        &'a mut self,
        batch: Batch,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Vec<Done>>> {
        Box::pin(self.run_together(batch, sink))
    }

    fn run_script<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.run_text(sql))
    }

    fn begin(&mut self, options: BeginOptions) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.start(options))
    }

    fn savepoint<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.within(format!("SAVEPOINT {name}")))
    }

    fn release<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.within(format!("RELEASE SAVEPOINT {name}")))
    }

    fn rollback_to<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            // The engine keeps the savepoint, the contract forgets it.
            let sql = format!("ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}");
            self.within(sql).await?;
            if let Some(transaction) = &mut self.transaction {
                transaction.rolled_back_to_savepoint();
            }
            Ok(())
        })
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.finish())
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.abandon())
    }

    fn ping(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.ask())
    }

    fn is_broken(&self) -> bool {
        self.broken
    }

    fn recover(&mut self) -> BoxFuture<'_, Recovery> {
        Box::pin(self.put_in_order())
    }

    fn kill_switch(&self) -> Option<KillSwitch> {
        let (dialer, session) = (Arc::clone(&self.dialer), self.session);
        let server = self.server.clone();
        Some(Arc::new(move || {
            let (dialer, server) = (Arc::clone(&dialer), server.clone());
            Box::pin(async move {
                let deadline = dial::deadline(RECOVERY);
                kill::kill_session(&dialer, session, &server, deadline).await;
            })
        }))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if !self.in_flight && !self.broken {
                // Nothing depends on it: dropping the connection closes it too.
                let _ = timeout(GOODBYE, self.conn.disconnect()).await;
            }
        })
    }
}
