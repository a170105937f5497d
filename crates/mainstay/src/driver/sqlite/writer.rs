//! The writer: a thread that works a queue of jobs on the one connection that writes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::caller::{self, Caller};
use super::checkpoint::{Log, checkpoint};
use super::closure::{perform_alone, perform_hold};
use super::group::{Group, Standing, perform_batch};
use super::job::{Job, may_keep_half};
use super::open;
use super::options::SqliteOptions;
use super::session::{Role, Session};
use super::single::{perform_run, perform_script};
use super::watch::{Found, Watch};
use crate::error::{Error, ErrorKind, Result};

/// How long the last checkpoint waits for readers that are just ending.
const LAST_READERS: Duration = Duration::from_millis(500);

/// How often the queue is looked at for those who were just answered.
const LOOKS: u32 = 20;

/// A look at the file's name that is older than this is taken again.
const FRESH: Duration = Duration::from_millis(50);

/// A handle on the writer of one file.
#[derive(Debug)]
pub(super) struct Writer {
    options: SqliteOptions,
    queue: mpsc::UnboundedSender<Job>,
    watch: Arc<Watch>,
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
        let watch = Arc::new(Watch::start(&options.path));
        let log = Log::start(&options, &watch, queue.downgrade())?;
        let thread = Thread {
            session,
            log,
            jobs,
            next: None,
            answered: 1,
            options: options.clone(),
            watch: Arc::clone(&watch),
            looked: Instant::now(),
            failed: None,
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
            watch,
            users: Mutex::new(1),
            ended,
        }))
    }

    pub(super) fn options(&self) -> &SqliteOptions {
        &self.options
    }

    /// The file it writes to.
    pub(super) fn watch(&self) -> &Arc<Watch> {
        &self.watch
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
    log: Log,
    jobs: mpsc::UnboundedReceiver<Job>,
    /// A job that was taken from the queue too early, and is next.
    next: Option<Job>,
    /// How many callers were answered last: about as many are about to ask again.
    answered: usize,
    options: SqliteOptions,
    watch: Arc<Watch>,
    /// When it last looked at the file's name.
    looked: Instant,
    /// Why the session is of no use until the file has been opened anew.
    failed: Option<Error>,
}

impl Thread {
    fn work(mut self) -> Result<()> {
        caller::commit_to(&self.watch);
        while let Some(job) = self.wait() {
            // A job that panics drops its answer, which tells its caller. What it left open is
            // rolled back below like anything else.
            let outcome = catch_unwind(AssertUnwindSafe(|| self.perform(job)));
            if outcome.is_err() {
                self.tell_of_panic();
            }
            match self.put_in_order() {
                Ok(()) => self.log.tend(self.session.connection()),
                Err(error) => self.failed = Some(error),
            }
        }
        self.finish()
    }

    /// The next job, once there is one. `None` when the writer is to end.
    fn wait(&mut self) -> Option<Job> {
        loop {
            let job = match self.next.take() {
                Some(job) => job,
                None => self.jobs.blocking_recv()?,
            };
            match job {
                // What was queued before is still served.
                Job::Close => self.jobs.close(),
                job => return Some(job),
            }
        }
    }

    /// The next job, if it is there.
    fn look(&mut self) -> Option<Job> {
        match self.next.take().or_else(|| self.jobs.try_recv().ok())? {
            Job::Close => {
                self.jobs.close();
                self.jobs.try_recv().ok()
            }
            job => Some(job),
        }
    }

    /// The next job for a group of `so_far`.
    ///
    /// Callers who were just answered together ask again within microseconds of each other, as
    /// soon as they get a core. The first of them does not set off with a commit of its own.
    fn look_again(&mut self, so_far: usize) -> Option<Job> {
        let mut job = self.look();
        let mut looks = 0;
        while job.is_none() && so_far < self.answered && looks < LOOKS {
            std::thread::yield_now();
            looks += 1;
            job = self.look();
        }
        job
    }

    fn perform(&mut self, job: Job) {
        if job.is_abandoned() {
            return;
        }
        if let Err(error) = self.have_file().and_then(|()| self.have_session()) {
            job.refuse(error);
            return;
        }
        if job.is_shared() {
            self.perform_shared(job);
            return;
        }
        self.answered = 1;
        let session = &mut self.session;
        match job {
            Job::Run(run) => perform_run(session, run),
            Job::Batch(batch) => perform_batch(session, batch),
            Job::Script(script) => perform_script(session, script),
            Job::Transaction(transaction) => perform_alone(session, transaction),
            Job::Hold(hold) => perform_hold(session, hold),
            Job::Wake | Job::Close => {}
            #[cfg(test)]
            Job::Panic(_) => {}
        }
    }

    /// Makes sure that the file at the path is the one that is open, or opens the one that is there.
    fn have_file(&mut self) -> Result<()> {
        if self.watch.standing() == Found::Same {
            let now = Instant::now();
            if now.saturating_duration_since(self.looked) < FRESH {
                return Ok(());
            }
            self.looked = now;
        }
        match self.watch.look() {
            Found::Same => Ok(()),
            Found::Replaced if self.watch.is_at_rest() => self.open_other(),
            found => Err(self.watch.error(found)),
        }
    }

    /// Makes sure that the session can be used: one that could not be rolled back is replaced as
    /// soon as the file can be opened again.
    fn have_session(&mut self) -> Result<()> {
        if self.failed.is_none() {
            return Ok(());
        }
        match self.put_in_order() {
            Ok(()) => {
                self.failed = None;
                Ok(())
            }
            Err(error) => Err(Error::new(
                ErrorKind::Unreachable,
                format!(
                    "the writer's file cannot be opened anew: {}",
                    error.detail()
                ),
            )
            .with_hint("see why the file cannot be read or written; the writer tries again")
            .with_source(error)),
        }
    }

    /// Opens another file in place of the one that is gone. SQLite itself sees that the old one has
    /// no name any more, and closes it without touching what is at its path.
    fn open_other(&mut self) -> Result<()> {
        let session = match open::open(&self.in_place(), Role::Writer, &Caller::default()) {
            Ok(session) => session,
            Err(error) => {
                let refused = self.watch.error(Found::Replaced);
                return Err(refused
                    .with_hint("the new file cannot be opened: put a database in its place")
                    .with_source(error));
            }
        };
        if !self.watch.take_other() {
            return Err(self.watch.error(Found::Replaced));
        }
        self.session = session;
        self.log.renew();
        Ok(())
    }

    fn in_place(&self) -> SqliteOptions {
        SqliteOptions {
            create: false,
            ..self.options.clone()
        }
    }

    /// Runs a job with as many of its neighbours as there are.
    fn perform_shared(&mut self, first: Job) {
        let mut alone = false;
        if self.answered <= 1 {
            self.next = self.look();
            alone = self.next.is_none();
        }
        let first = match first {
            // Nobody else is there: the statement is its own transaction.
            Job::Run(run) if alone && !may_keep_half(&run.statement) => {
                perform_run(&mut self.session, run);
                return;
            }
            first => first,
        };
        let mut group = Group::new(self.options.patience);
        let mut next = Some(first);
        let mut is_lost = false;
        while let Some(job) = next {
            let session = &mut self.session;
            let standing = catch_unwind(AssertUnwindSafe(|| group.add(session, job)));
            match standing {
                Ok(Standing::Open) => {}
                Ok(Standing::Full) => break,
                Ok(Standing::Over) => {
                    self.answered = 1;
                    return;
                }
                Ok(Standing::Lost) => {
                    is_lost = true;
                    break;
                }
                Err(_) => {
                    self.tell_of_panic();
                    is_lost = true;
                    break;
                }
            }
            next = self.look_again(group.len());
            while next.as_ref().is_some_and(Job::is_abandoned) {
                next = self.look();
            }
            if next.as_ref().is_some_and(|job| !job.is_shared()) {
                self.next = next.take();
            }
        }
        self.answered = group.len();
        let refused = if is_lost {
            Some(group)
        } else {
            group.commit(&mut self.session).err()
        };
        if let Some(group) = refused
            && self.put_in_order().is_ok()
        {
            group.run_again(&mut self.session);
        }
    }

    /// Rolls back what is open, and opens the file anew where the disk has failed its connection.
    ///
    /// A commit that failed while it was written may have left its pages in the log. They are not
    /// part of the database: what is, the wal-index says, which is changed last, and which stays as
    /// long as a connection is open. Only when the first one opens the file after a crash is it
    /// rebuilt, from whatever the log holds (<https://sqlite.org/walformat.html>, "recovery"). So
    /// the new connection is opened before the old one closes: nothing of the failed commit comes
    /// back, the next commit is written over it, and jobs may run again.
    fn put_in_order(&mut self) -> Result<()> {
        let restored = self.session.restore();
        if restored.is_ok() && !self.session.is_doubtful() {
            return Ok(());
        }
        // Another file's turn comes with the next job; what is here must not be opened beside the
        // old one's log.
        if self.watch.look() != Found::Same {
            return Ok(());
        }
        if let Err(error) = &restored {
            tracing::error!(%error, "the writer cannot roll back and opens the file anew");
        }
        match open::open(&self.in_place(), Role::Writer, &Caller::default()) {
            Ok(session) => {
                self.session = session;
                Ok(())
            }
            // The old one is as good as it was.
            Err(error) if restored.is_ok() => {
                tracing::warn!(%error, "the writer's file cannot be opened anew");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn tell_of_panic(&self) {
        tracing::error!(path = %self.options.path.display(), "a job of the writer panicked");
    }

    /// Moves the WAL into the file and closes it.
    fn finish(mut self) -> Result<()> {
        self.log.end();
        if self.watch.look() != Found::Same {
            return Ok(());
        }
        let connection = self.session.connection();
        // What a reader keeps in the log moves with the last connection's close.
        checkpoint(connection, "PRAGMA wal_checkpoint(TRUNCATE)", LAST_READERS)
            .map(drop)
            .map_err(|error| {
                error.with_hint(
                    "the log was not moved into the database file; every commit is safe in the \
                     -wal file beside it, so keep the two together",
                )
            })
    }
}
