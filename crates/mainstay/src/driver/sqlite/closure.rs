//! Serves one transaction: its statements arrive one by one while the writer waits.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::time::Instant;

use super::caller::{self, Caller};
use super::classify::is_of_the_file;
use super::job::{
    self, Answer, Command, LoadJob, PutOff, Run, Script, Transaction, is_beyond_commits, is_query,
    is_shared, put_off,
};
use super::session::{Session, ran};
use crate::error::Error;

/// How long the queue of commands is watched before the thread goes to sleep: the next one usually
/// comes within microseconds, and to wake a thread takes longer than that.
const AWAKE: Duration = Duration::from_micros(100);

/// The most rows of a load that may keep others waiting, whose work is in the transaction too.
const SHARED_ROWS: usize = 1000;

/// How a transaction ended. What it did is still open, except where it is lost.
#[derive(Debug)]
pub(super) enum End {
    /// It is to be kept.
    Commit(job::End),
    /// It is not.
    Rollback(Answer<()>),
    /// Its caller is gone, or its time is over.
    Dropped,
    /// It held up others for too long, or cannot share a transaction with them. Its caller knows
    /// or will find out.
    PutOff,
    /// It has lost the transaction that it shares, whose other jobs did not.
    Lost,
}

/// A transaction in service.
pub(super) struct Closure {
    commands: Receiver<Command>,
    put_off: PutOff,
    /// When others have waited for long enough; `None` when nobody else's work is in the
    /// transaction.
    until: Option<Instant>,
    /// When it ends at the latest, even if its caller has forgotten about it.
    expires: Option<Instant>,
    /// Whether it ran something that should not share a commit.
    ran_alone: bool,
}

impl Closure {
    /// With `patience`, how long it may take, when others' work is in the transaction too.
    pub(super) fn new(
        commands: Receiver<Command>,
        put_off: PutOff,
        expires: Option<Instant>,
        patience: Option<Duration>,
    ) -> Self {
        Self {
            commands,
            put_off,
            until: patience.map(|patience| Instant::now() + patience),
            expires,
            ran_alone: false,
        }
    }

    pub(super) fn ran_alone(&self) -> bool {
        self.ran_alone
    }

    /// Serves its commands until it ends.
    pub(super) fn serve(&mut self, session: &mut Session) -> End {
        loop {
            let command = match self.next() {
                Ok(command) => command,
                Err(RecvTimeoutError::Timeout) if self.is_late() => {
                    return self.give_way(End::PutOff);
                }
                Err(RecvTimeoutError::Timeout) => return self.expire(),
                Err(RecvTimeoutError::Disconnected) => return End::Dropped,
            };
            match command {
                Command::Commit(end) if end.caller.is_given_up() => return End::Dropped,
                Command::Commit(end) => return End::Commit(end),
                Command::Rollback(answer) => return End::Rollback(answer),
                _ if self.is_expired() => return self.expire(),
                // A closed channel, or this answer, tells its caller.
                _ if self.is_late() => return self.give_way(End::PutOff),
                Command::Savepoint(savepoint) => {
                    let result = session.savepoint(&savepoint.statements);
                    if result.is_err() && self.until.is_some() {
                        return self.give_way(End::Lost);
                    }
                    let _ = savepoint.answer.send(result);
                }
                Command::Script(script) => {
                    if self.until.is_some() {
                        return self.give_way(End::PutOff);
                    }
                    self.ran_alone = true;
                    if let Some(end) = self.script(session, script) {
                        return end;
                    }
                }
                Command::Run(run) => {
                    if let Some(end) = self.run(session, run) {
                        return end;
                    }
                }
                Command::Load(load) => {
                    if let Some(end) = self.load(session, load) {
                        return end;
                    }
                }
            }
        }
    }

    fn script(&self, session: &mut Session, script: Script) -> Option<End> {
        if script.answer.is_closed() {
            return script.caller.is_gone().then_some(End::Dropped);
        }
        if is_beyond_commits(&script.sql) && !script.caller.end() {
            return Some(End::Dropped);
        }
        let result = caller::until(self.expires, || {
            session.script(&script.sql, &script.caller).and_then(ran)
        });
        let _ = script.answer.send(result);
        script.caller.is_gone().then_some(End::Dropped)
    }

    fn run(&mut self, session: &mut Session, run: Run) -> Option<End> {
        let has_company = self.until.is_some();
        if !is_shared(&run.statement) {
            if has_company {
                return Some(self.give_way(End::PutOff));
            }
            self.ran_alone = true;
            if !run.caller.end() {
                return Some(End::Dropped);
            }
        }
        if run.answer.is_closed() {
            return run.caller.is_gone().then_some(End::Dropped);
        }
        // SQLite undoes the whole transaction when it interrupts a write. So in company only
        // queries are stopped, and only their rows may have to wait for their reader.
        let nobody = Caller::default();
        let (caller, chunks, until) = if !has_company {
            (&run.caller, run.chunks.as_ref(), self.expires)
        } else if is_query(&run.statement) {
            (&run.caller, run.chunks.as_ref(), self.until)
        } else {
            (&nobody, None, None)
        };
        let result = caller::until(until, || session.run(&run.statement, chunks, caller));
        let result = result.and_then(ran);
        if let Err(error) = &result
            && let Some(end) = self.end_after(session, error)
        {
            return Some(end);
        }
        let _ = run.answer.send(result);
        run.caller.is_gone().then_some(End::Dropped)
    }

    fn load(&mut self, session: &mut Session, job: LoadJob) -> Option<End> {
        let has_company = self.until.is_some();
        if job.load.rows().len() > SHARED_ROWS {
            if has_company {
                return Some(self.give_way(End::PutOff));
            }
            self.ran_alone = true;
        }
        if job.answer.is_closed() {
            return job.caller.is_gone().then_some(End::Dropped);
        }
        let nobody = Caller::default();
        let caller = if has_company { &nobody } else { &job.caller };
        let expires = if has_company { None } else { self.expires };
        let result = caller::until(expires, || session.load(&job.load, caller));
        if let Err(error) = &result
            && let Some(end) = self.end_after(session, error)
        {
            return Some(end);
        }
        let _ = job.answer.send(result);
        job.caller.is_gone().then_some(End::Dropped)
    }

    /// How the transaction ends after an error, if it cannot go on in its company.
    fn end_after(&self, session: &Session, error: &Error) -> Option<End> {
        self.until?;
        if session.has_lost_its_transaction() || is_of_the_file(error) {
            return Some(self.give_way(End::Lost));
        }
        self.is_late().then(|| self.give_way(End::PutOff))
    }

    /// To be said before a command, and with it the place for its answer, is dropped.
    fn give_way(&self, end: End) -> End {
        self.put_off.set();
        end
    }

    /// To be said before a command is dropped, too.
    fn expire(&self) -> End {
        tracing::warn!("a transaction's time limit has passed; the writer rolls it back");
        self.put_off.set_expired();
        End::Dropped
    }

    fn is_expired(&self) -> bool {
        self.expires
            .is_some_and(|expires| Instant::now() >= expires)
    }

    fn is_late(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    fn next(&self) -> Result<Command, RecvTimeoutError> {
        let until = Instant::now() + AWAKE;
        while Instant::now() < until {
            if let Ok(command) = self.commands.try_recv() {
                return Ok(command);
            }
            std::thread::yield_now();
        }
        let ends = [self.until, self.expires].into_iter().flatten();
        match ends.min() {
            Some(until) => self
                .commands
                .recv_timeout(until.saturating_duration_since(Instant::now())),
            None => self
                .commands
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected),
        }
    }
}

/// Serves a transaction that shares its commit with nobody.
pub(super) fn perform_alone(session: &mut Session, transaction: Transaction) {
    let Transaction {
        options,
        caller,
        commands,
        put_off,
        answer,
    } = transaction;
    let begun = session.begin(options, &caller);
    let failed = begun.is_err();
    if answer.send(begun).is_err() || failed {
        return;
    }
    match Closure::new(commands, put_off, options.until, None).serve(session) {
        End::Commit(end) => {
            if end.caller.end() {
                end.answer(session.commit());
            }
        }
        End::Rollback(answer) => {
            let _ = answer.send(session.restore());
        }
        // What is open is rolled back by the writer.
        End::Dropped | End::PutOff | End::Lost => {}
    }
}

/// Serves one who has the writer for statements outside of any transaction.
pub(super) fn perform_hold(session: &mut Session, hold: Transaction) {
    if hold.answer.send(Ok(())).is_err() {
        return;
    }
    let expires = hold.options.until;
    let end = Closure::new(hold.commands, hold.put_off, expires, None).serve(session);
    // What was changed by a PRAGMA is nobody else's business.
    session.distrust();
    match end {
        End::Commit(end) => end.answer(session.restore()),
        End::Rollback(answer) => drop(answer.send(session.restore())),
        End::Dropped | End::PutOff | End::Lost => {}
    }
}

/// Tells a transaction that it was put off.
pub(super) fn send_away(end: job::End) {
    end.answer(Err(put_off()));
}
