//! A pooled connection: it reads, on blocking threads, and what is short at once.
//!
//! Each call on a thread moves the session to a thread and back. The thread's handle stays in the connection,
//! so that a call whose future is dropped loses nothing: [`recover`](Connection::recover) waits
//! for the thread, which stops soon without a caller, and has the session again.

use std::sync::Arc;

use rusqlite::InterruptHandle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::alone::{Asked, batch_alone, run_alone, script_alone};
use super::caller::{Caller, Presence};
use super::inline;
use super::rows::{Chunk, Ran, chunks, deliver, give};
use super::session::{Attempt, Session, load_outside, refused_write};
use super::writer::Writer;
use crate::driver::{
    Access, Batch, BeginOptions, BoxFuture, Connection, Done, Effort, Inline, Load, Recovery,
    RowSink, Statement,
};
use crate::error::{Error, ErrorKind, Outcome, Result};

/// A reader.
#[derive(Debug)]
pub(super) struct ReaderConnection {
    place: Place,
    writer: Arc<Writer>,
    interrupt: Interrupt,
    asked: Asked,
    /// The number of the file it is on.
    number: u64,
}

/// Stops what a reader's session does, from another thread.
struct Interrupt(Arc<InterruptHandle>);

impl std::fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interrupt")
    }
}

/// Where a reader's session is.
#[derive(Debug)]
enum Place {
    /// Here.
    Here(Box<Session>),
    /// On a thread, which gives it back with what came of the call.
    Away(JoinHandle<(Box<Session>, Came)>),
    /// Lost with its thread.
    Gone,
}

/// What came of a call.
#[derive(Debug)]
enum Came {
    Ran(Result<Attempt<Ran>>, Statement),
    Script(Result<Attempt<()>>),
    Done(Result<()>),
}

impl ReaderConnection {
    pub(super) fn new(session: Session, writer: Arc<Writer>, number: u64) -> Self {
        let interrupt = Interrupt(Arc::new(session.connection().get_interrupt_handle()));
        Self {
            place: Place::Here(Box::new(session)),
            writer,
            interrupt,
            asked: Asked::default(),
            number,
        }
    }

    /// Refuses to read a file that is not at its path any more.
    fn check(&self) -> Result<()> {
        self.writer.watch().check(self.number)
    }

    fn in_transaction(&self) -> bool {
        matches!(&self.place, Place::Here(session) if session.in_transaction())
    }

    /// Sends the session to a thread with some work.
    fn leave(
        &mut self,
        caller: &Caller,
        work: impl FnOnce(&mut Session, &Caller) -> Came + Send + 'static,
    ) -> Result<Presence> {
        self.asked.forget();
        self.check()?;
        match std::mem::replace(&mut self.place, Place::Gone) {
            Place::Here(mut session) => {
                let presence = Presence::of(caller).interrupting(Arc::clone(&self.interrupt.0));
                let caller = caller.clone();
                self.place = Place::Away(tokio::task::spawn_blocking(move || {
                    let came = work(&mut session, &caller);
                    (session, came)
                }));
                Ok(presence)
            }
            Place::Away(thread) => {
                self.place = Place::Away(thread);
                Err(not_recovered())
            }
            Place::Gone => Err(gone()),
        }
    }

    /// Waits until the session is back.
    async fn come_back(&mut self) -> Result<Came> {
        let Place::Away(thread) = &mut self.place else {
            return Err(gone());
        };
        match thread.await {
            Ok((session, came)) => {
                self.place = Place::Here(session);
                Ok(came)
            }
            Err(_) => {
                self.place = Place::Gone;
                Err(gone())
            }
        }
    }

    async fn run_on_thread(
        &mut self,
        statement: Statement,
        sink: &mut dyn RowSink,
    ) -> Result<Done> {
        let caller = Caller::default();
        let (chunks, received): (mpsc::Sender<Chunk>, _) = chunks();
        let presence = self.leave(&caller, move |session, caller| {
            let result = session.run(&statement, Some(&chunks), caller);
            Came::Ran(result, statement)
        })?;
        let mut presence = Some(presence);
        let stop = || drop(presence.take());
        let (came, taken) = deliver(received, self.come_back(), sink, stop).await;
        if let Some(presence) = presence {
            presence.stay();
        }
        let came = came?;
        taken?;
        let Came::Ran(result, statement) = came else {
            return Err(gone());
        };
        match result? {
            Attempt::Ran(ran) => {
                give(ran.rest, sink).await?;
                Ok(ran.done)
            }
            // Also where to wait for the writer would be to wait for ourselves.
            Attempt::Writes if statement.access == Access::Read => Err(Error::new(
                ErrorKind::ReadOnly,
                "a statement that should only read writes",
            )),
            // Hand-written SQL that turned out to write.
            Attempt::Writes => run_alone(&self.writer, statement, sink, &mut self.asked).await,
        }
    }

    async fn script(&mut self, sql: String) -> Result<()> {
        let (caller, text) = (Caller::default(), sql.clone());
        let presence = self.leave(&caller, move |session, caller| {
            Came::Script(session.script(&text, caller))
        })?;
        let came = self.come_back().await;
        presence.stay();
        match came? {
            Came::Script(Ok(Attempt::Ran(()))) => Ok(()),
            Came::Script(Ok(Attempt::Writes)) => {
                script_alone(&self.writer, sql, &mut self.asked).await
            }
            Came::Script(Err(error)) => Err(error),
            _ => Err(gone()),
        }
    }

    async fn control(
        &mut self,
        work: impl FnOnce(&mut Session, &Caller) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let caller = Caller::default();
        let presence = self.leave(&caller, |session, caller| Came::Done(work(session, caller)))?;
        let came = self.come_back().await;
        presence.stay();
        match came? {
            Came::Done(result) => result,
            _ => Err(gone()),
        }
    }

    /// Ends a transaction that only read: that waits for nobody and writes nothing.
    async fn end(&mut self, work: impl FnOnce(&mut Session) -> Result<()>) -> Result<()> {
        match &mut self.place {
            Place::Here(session) => inline::control(|| work(session)),
            Place::Away(_) => Err(not_recovered()),
            Place::Gone => Err(gone()),
        }
    }
}

impl Connection for ReaderConnection {
    fn run_inline(&mut self, statement: &Statement, sink: &mut dyn RowSink) -> Inline {
        let short = statement.access == Access::Read && statement.effort == Effort::Short;
        match &mut self.place {
            Place::Here(session) if short && sink.restart() => {
                match self.writer.watch().check(self.number) {
                    Ok(()) => session.run_inline(statement, sink),
                    Err(error) => Inline::Ran {
                        result: Err(error),
                        work: 1,
                    },
                }
            }
            _ => Inline::NotTried,
        }
    }

    fn run<'a>(
        &'a mut self,
        statement: Statement,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Done>> {
        Box::pin(async move {
            if statement.access == Access::Write {
                match &self.place {
                    Place::Here(session) if session.in_transaction() => {
                        return Err(refused_write());
                    }
                    Place::Here(_) => {}
                    Place::Away(_) => return Err(not_recovered()),
                    Place::Gone => return Err(gone()),
                }
                return run_alone(&self.writer, statement, sink, &mut self.asked).await;
            }
            self.run_on_thread(statement, sink).await
        })
    }

    fn run_batch<'a>(
        &'a mut self,
        batch: Batch,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Vec<Done>>> {
        Box::pin(async move {
            match &self.place {
                Place::Here(session) if session.in_transaction() => Err(refused_write()),
                Place::Here(_) => batch_alone(&self.writer, batch, sink, &mut self.asked).await,
                Place::Away(_) => Err(not_recovered()),
                Place::Gone => Err(gone()),
            }
        })
    }

    fn load(&mut self, _load: Load) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move {
            match &self.place {
                Place::Here(session) if session.in_transaction() => Err(refused_write()),
                Place::Here(_) => Err(load_outside()),
                Place::Away(_) => Err(not_recovered()),
                Place::Gone => Err(gone()),
            }
        })
    }

    fn run_script<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.script(sql.to_owned()))
    }

    /// A transaction that reads: one snapshot for all its statements, whatever isolation is asked
    /// for. Writes in it are refused.
    fn begin(&mut self, options: BeginOptions) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.check()?;
            if let Place::Here(session) = &mut self.place {
                let begun = inline::control(|| session.begin(options, &Caller::default()));
                match begun {
                    // Another process has a lock, and a thread can wait for it.
                    Err(error) if error.kind() == ErrorKind::WriteConflict => {}
                    begun => return begun,
                }
            }
            self.control(move |session, caller| session.begin(options, caller))
                .await
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
        Box::pin(self.end(Session::commit))
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.end(Session::restore))
    }

    fn ping(&mut self) -> BoxFuture<'_, Result<()>> {
        // Looks at the file: `SELECT 1` would not.
        Box::pin(self.script("SELECT count(*) FROM sqlite_schema".to_owned()))
    }

    /// A call on this connection itself only read.
    fn outcome_of_dropped(&mut self) -> BoxFuture<'_, Outcome> {
        Box::pin(async move { self.asked.outcome().await.unwrap_or(Outcome::NotApplied) })
    }

    fn is_broken(&self) -> bool {
        matches!(self.place, Place::Gone) || self.check().is_err()
    }

    fn recover(&mut self) -> BoxFuture<'_, Recovery> {
        Box::pin(async move {
            // The dropped call has told its thread to stop.
            if matches!(self.place, Place::Away(_)) && self.come_back().await.is_err() {
                return Recovery::Discard;
            }
            if self.in_transaction() && self.end(Session::restore).await.is_err() {
                return Recovery::Discard;
            }
            match self.place {
                Place::Here(_) => Recovery::Ready,
                Place::Away(_) | Place::Gone => Recovery::Discard,
            }
        })
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let place = std::mem::replace(&mut self.place, Place::Gone);
            let session = match place {
                Place::Here(session) => session,
                Place::Away(thread) => match thread.await {
                    Ok((session, _)) => session,
                    Err(_) => return,
                },
                Place::Gone => return,
            };
            // Closing may write: the last connection of a file moves the WAL into it. A thread
            // that cannot be had closes as well, by dropping.
            let _ = tokio::task::spawn_blocking(move || drop(session)).await;
        })
    }
}

impl Drop for ReaderConnection {
    /// Closes on a thread where there is one to be had. A session that is away is closed by the
    /// thread it is on.
    fn drop(&mut self) {
        if let Place::Here(session) = std::mem::replace(&mut self.place, Place::Gone)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            drop(runtime.spawn_blocking(move || drop(session)));
        }
    }
}

fn not_recovered() -> Error {
    Error::new(
        ErrorKind::Unexpected,
        "an earlier call was dropped; the connection must be recovered first",
    )
}

fn gone() -> Error {
    Error::new(
        ErrorKind::ConnectionLost,
        "the connection was lost with the thread that used it",
    )
    .with_hint("see the log for a panic")
}
