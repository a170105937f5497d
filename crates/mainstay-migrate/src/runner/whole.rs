//! Engines whose DDL takes part in transactions: lock, history, statements and record of one
//! migration are one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mainstay::{Error, ErrorKind, Outcome, Result, Tx};
use tokio::time::Instant;

use super::failure::failed;
use super::session::{Job, try_lock};
use super::took::Took;
use crate::dialect::{Sql, time_outs};
use crate::history::{self, State};
use crate::journal;
use crate::migration::Direction;
use crate::plan::{Mode, Step, Target, steps_to, survey};
use crate::progress::Event;

/// Takes the next step to a target, if there is one.
pub(super) async fn next(job: &Job, target: &Target) -> Result<Took> {
    // Tells a transaction that could not start, because another process writes, from one that
    // failed at its work.
    let locked = Arc::new(AtomicBool::new(false));
    let result = job
        .db
        .transaction(|tx| {
            let locked = Arc::clone(&locked);
            async move {
                if !try_lock(&tx).await? {
                    return Ok(Taken::Nothing(Took::Busy));
                }
                locked.store(true, Ordering::Relaxed);
                take(job, &tx, target).await
            }
        })
        .timeout(job.left())
        .await;
    match result {
        Err(error) if is_busy(&error) && !locked.load(Ordering::Relaxed) => Ok(Took::Busy),
        Err(error) => Err(error),
        Ok(Taken::Nothing(took)) => Ok(took),
        Ok(Taken::Step(step, took)) => Ok(Took::Steps(vec![job.ended(&step, took)])),
    }
}

/// What one transaction came to.
enum Taken {
    /// No migration was run.
    Nothing(Took),
    /// One was, and took so long.
    Step(Box<Step>, Duration),
}

pub(super) fn is_busy(error: &Error) -> bool {
    error.kind() == ErrorKind::WriteConflict && error.outcome() == Outcome::NotApplied
}

async fn take(job: &Job, tx: &Tx, target: &Target) -> Result<Taken> {
    let dialect = job.dialect();
    tx.script(Sql::of(dialect).create_history).await?;
    let recorded = journal::read_recorded(|sql| tx.sql(sql), dialect).await?;
    let survey = survey(&job.set, dialect, &recorded)?;
    let steps = steps_to(&job.set, dialect, &recorded, &survey, target)?;
    let Some(step) = steps.into_iter().next() else {
        return Ok(Taken::Nothing(Took::Reached(survey.applied())));
    };
    if step.mode != Mode::Transaction {
        return Ok(Taken::Nothing(Took::Otherwise(step.mode)));
    }
    let started = Instant::now();
    for sql in time_outs(dialect, &step.directives, false) {
        tx.script(sql).await?;
    }
    job.tell(Event::Begun { step: &step });
    run(job, tx, &step).await?;
    let took = started.elapsed();
    record(job, tx, &step, took).await?;
    Ok(Taken::Step(Box::new(step), took))
}

async fn run(job: &Job, tx: &Tx, step: &Step) -> Result<()> {
    for (position, statement) in step.statements.iter().enumerate() {
        job.tell(Event::StatementBegun { step, position });
        let started = Instant::now();
        let ran = tx.script(&statement.text).timeout(job.limit(step)).await;
        ran.map_err(|error| {
            failed(
                step,
                position,
                "it was rolled back, nothing of it stands",
                "correct it and begin again".to_owned(),
                error,
            )
        })?;
        let took = started.elapsed();
        job.tell(Event::StatementDone {
            step,
            position,
            took,
        });
    }
    Ok(())
}

async fn record(job: &Job, tx: &Tx, step: &Step, took: Duration) -> Result<()> {
    match step.direction {
        Direction::Up => {
            let row = job.row(step, State::Applied, took);
            history::insert(|sql| tx.sql(sql), &row).execute().await?;
        }
        Direction::Down => {
            let (first, last) = step.forgets();
            history::forget(|sql| tx.sql(sql), first, last)
                .execute()
                .await?;
        }
    }
    Ok(())
}
