//! The writer: a thread that works a queue of jobs on the one connection that writes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::caller::{Caller, serving};
use super::classify::classify;
use super::job::{Command, Job, Run, Script, Transaction};
use super::open;
use super::options::SqliteOptions;
use super::session::{Attempt, Role, Session, refused_write};
use crate::error::{Error, ErrorKind, Result};

/// How long the last checkpoint waits for readers that are just ending.
const LAST_READERS: Duration = Duration::from_millis(500);

/// A handle on the writer of one file.
#[derive(Debug)]
pub(super) struct Writer {
    options: SqliteOptions,
    queue: mpsc::UnboundedSender<Job>,
    /// How many drivers use it. At none it ends and takes nobody in any more.
    users: Mutex<usize>,
    /// What came of its end.
    ended: watch::Receiver<Option<Result<()>>>,
}

impl Writer {
    /// Starts the thread, with one user.
    pub(super) fn start(options: SqliteOptions, session: Session) -> Result<Arc<Self>> {
        let (queue, jobs) = mpsc::unbounded_channel();
        let (tell_end, ended) = watch::channel(None);
        let thread = Thread {
            session,
            jobs,
            options: options.clone(),
        };
        std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || {
                let end = thread.work();
                // Nobody may be left to be told.
                let _ = tell_end.send(Some(end));
            })
            .map_err(|error| {
                Error::new(
                    ErrorKind::Unreachable,
                    format!("the writer thread cannot be started: {error}"),
                )
                .with_hint("raise the limit of threads (ulimit -u)")
            })?;
        Ok(Arc::new(Self {
            options,
            queue,
            users: Mutex::new(1),
            ended,
        }))
    }

    pub(super) fn options(&self) -> &SqliteOptions {
        &self.options
    }

    /// Adds a user, unless the writer is ending.
    pub(super) fn join(&self) -> bool {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if *users == 0 || self.is_gone() {
            return false;
        }
        *users += 1;
        true
    }

    /// Takes a user away. With the last one the thread ends, after what is queued.
    pub(super) fn leave(&self) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        *users = users.saturating_sub(1);
        if *users == 0 {
            // A closed queue means that it has ended already.
            let _ = self.queue.send(Job::Close);
        }
    }

    /// Whether the last user has left.
    pub(super) fn is_ending(&self) -> bool {
        *self.users.lock().unwrap_or_else(PoisonError::into_inner) == 0 || self.is_gone()
    }

    /// Whether the thread takes no more jobs.
    pub(super) fn is_gone(&self) -> bool {
        self.queue.is_closed()
    }

    /// Waits for the thread's end, and tells how it went.
    pub(super) async fn wait_for_end(&self) -> Result<()> {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or(Ok(())),
            // The thread is gone without a word.
            Err(_) => Err(closed(&self.options.path)),
        }
    }

    /// Queues a job.
    pub(super) fn queue(&self, job: Job) -> Result<()> {
        self.queue.send(job).map_err(|_| closed(&self.options.path))
    }
}

/// The error of a call to a writer that has ended.
fn closed(path: &std::path::Path) -> Error {
    Error::new(
        ErrorKind::ConnectionLost,
        format!("the writer of {} has ended", path.display()),
    )
    .with_hint("the handle was closed; open it again")
}

struct Thread {
    session: Session,
    jobs: mpsc::UnboundedReceiver<Job>,
    options: SqliteOptions,
}

impl Thread {
    fn work(mut self) -> Result<()> {
        while let Some(job) = self.jobs.blocking_recv() {
            if matches!(job, Job::Close) {
                // What was queued before is still served.
                self.jobs.close();
                continue;
            }
            // A job that panics drops its answer, which tells its caller. What it left open is
            // rolled back below like anything else.
            let outcome = catch_unwind(AssertUnwindSafe(|| perform(&mut self.session, job)));
            if outcome.is_err() {
                tracing::error!(path = %self.options.path.display(), "a job of the writer panicked");
            }
            if let Err(error) = self.session.restore() {
                tracing::error!(%error, "the writer cannot roll back and opens the file anew");
                self.session = open::open(
                    &SqliteOptions {
                        create: false,
                        ..self.options.clone()
                    },
                    Role::Writer,
                    &Caller::default(),
                )?;
            }
        }
        self.finish()
    }

    /// Moves the WAL into the file and closes it.
    fn finish(self) -> Result<()> {
        let connection = self.session.connection();
        let nobody = Caller::default();
        let checkpoint = serving(&nobody, LAST_READERS, || {
            // A checkpoint that is kept busy by a reader says so in its row and is no error: what
            // is left in the WAL is as durable there, and moves with the last connection's close.
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        });
        checkpoint.map_err(|error| {
            classify(&error).with_hint(
                "the log was not moved into the database file; every commit is safe in the -wal \
                 file beside it, so keep the two together",
            )
        })
    }
}

fn perform(session: &mut Session, job: Job) {
    match job {
        Job::Run(run) => perform_run(session, run),
        Job::Script(script) => perform_script(session, script),
        Job::Transaction(transaction) => perform_transaction(session, transaction),
        Job::Close => {}
        #[cfg(test)]
        Job::Panic(answer) => {
            let _answer = answer;
            std::panic::resume_unwind(Box::new("as asked"));
        }
    }
}

// Answers to callers that are gone in the meantime are dropped: nothing is left to do for them.

fn perform_run(session: &mut Session, run: Run) {
    if run.answer.is_closed() {
        return;
    }
    let result = session
        .run(&run.statement, run.chunks.as_ref(), &run.caller)
        .and_then(ran);
    let _ = run.answer.send(result);
}

fn perform_script(session: &mut Session, script: Script) {
    if script.answer.is_closed() {
        return;
    }
    let result = session.script(&script.sql, &script.caller).and_then(ran);
    let _ = script.answer.send(result);
}

/// The writer's session never declines to write.
fn ran<T>(attempt: Attempt<T>) -> Result<T> {
    match attempt {
        Attempt::Ran(value) => Ok(value),
        Attempt::Writes => Err(refused_write()),
    }
}

fn perform_transaction(session: &mut Session, mut transaction: Transaction) {
    if transaction.answer.is_closed() {
        return;
    }
    let begun = session.begin(transaction.options, &transaction.caller);
    let failed = begun.is_err();
    if transaction.answer.send(begun).is_err() || failed {
        return;
    }
    // Returning from here rolls back what is open.
    while let Some(command) = transaction.commands.blocking_recv() {
        match command {
            Command::Run(run) => {
                let caller = run.caller.clone();
                perform_run(session, run);
                if caller.is_gone() {
                    return;
                }
            }
            Command::Script(script) => {
                let caller = script.caller.clone();
                perform_script(session, script);
                if caller.is_gone() {
                    return;
                }
            }
            Command::Commit(answer) => {
                if !answer.is_closed() {
                    let _ = answer.send(session.commit());
                }
                return;
            }
            Command::Rollback(answer) => {
                let _ = answer.send(session.restore());
                return;
            }
        }
    }
}
