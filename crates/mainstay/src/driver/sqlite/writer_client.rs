//! A connection that writes: a place in the writer's queue.

use std::sync::Arc;
use std::sync::mpsc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::alone::{Asked, ask, batch_alone, run_alone, stopped};
use super::caller::{Caller, Presence};
use super::job::{Answer, Command, End, Job, LoadJob, PutOff, Run, Savepoint, Script, Transaction};
use super::rows::{chunks, deliver, give};
use super::session::load_outside;
use super::wait::soon;
use super::writer::Writer;
use crate::driver::{
    Batch, BeginOptions, BoxFuture, Connection, Done, Load, Recovery, RowSink, Statement,
};
use crate::error::{Error, ErrorKind, Outcome, Result};

/// A place in the writer's queue.
#[derive(Debug)]
pub(super) struct WriterConnection {
    writer: Arc<Writer>,
    place: Place,
    asked: Asked,
}

/// Where a connection stands.
#[derive(Debug)]
enum Place {
    /// Nowhere: each call queues.
    Outside,
    /// In a transaction; dropping the sender rolls it back.
    Inside(Commands),
    /// In a call inside a transaction, or dropped from one.
    Calling,
}

/// The way to a transaction's commands.
#[derive(Debug)]
struct Commands {
    sender: mpsc::Sender<Command>,
    put_off: PutOff,
    /// Whether each command is a transaction of its own.
    holds: bool,
}

impl Commands {
    fn send(&self, command: Command) -> Result<()> {
        self.sender.send(command).map_err(|_| {
            self.put_off.error().unwrap_or_else(|| {
                Error::new(
                    ErrorKind::TransactionClosed,
                    "the writer has ended the transaction and rolled it back",
                )
            })
        })
    }

    /// The error of a command that the writer took and did not answer.
    fn unanswered(&self) -> Error {
        self.put_off.error().unwrap_or_else(stopped)
    }

    /// Sends a command and waits for its answer.
    async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        self.send(command(answer))?;
        answered.await.unwrap_or_else(|_| Err(self.unanswered()))
    }
}

impl WriterConnection {
    pub(super) fn new(writer: Arc<Writer>) -> Self {
        Self {
            writer,
            place: Place::Outside,
            asked: Asked::default(),
        }
    }

    /// Steps into a call. Should its future be dropped, the sender goes with it, and the writer
    /// rolls back.
    fn enter(&mut self) -> Result<Option<Commands>> {
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
        let caller = self.asked.ask();
        let presence = Presence::of(&caller);
        let script = |answer| Script {
            sql,
            caller,
            answer,
        };
        let commands = self.enter()?;
        let result = match &commands {
            Some(commands) => {
                let command = |answer| Command::Script(script(answer));
                commands.ask(command).await
            }
            None => ask(&self.writer, |answer| Job::Script(script(answer))).await,
        };
        presence.stay();
        if let Some(commands) = commands {
            self.place = Place::Inside(commands);
        }
        result
    }

    /// Waits for its turn at the writer, which then serves this connection's commands.
    async fn step_inside(&mut self, options: BeginOptions, holds: bool) -> Result<()> {
        if !matches!(self.place, Place::Outside) {
            return Err(not_recovered());
        }
        let caller = self.asked.ask();
        let presence = Presence::of(&caller);
        let (answer, answered) = oneshot::channel();
        let (sender, received) = mpsc::channel();
        let commands = Commands {
            sender,
            put_off: PutOff::default(),
            holds,
        };
        let job = if holds { Job::Hold } else { Job::Transaction };
        self.writer.queue(job(Transaction {
            options,
            caller,
            commands: received,
            put_off: commands.put_off.clone(),
            answer,
        }))?;
        // Dropped here, the job is skipped, or rolled back if it has begun.
        let begun = answered
            .await
            .unwrap_or_else(|_| Err(commands.unanswered()));
        presence.stay();
        begun?;
        self.place = Place::Inside(commands);
        Ok(())
    }

    async fn set_savepoint(&mut self, statements: Vec<String>) -> Result<()> {
        let Some(commands) = self.enter()? else {
            return Err(no_transaction());
        };
        // Dropped in it, nothing of the transaction is kept.
        let presence = Presence::of(&self.asked.ask());
        let savepoint = |answer| Command::Savepoint(Savepoint { statements, answer });
        let result = commands.ask(savepoint).await;
        presence.stay();
        self.place = Place::Inside(commands);
        result
    }

    async fn end(&mut self, command: impl FnOnce(Caller, Answer<()>) -> Command) -> Result<()> {
        let Some(commands) = self.enter()? else {
            return Err(no_transaction());
        };
        let caller = self.asked.ask();
        let presence = Presence::of(&caller);
        let result = commands.ask(|answer| command(caller, answer)).await;
        presence.stay();
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
                return run_alone(&self.writer, statement, sink, &mut self.asked).await;
            };
            let caller = self.asked.ask();
            let presence = Presence::of(&caller);
            let (answer, answered) = oneshot::channel();
            let (chunks, received) = chunks();
            let run = Run {
                statement,
                caller,
                chunks: Some(chunks),
                answer,
            };
            if let Err(ended) = commands.send(Command::Run(run)) {
                self.place = Place::Inside(commands);
                return Err(ended);
            }
            // A refusing sink does not stop the writer as a caller who is gone would: that ends
            // the transaction, and the layer above may want it back to a savepoint only.
            let (result, taken) = deliver(received, soon(answered), sink, || ()).await;
            let result = result.unwrap_or_else(|| Err(commands.unanswered()));
            // A statement that is its own transaction may have ended well all the same.
            let told = |refused: Error| match commands.holds {
                true => refused.with_outcome(Outcome::Applied),
                false => refused,
            };
            let result = match (taken, result) {
                // The sink's refusal is the answer; the statement may have ended because of it.
                (Err(refused), Ok(_)) => Err(told(refused)),
                (Err(refused), Err(error)) => Err(refused.with_outcome(error.outcome())),
                (Ok(()), Ok(ran)) => give(ran.rest, sink).await.map(|()| ran.done).map_err(told),
                (Ok(()), Err(error)) => Err(error),
            };
            presence.stay();
            self.place = Place::Inside(commands);
            result
        })
    }

    fn run_batch<'a>(
        &'a mut self,
        batch: Batch,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Vec<Done>>> {
        Box::pin(async move {
            if !matches!(self.place, Place::Outside) {
                return Err(not_recovered());
            }
            batch_alone(&self.writer, batch, sink, &mut self.asked).await
        })
    }

    fn load(&mut self, load: Load) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move {
            let Some(commands) = self.enter()? else {
                return Err(load_outside());
            };
            let caller = self.asked.ask();
            let presence = Presence::of(&caller);
            let job = |answer| {
                Command::Load(LoadJob {
                    load,
                    caller,
                    answer,
                })
            };
            let result = commands.ask(job).await;
            presence.stay();
            self.place = Place::Inside(commands);
            result
        })
    }

    fn run_script<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.script(sql.to_owned()))
    }

    fn begin(&mut self, options: BeginOptions) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.step_inside(options, false))
    }

    fn hold(&mut self, until: Option<Instant>) -> BoxFuture<'_, Result<()>> {
        let options = BeginOptions {
            until,
            ..BeginOptions::default()
        };
        Box::pin(self.step_inside(options, true))
    }

    fn let_go(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.end(commit))
    }

    fn savepoint<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.set_savepoint(vec![format!("SAVEPOINT \"{name}\"")]))
    }

    fn release<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.set_savepoint(vec![format!("RELEASE \"{name}\"")]))
    }

    fn rollback_to<'a>(&'a mut self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.set_savepoint(vec![
            format!("ROLLBACK TO \"{name}\""),
            format!("RELEASE \"{name}\""),
        ]))
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.end(commit))
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match self.end(|_, answer| Command::Rollback(answer)).await {
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

    fn outcome_of_dropped(&mut self) -> BoxFuture<'_, Outcome> {
        Box::pin(async move { self.asked.outcome().await.unwrap_or(Outcome::Unknown) })
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

fn commit(caller: Caller, answer: Answer<()>) -> Command {
    Command::Commit(End { caller, answer })
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
