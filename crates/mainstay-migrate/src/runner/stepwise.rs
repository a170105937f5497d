//! Statement by statement: engines that commit at every change of a table, and migrations that must
//! not run in a transaction.
//!
//! A statement that is its own transaction is recorded as started, with the fingerprint of the
//! schema before it, and as done, with the one after. Others share a transaction with their record.
//! So what stands of an interrupted migration is known, or is found out; see `resume`.
//!
//! The session that has the lock is also the one that runs what changes tables. A server goes on
//! with a statement whose program was killed, and only then ends the session: so nobody else
//! begins before it has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mainstay::database::Exclusive;
use mainstay::{Error, Outcome, Result};
use tokio::time::Instant;

use super::failure::failed;
use super::report::{Applied, millis};
use super::resume;
use super::run::Run;
use super::session::{GRACE, Job, try_session_lock, two_connections, unlock};
use super::took::Took;
use crate::dialect::{self, Effect, Manner, Sql};
use crate::history::{self, State};
use crate::journal::{self, JournalRow};
use crate::migration::Direction;
use crate::plan::{Mode, Target, half_applied_hint, steps_to, survey};
use crate::progress::Event;

/// Takes the next steps to a target that are run this way, in a task of its own: when the caller
/// goes away, the migration under way is finished and the lock given back, and no more is begun.
pub(super) async fn next(job: &Job, target: &Target) -> Result<Took> {
    two_connections(job)?;
    let abandoned = Arc::new(AtomicBool::new(false));
    let _guard = SetOnDrop(Arc::clone(&abandoned));
    let (job, target) = (job.clone(), target.clone());
    let task = async move {
        let limit = job.left() + GRACE;
        let db = job.db.clone();
        db.exclusive(move |held| async move {
            if !try_session_lock(&held).await? {
                return Ok(Took::Busy);
            }
            let took = take(&job, &held, &target, &abandoned).await;
            unlock(&held).await;
            took
        })
        .timeout(limit)
        .await
    };
    tokio::spawn(task)
        .await
        .unwrap_or_else(|failure| Err(Error::unexpected(failure)))
}

struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn take(
    job: &Job,
    held: &Exclusive,
    target: &Target,
    abandoned: &AtomicBool,
) -> Result<Took> {
    let dialect = job.dialect();
    held.script(Sql::of(dialect).create_history).await?;
    held.script(Sql::of(dialect).create_journal).await?;
    let mut steps: Vec<(Direction, Applied)> = Vec::new();
    while !abandoned.load(Ordering::Relaxed) {
        let recorded = journal::read_recorded(|sql| held.sql(sql), dialect).await?;
        let survey = survey(&job.set, dialect, &recorded)?;
        let next = steps_to(&job.set, dialect, &recorded, &survey, target)?
            .into_iter()
            .next();
        let Some(step) = next else {
            return Ok(match steps.is_empty() {
                true => Took::Reached(survey.applied()),
                false => Took::Steps(steps),
            });
        };
        if step.mode != Mode::Statements {
            return Ok(match steps.is_empty() {
                true => Took::Otherwise(step.mode),
                false => Took::Steps(steps),
            });
        }
        let row = recorded.history.iter().find(|r| r.version == step.version);
        let resumes = row.is_some_and(|row| row.state == State::Started);
        let limits = dialect::time_outs(dialect, &step.directives, true);
        for sql in &limits {
            held.script(sql.as_str()).await?;
        }
        let run = Run {
            job,
            held,
            step: &step,
            recorded: row.filter(|_| !resumes),
            started: Instant::now(),
        };
        steps.push(run.all(resumes).await?);
        if !limits.is_empty() {
            // The next one gets a session without them.
            break;
        }
    }
    Ok(Took::Steps(steps))
}

/// Why a statement failed, and which.
struct Stop {
    error: Error,
    position: Option<usize>,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self {
            error,
            position: None,
        }
    }
}

impl Stop {
    fn at(position: usize) -> impl FnOnce(Error) -> Self {
        move |error| Self {
            error,
            position: Some(position),
        }
    }
}

impl Run<'_> {
    async fn all(self, resumes: bool) -> Result<(Direction, Applied)> {
        let Run { job, step, .. } = self;
        job.tell(Event::Begun { step });
        let mut done = step.done;
        if resumes {
            done = resume::settle(self).await?;
        } else {
            self.begin().await?;
        }
        while done < step.statements.len() {
            let next = match step.statements[done].manner {
                Manner::Shared => self.shared(done).await,
                Manner::Alone(effect) => self.alone(done, effect).await,
            };
            match next {
                Ok(next) => done = next,
                Err(stop) => return Err(self.explain(stop, done).await),
            }
        }
        self.end().await?;
        Ok(job.ended(step, self.started.elapsed()))
    }

    /// Records that the migration begins. The journal first: it alone means nothing.
    async fn begin(self) -> Result<()> {
        let Run {
            job, held, step, ..
        } = self;
        journal::clear(|sql| held.sql(sql), &step.version)
            .execute()
            .await?;
        let mut row = self.journal_row(0, step.checksum.clone(), None);
        row.done = true;
        journal::insert(|sql| held.sql(sql), &row, None, 0)
            .execute()
            .await?;
        let row = job.row(step, State::Started, Duration::ZERO);
        let record = match step.direction {
            Direction::Up => history::insert(|sql| held.sql(sql), &row),
            Direction::Down => history::advance(|sql| held.sql(sql), &row),
        };
        record.execute().await?;
        Ok(())
    }

    /// Records that it is done. The history first: the journal alone means nothing.
    async fn end(self) -> Result<()> {
        let Run {
            job, held, step, ..
        } = self;
        let record = match step.direction {
            Direction::Up => {
                let row = job.row(step, State::Applied, self.started.elapsed());
                history::advance(|sql| held.sql(sql), &row)
            }
            Direction::Down => {
                let (first, last) = step.forgets();
                history::forget(|sql| held.sql(sql), first, last)
            }
        };
        record.execute().await?;
        journal::clear(|sql| held.sql(sql), &step.version)
            .execute()
            .await?;
        Ok(())
    }

    fn journal_row(self, position: usize, checksum: String, before: Option<String>) -> JournalRow {
        JournalRow {
            version: self.step.version.clone(),
            position: u32::try_from(position).unwrap_or(u32::MAX),
            direction: self.step.direction,
            done: false,
            checksum,
            before,
            started_at: self.job.db.clock().now(),
        }
    }

    /// Runs one statement that is its own transaction.
    async fn alone(self, position: usize, effect: Effect) -> Result<usize, Stop> {
        let Run {
            job, held, step, ..
        } = self;
        let statement = &step.statements[position];
        // Without one, what became of it cannot be told.
        let before = match effect {
            Effect::Visible | Effect::Repeatable => Some(self.fingerprint().await?),
            Effect::Doubtful => None,
        };
        let row = self.journal_row(position + 1, statement.checksum.clone(), before);
        journal::insert(|sql| held.sql(sql), &row, None, 0)
            .execute()
            .await?;
        job.tell(Event::StatementBegun { step, position });
        let started = Instant::now();
        held.script(&statement.text)
            .timeout(job.limit(step))
            .await
            .map_err(Stop::at(position))?;
        let took = started.elapsed();
        job.tell(Event::StatementDone {
            step,
            position,
            took,
        });
        self.finish(&row, took).await?;
        Ok(position + 1)
    }

    /// Runs the statements from `first` on that can share a transaction, and records them in it.
    /// Killed half way, the server undoes all of it: so it need not be in the session of the lock.
    async fn shared(self, first: usize) -> Result<usize, Stop> {
        let Run { job, step, .. } = self;
        let shares = |position: usize| {
            let next = step.statements.get(position);
            next.is_some_and(|next| next.manner == Manner::Shared)
        };
        // Who wants no transaction wants each by itself.
        let end = match step.directives.no_transaction {
            true => first + 1,
            false => (first..).find(|at| !shares(*at)).unwrap_or(first + 1),
        };
        let dialect = job.dialect();
        job.db
            .transaction(|tx| async move {
                for sql in dialect::time_outs(dialect, &step.directives, false) {
                    tx.script(sql).await?;
                }
                for position in first..end {
                    let statement = &step.statements[position];
                    job.tell(Event::StatementBegun { step, position });
                    let started = Instant::now();
                    tx.script(dialect::limited(dialect, &step.directives, &statement.text))
                        .timeout(job.limit(step))
                        .await
                        .map_err(Stop::at(position))?;
                    let took = started.elapsed();
                    job.tell(Event::StatementDone {
                        step,
                        position,
                        took,
                    });
                    let mut row = self.journal_row(position + 1, statement.checksum.clone(), None);
                    row.done = true;
                    journal::insert(|sql| tx.sql(sql), &row, None, millis(took))
                        .execute()
                        .await?;
                }
                Ok::<_, Stop>(end)
            })
            .timeout(job.left())
            .await
    }

    /// Brings the record to where it was before. Whether it is there.
    async fn as_if_never_begun(self) -> bool {
        let Run { held, step, .. } = self;
        let record = match (step.direction, self.recorded) {
            (Direction::Up, _) => {
                history::forget(|sql| held.sql(sql), &step.version, &step.version)
            }
            (Direction::Down, Some(row)) => history::advance(|sql| held.sql(sql), row),
            // It was begun by a run before this one.
            (Direction::Down, None) => return false,
        };
        record.execute().await.is_ok()
    }

    /// Says what stands of a migration that failed, and forgets it where nothing does.
    async fn explain(self, stop: Stop, done: usize) -> Error {
        let Run { job, step, .. } = self;
        let Stop { error, position } = stop;
        let mut row = job.row(step, State::Started, Duration::ZERO);
        row.statements_done = u32::try_from(done).unwrap_or(u32::MAX);
        let Some(position) = position else {
            return error.with_hint("begin again: it goes on behind the statements that are done");
        };
        let statement = &step.statements[position];
        let whole = matches!(
            statement.manner,
            Manner::Shared | Manner::Alone(Effect::Visible | Effect::Repeatable)
        );
        if !whole || error.outcome() != Outcome::NotApplied {
            let stands = "whether it took effect is not known";
            let hint = match whole {
                true => "begin again: it is found out, and goes on from there".to_owned(),
                false => half_applied_hint(&row, step.direction),
            };
            return failed(step, position, stands, hint, error);
        }
        if let Err(error) = resume::leave_nothing(self, position).await {
            tracing::debug!(target: "mainstay::migrate", %error, "not cleaned up after a failure");
        }
        if done == 0 && self.as_if_never_begun().await {
            let stands = "nothing of it stands";
            let hint = "correct it and begin again".to_owned();
            return failed(step, position, stands, hint, error);
        }
        let because = match job.db.capabilities().transactional_ddl {
            true => "because the migration has no transaction",
            false => "because this engine cannot undo a change of a table",
        };
        let stands = match done {
            0 => "no statement stands".to_owned(),
            1 => format!("statement 1 stands, {because}"),
            _ => format!("statements 1 to {done} stand, {because}"),
        };
        let hint = format!(
            "correct it and begin again: it goes on at statement {}",
            done + 1
        );
        failed(step, position, &stands, hint, error)
    }
}
