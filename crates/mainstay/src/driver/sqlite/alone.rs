//! Calls of the writer outside of any transaction, and what becomes of one that is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::caller::{Caller, Presence};
use super::job::{Answer, Batch as BatchJob, Job, Run, Script};
use super::rows::give;
use super::writer::Writer;
use crate::driver::{Batch, Done, RowSink, Statement};
use crate::error::{Error, ErrorKind, Outcome, Result};

/// The last call that was asked of the writer, for whoever drops it and wants to know.
#[derive(Debug, Default)]
pub(super) struct Asked(Option<Caller>);

/// How long a commit that is under way is waited for.
const COMMIT: Duration = Duration::from_millis(200);

impl Asked {
    /// Starts a call.
    pub(super) fn ask(&mut self) -> Caller {
        let caller = Caller::queued();
        self.0 = Some(caller.clone());
        caller
    }

    /// No call of the writer's is meant from now on.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }

    /// What became of the call, once it was dropped. `None` without one.
    pub(super) async fn outcome(&self) -> Option<Outcome> {
        let caller = self.0.as_ref()?;
        let until = Instant::now() + COMMIT;
        loop {
            if let Some(outcome) = caller.outcome() {
                return Some(outcome);
            }
            if Instant::now() >= until {
                return Some(Outcome::Unknown);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Queues a job and waits for its answer.
pub(super) async fn ask<T>(writer: &Writer, job: impl FnOnce(Answer<T>) -> Job) -> Result<T> {
    let (answer, answered) = oneshot::channel();
    writer.queue(job(answer))?;
    answered.await.unwrap_or_else(|_| Err(stopped()))
}

/// Runs a statement as its own transaction. Its rows come after its commit.
pub(super) async fn run_alone(
    writer: &Writer,
    statement: Statement,
    sink: &mut dyn RowSink,
    asked: &mut Asked,
) -> Result<Done> {
    let caller = asked.ask();
    let presence = Presence::of(&caller);
    let run = |answer| {
        Job::Run(Run {
            statement,
            caller,
            chunks: None,
            answer,
        })
    };
    let result = ask(writer, run).await;
    presence.stay();
    let ran = result?;
    // The statement took effect, whatever the sink says of its rows.
    give(ran.rest, sink)
        .await
        .map_err(|refused| refused.with_outcome(Outcome::Applied))?;
    Ok(ran.done)
}

/// Runs statements as a transaction of their own. Their rows come after its commit.
pub(super) async fn batch_alone(
    writer: &Writer,
    batch: Batch,
    sink: &mut dyn RowSink,
    asked: &mut Asked,
) -> Result<Vec<Done>> {
    let caller = asked.ask();
    let presence = Presence::of(&caller);
    // Nobody's turn, as long as it has not begun.
    let at = Arc::new(AtomicUsize::new(usize::MAX));
    let job = |answer| {
        Job::Batch(BatchJob {
            statements: batch.statements,
            at: Arc::clone(&at),
            caller,
            answer,
        })
    };
    let result = ask(writer, job).await;
    presence.stay();
    let mut all = Vec::new();
    if result.is_err() {
        let at = at.load(Ordering::Relaxed);
        if at != usize::MAX {
            (0..=at).for_each(|index| sink.statement(index));
        }
    }
    for (index, ran) in result?.into_iter().enumerate() {
        sink.statement(index);
        give(ran.rest, sink)
            .await
            .map_err(|refused| refused.with_outcome(Outcome::Applied))?;
        all.push(ran.done);
    }
    Ok(all)
}

/// Runs a script outside of any transaction.
pub(super) async fn script_alone(writer: &Writer, sql: String, asked: &mut Asked) -> Result<()> {
    let caller = asked.ask();
    let presence = Presence::of(&caller);
    let script = |answer| {
        Job::Script(Script {
            sql,
            caller,
            answer,
        })
    };
    let result = ask(writer, script).await;
    presence.stay();
    result
}

/// The writer dropped a job it had taken.
pub(super) fn stopped() -> Error {
    Error::new(
        ErrorKind::ConnectionLost,
        "the SQLite writer stopped before it answered",
    )
    .with_outcome(Outcome::Unknown)
    .with_hint("see the log for why")
}
