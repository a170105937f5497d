//! A group: jobs that share one transaction, and with it one commit.
//!
//! Nobody is told anything before the commit, not even of an error: a duplicate of a neighbour's
//! row is none when that row is rolled back. When the commit is refused or the transaction lost,
//! each job runs once more by itself, so that each caller gets an answer of its own. When a caller
//! gives up before the commit, the others run once more together, so that it is told the truth.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::caller::{self, Caller};
use super::classify::{given_up, is_of_the_file};
use super::closure::{Closure, End, send_away};
use super::job::{self, Batch, Job, Run, Transaction};
use super::options::Patience;
use super::rows::Ran;
use super::session::{Session, ran};
use crate::driver::BeginOptions;
use crate::error::{Error, ErrorKind, Result};

/// A group takes this many jobs, within the time that its patience allows.
const JOBS: usize = 128;

/// A statement in company takes no longer than this: then it runs by itself, and so do the others.
const STATEMENT: Duration = Duration::from_millis(500);

const SAVEPOINT: &str = "SAVEPOINT mainstay_job";
const RELEASE: &str = "RELEASE mainstay_job";
const ROLLBACK_TO: &str = "ROLLBACK TO mainstay_job";

/// Jobs that share one transaction.
pub(super) struct Group {
    kept: Vec<Kept>,
    started: Instant,
    patience: Patience,
    /// Whether a caller gave up after its job had run: the others are to run without it.
    given_up: bool,
}

/// A job that ran, with the answer that waits for the commit.
enum Kept {
    Run(Run, Result<Ran>),
    Batch(Batch, Result<Vec<Ran>>),
    /// A transaction that was committed or rolled back.
    Ended(job::End),
}

/// What became of the group with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It takes more.
    Open,
    /// It is to be committed.
    Full,
    /// Nothing is left of it: its only job was answered.
    Over,
    /// Its transaction is lost or cannot be relied on.
    Lost,
}

impl Group {
    pub(super) fn new(patience: Patience) -> Self {
        Self {
            kept: Vec::new(),
            started: Instant::now(),
            patience,
            given_up: false,
        }
    }

    fn is_late(&self) -> bool {
        self.started.elapsed() >= self.patience.group
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Runs a job within the group's transaction, which the first one begins.
    ///
    /// The first job needs no savepoint: as long as it is the only one, the transaction is its own.
    pub(super) fn add(&mut self, session: &mut Session, job: Job) -> Standing {
        let first = self.kept.is_empty();
        if first && let Err(error) = session.begin(BeginOptions::default(), &job.caller()) {
            job.refuse(error);
            return Standing::Over;
        }
        let standing = match job {
            Job::Run(run) => self.run(session, run),
            Job::Batch(batch) => self.batch(session, batch),
            Job::Transaction(transaction) => self.transaction(session, transaction),
            #[cfg(test)]
            Job::Panic(_answer) => std::panic::resume_unwind(Box::new("as asked")),
            other @ (Job::Script(_) | Job::Hold(_) | Job::Wake | Job::Close) => {
                other.refuse(Error::new(
                    ErrorKind::Unexpected,
                    "the job cannot share a transaction",
                ));
                Standing::Open
            }
        };
        match standing {
            Standing::Open if self.len() >= JOBS || self.is_late() => Standing::Full,
            standing => standing,
        }
    }

    /// A single statement needs no savepoint: SQLite undoes a statement that fails by itself.
    /// Where it does not, as with `OR FAIL`, the changes that stay behind show.
    fn run(&mut self, session: &mut Session, run: Run) -> Standing {
        let before = session.total_changes();
        let result = self.in_company(|| session.run(&run.statement, None, &run.caller));
        let result = result.and_then(ran);
        self.given_up |= run.caller.is_given_up();
        let standing = match &result {
            Err(error) if is_lost(session, error) || session.total_changes() != before => {
                Standing::Lost
            }
            _ => Standing::Open,
        };
        self.kept.push(Kept::Run(run, result));
        standing
    }

    /// Runs a job that others may wait for. SQLite undoes the whole transaction when it interrupts
    /// a write, so they run again without it; that is better than to wait for one that takes long.
    fn in_company<T>(&self, work: impl FnOnce() -> T) -> T {
        let limit = (!self.kept.is_empty()).then(|| Instant::now() + STATEMENT);
        caller::until(limit, work)
    }

    fn batch(&mut self, session: &mut Session, batch: Batch) -> Standing {
        let first = self.kept.is_empty();
        if !first && session.control(SAVEPOINT).is_err() {
            self.kept.push(Kept::Batch(batch, Ok(Vec::new())));
            return Standing::Lost;
        }
        let result = self.in_company(|| run_all(session, &batch, &batch.caller));
        self.given_up |= batch.caller.is_given_up();
        let standing = match &result {
            Err(error) if is_lost(session, error) => Standing::Lost,
            Err(_) if first => {
                if session.restore().is_err() {
                    Standing::Lost
                } else {
                    job::answer(batch.answer, &batch.caller, result);
                    return Standing::Over;
                }
            }
            Err(_) => undo(session),
            Ok(_) if first => Standing::Open,
            Ok(_) => keep(session),
        };
        self.kept.push(Kept::Batch(batch, result));
        standing
    }

    fn transaction(&mut self, session: &mut Session, transaction: Transaction) -> Standing {
        let first = self.kept.is_empty();
        let Transaction {
            options,
            caller,
            commands,
            put_off,
            answer,
        } = transaction;
        if !first && session.control(SAVEPOINT).is_err() {
            send_away(job::End { caller, answer });
            return Standing::Lost;
        }
        let mut closure = Closure::new(
            commands,
            put_off,
            options.until,
            (!first).then_some(self.patience.transaction),
        );
        let end = match answer.send(Ok(())) {
            Ok(()) => closure.serve(session),
            Err(_) => End::Dropped,
        };
        if first {
            return self.first_ended(session, end, closure.ran_alone());
        }
        match end {
            End::Commit(end) => {
                self.kept.push(Kept::Ended(end));
                keep(session)
            }
            End::Rollback(answer) => {
                let caller = Caller::default();
                self.kept.push(Kept::Ended(job::End { caller, answer }));
                undo(session)
            }
            End::Dropped => undo(session),
            // The others have waited for long enough.
            End::PutOff => match undo(session) {
                Standing::Open => Standing::Full,
                standing => standing,
            },
            End::Lost => Standing::Lost,
        }
    }

    fn first_ended(&mut self, session: &mut Session, end: End, ran_alone: bool) -> Standing {
        match end {
            End::Commit(end) if ran_alone || session.has_lost_its_transaction() => {
                if end.caller.end() {
                    end.answer(session.commit());
                }
                Standing::Over
            }
            End::Commit(end) => {
                self.kept.push(Kept::Ended(end));
                Standing::Open
            }
            End::Rollback(answer) => {
                let _ = answer.send(session.restore());
                Standing::Over
            }
            // The writer rolls back what is open.
            End::Dropped | End::PutOff | End::Lost => Standing::Over,
        }
    }

    /// Commits, and answers everybody. A group whose commit was refused is given back.
    pub(super) fn commit(mut self, session: &mut Session) -> std::result::Result<(), Self> {
        if self.kept.iter().any(|kept| kept.caller().is_given_up()) || !self.end() {
            self.given_up = true;
            return Err(self);
        }
        match (session.commit(), self.kept.as_slice()) {
            (Ok(()), _) => {
                for kept in self.kept {
                    kept.answer();
                }
                Ok(())
            }
            // Nobody else has a part in the refusal.
            (Err(error), [Kept::Ended(_)]) => {
                if let Some(Kept::Ended(end)) = self.kept.pop() {
                    end.answer(Err(error));
                }
                Ok(())
            }
            (Err(error), _) => {
                tracing::debug!(%error, jobs = self.len(), "a commit was refused; its jobs run singly");
                Err(self)
            }
        }
    }

    /// From here on nobody can give up in time. `false`: somebody did.
    fn end(&self) -> bool {
        self.kept.iter().all(|kept| kept.caller().end())
    }

    /// Runs the jobs once more: together, where only a caller who has gone since was in the way.
    /// Nothing of the group may be open.
    pub(super) fn run_again(mut self, session: &mut Session) {
        for kept in &self.kept {
            kept.caller().open_again();
        }
        let had_company = self.kept.len() > 1;
        self.kept.retain(|kept| !kept.caller().is_given_up());
        if self.given_up && had_company {
            self = match self.together(session) {
                Ok(()) => return,
                Err(group) => group,
            };
        }
        self.run_singly(session);
    }

    /// Runs all of them within one transaction. `Err`: nothing of it is there.
    fn together(self, session: &mut Session) -> std::result::Result<(), Self> {
        let mut group = Self::new(self.patience);
        let mut rest = self.kept.into_iter();
        while let Some(kept) = rest.next() {
            let job = match kept {
                Kept::Run(run, _) => Job::Run(run),
                Kept::Batch(batch, _) => Job::Batch(batch),
                // Only its caller can run it again.
                Kept::Ended(end) => {
                    send_away(end);
                    continue;
                }
            };
            match group.add(session, job) {
                Standing::Open | Standing::Full | Standing::Over => {}
                Standing::Lost => {
                    group.kept.extend(rest);
                    // What cannot be rolled back is the writer's to see to.
                    let _ = session.restore();
                    return Err(group);
                }
            }
        }
        if group.kept.is_empty() {
            return Ok(());
        }
        group.commit(session).inspect_err(|group| {
            let _ = session.restore();
            for kept in &group.kept {
                kept.caller().open_again();
            }
        })
    }

    /// Runs each job once more, as a transaction of its own.
    fn run_singly(self, session: &mut Session) {
        for kept in self.kept {
            match kept {
                Kept::Run(run, _) => {
                    let result = transact(session, &run.caller, |session| {
                        session.run(&run.statement, None, &run.caller).and_then(ran)
                    });
                    job::answer(run.answer, &run.caller, result);
                }
                Kept::Batch(batch, _) => perform_batch(session, batch),
                // Only its caller can run it again.
                Kept::Ended(end) => send_away(end),
            }
        }
    }
}

impl Kept {
    // Answers to callers that are gone in the meantime are dropped: nothing is left to do for them.
    fn answer(self) {
        match self {
            Self::Run(run, result) => job::answer(run.answer, &run.caller, result),
            Self::Batch(batch, result) => job::answer(batch.answer, &batch.caller, result),
            Self::Ended(end) => end.answer(Ok(())),
        }
    }

    fn caller(&self) -> &Caller {
        match self {
            Self::Run(run, _) => &run.caller,
            Self::Batch(batch, _) => &batch.caller,
            Self::Ended(end) => &end.caller,
        }
    }
}

/// Runs a batch as a transaction of its own.
pub(super) fn perform_batch(session: &mut Session, batch: Batch) {
    let result = transact(session, &batch.caller, |session| {
        run_all(session, &batch, &batch.caller)
    });
    job::answer(batch.answer, &batch.caller, result);
}

fn transact<T>(
    session: &mut Session,
    caller: &Caller,
    work: impl FnOnce(&mut Session) -> Result<T>,
) -> Result<T> {
    if caller.is_gone() {
        return Err(given_up());
    }
    session.begin(BeginOptions::default(), caller)?;
    let result = work(session).and_then(|value| {
        if !caller.end() {
            return Err(given_up());
        }
        session.commit().map(|()| value)
    });
    if result.is_err() {
        // What cannot be rolled back is the writer's to see to.
        let _ = session.restore();
    }
    result
}

fn run_all(session: &mut Session, batch: &Batch, caller: &Caller) -> Result<Vec<Ran>> {
    let mut all = Vec::with_capacity(batch.statements.len());
    for (position, statement) in batch.statements.iter().enumerate() {
        batch.at.store(position, Ordering::Relaxed);
        all.push(session.run(statement, None, caller).and_then(ran)?);
    }
    batch.at.store(batch.statements.len(), Ordering::Relaxed);
    Ok(all)
}

fn is_lost(session: &Session, error: &Error) -> bool {
    session.has_lost_its_transaction() || is_of_the_file(error)
}

fn keep(session: &Session) -> Standing {
    standing(session.control(RELEASE))
}

fn undo(session: &Session) -> Standing {
    let undone = session.control(ROLLBACK_TO);
    standing(undone.and_then(|()| session.control(RELEASE)))
}

fn standing(result: Result<()>) -> Standing {
    match result {
        Ok(()) => Standing::Open,
        Err(_) => Standing::Lost,
    }
}
