//! A connection that writes: a place in the writer's queue.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::caller::{Caller, Presence};
use super::job::{Answer, Command, Job, Run, Script, Transaction};
use super::rows::{chunks, deliver, give};
use super::writer::Writer;
use crate::driver::{BeginOptions, BoxFuture, Connection, Done, Recovery, RowSink, Statement};
use crate::error::{Error, ErrorKind, Outcome, Result};

/// A place in the writer's queue.
#[derive(Debug)]
pub(super) struct WriterConnection {
    writer: Arc<Writer>,
    place: Place,
}

/// Where a connection stands.
#[derive(Debug)]
enum Place {
    /// Nowhere: each call queues.
    Outside,
    /// In a transaction; dropping the sender rolls it back.
    Inside(mpsc::UnboundedSender<Command>),
    /// In a call inside a transaction, or dropped from one.
    Calling,
}

impl WriterConnection {
    pub(super) fn new(writer: Arc<Writer>) -> Self {
        Self {
            writer,
            place: Place::Outside,
        }
    }

    /// Steps into a call. Should its future be dropped, the sender goes with it, and the writer
    /// rolls back.
    fn enter(&mut self) -> Result<Option<mpsc::UnboundedSender<Command>>> {
        match std::mem::replace(&mut self.place, Place::Calling) {
            Place::Inside(commands) => Ok(Some(commands)),
            Place::Outside => {
                self.place = Place::Outside;
                Ok(None)
            }
            Place::Calling => Err(not_recovered()),
        }
    }

    async fn script(&mut self, sql: String) -> Result<()> {
        let caller = Caller::default();
        let presence = Presence::of(&caller);
        let (answer, answered) = oneshot::channel();
        let script = Script {
            sql,
            caller,
            answer,
        };
        let commands = self.enter()?;
        let sent = match &commands {
            Some(commands) => send(commands, Command::Script(script)),
            None => self.writer.queue(Job::Script(script)),
        };
        let result = match sent {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(stopped())),
            Err(error) => Err(error),
        };
        presence.stay();
        if let Some(commands) = commands {
            self.place = Place::Inside(commands);
        }
        result
    }

    async fn end(&mut self, command: impl FnOnce(Answer<()>) -> Command) -> Result<()> {
        let Some(commands) = self.enter()? else {
            return Err(no_transaction());
        };
        let (answer, answered) = oneshot::channel();
        let sent = send(&commands, command(answer));
        let result = match sent {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(stopped())),
            Err(error) => Err(error),
        };
        self.place = Place::Outside;
        result
    }
}

impl Connection for WriterConnection {
    fn run<'a>(
        &'a mut self,
        statement: Statement,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Done>> {
        Box::pin(async move {
            let Some(commands) = self.enter()? else {
                return run_alone(&self.writer, statement, sink).await;
            };
            let caller = Caller::default();
            let presence = Presence::of(&caller);
            let (answer, answered) = oneshot::channel();
            let (chunks, received) = chunks();
            let run = Run {
                statement,
                caller,
                chunks: Some(chunks),
                answer,
            };
            if let Err(ended) = send(&commands, Command::Run(run)) {
                self.place = Place::Inside(commands);
                return Err(ended);
            }
            // A refusing sink does not stop the writer as a caller who is gone would: that ends
            // the transaction, and the layer above may want it back to a savepoint only.
            let (result, taken) = deliver(received, answered, sink, || ()).await;
            let result = result.unwrap_or_else(|_| Err(stopped()));
            let result = match taken {
                // The sink's refusal is the answer; the statement ended because of it.
                Err(refused) => Err(refused),
                Ok(()) => match result {
                    Ok(ran) => give(ran.rest, sink).await.map(|()| ran.done),
                    Err(error) => Err(error),
                },
            };
            presence.stay();
            self.place = Place::Inside(commands);
            result
        })
    }

    fn run_script<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.script(sql.to_owned()))
    }

    fn begin(&mut self, options: BeginOptions) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if !matches!(self.place, Place::Outside) {
                return Err(not_recovered());
            }
            let caller = Caller::default();
            let presence = Presence::of(&caller);
            let (answer, answered) = oneshot::channel();
            let (commands, received) = mpsc::unbounded_channel();
            self.writer.queue(Job::Transaction(Transaction {
                options,
                caller,
                commands: received,
                answer,
            }))?;
            // Dropped here, the job is skipped, or rolled back if it has begun.
            let begun = answered.await.unwrap_or_else(|_| Err(stopped()));
            presence.stay();
            begun?;
            self.place = Place::Inside(commands);
            Ok(())
        })
    }

    fn savepoint<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.script(format!("SAVEPOINT \"{name}\"")))
    }

    fn release<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.script(format!("RELEASE \"{name}\"")))
    }

    fn rollback_to<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.script(format!("ROLLBACK TO \"{name}\"; RELEASE \"{name}\"")))
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.end(Command::Commit))
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match self.end(Command::Rollback).await {
                // The writer has rolled it back already.
                Err(error) if error.kind() == ErrorKind::TransactionClosed => Ok(()),
                result => result,
            }
        })
    }

    /// Without queueing: a long transaction of another does not make this place a broken one.
    fn ping(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if self.writer.is_gone() {
                return Err(stopped().with_outcome(Outcome::NotApplied));
            }
            Ok(())
        })
    }

    fn is_broken(&self) -> bool {
        self.writer.is_gone()
    }

    /// Nothing to wait for: the dropped call's transaction, or its waiting job, ended with its
    /// sender, and whatever this place asks next queues behind the rollback.
    fn recover(&mut self) -> BoxFuture<'_, Recovery> {
        self.place = Place::Outside;
        Box::pin(async move {
            if self.writer.is_gone() {
                Recovery::Discard
            } else {
                Recovery::Ready
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { drop(self) })
    }
}

/// Runs a statement as its own transaction. Its rows come after its commit.
pub(super) async fn run_alone(
    writer: &Writer,
    statement: Statement,
    sink: &mut dyn RowSink,
) -> Result<Done> {
    let caller = Caller::default();
    let presence = Presence::of(&caller);
    let (answer, answered) = oneshot::channel();
    writer.queue(Job::Run(Run {
        statement,
        caller,
        chunks: None,
        answer,
    }))?;
    let result = answered.await.unwrap_or_else(|_| Err(stopped()));
    presence.stay();
    let ran = result?;
    // The statement took effect, whatever the sink says of its rows.
    give(ran.rest, sink)
        .await
        .map_err(|refused| refused.with_outcome(Outcome::Applied))?;
    Ok(ran.done)
}

/// Runs a script outside of any transaction.
pub(super) async fn script_alone(writer: &Arc<Writer>, sql: String) -> Result<()> {
    WriterConnection::new(Arc::clone(writer)).script(sql).await
}

fn send(commands: &mpsc::UnboundedSender<Command>, command: Command) -> Result<()> {
    commands.send(command).map_err(|_| {
        Error::new(
            ErrorKind::TransactionClosed,
            "the writer has ended the transaction and rolled it back",
        )
    })
}

/// The writer dropped a job it had taken.
fn stopped() -> Error {
    Error::new(
        ErrorKind::ConnectionLost,
        "the SQLite writer stopped before it answered",
    )
    .with_outcome(Outcome::Unknown)
    .with_hint("see the log for why")
}

fn not_recovered() -> Error {
    Error::new(
        ErrorKind::Unexpected,
        "the connection is inside a call or a transaction; it must be recovered first",
    )
}

fn no_transaction() -> Error {
    Error::new(
        ErrorKind::TransactionClosed,
        "there is no transaction to end",
    )
}
