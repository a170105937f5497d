//! Callers that come all at once, go away, or never end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::ledger::Told;
use crate::load::{Caller, transfer};
use crate::model::{ACCOUNTS, SPARE_ACCOUNTS};
use crate::rng::Rng;
use crate::stage::Stage;

const HERD: u64 = 1000;

/// All of them at the same moment, three times.
pub(super) async fn herd(stage: &mut Stage) -> Result<(), String> {
    let mut answered = [0_usize; 2];
    for round in 0..3 {
        let barrier = Arc::new(Barrier::new(HERD as usize));
        let mut tasks = JoinSet::new();
        for number in 0..HERD {
            let barrier = Arc::clone(&barrier);
            let caller = stage.caller.clone();
            let mut rng = stage.rng.fork(10_000 + round * HERD + number);
            tasks.spawn(async move {
                barrier.wait().await;
                match number % 10 {
                    0..5 => caller.create(rng.uuid(), "").await.is_some(),
                    5..7 => caller.append(rng.uuid()).await == Told::Done,
                    _ => caller.transfer(transfer(&mut rng, ACCOUNTS)).await == Told::Done,
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            let done = done.map_err(|error| error.to_string())?;
            answered[usize::from(!done)] += 1;
        }
    }
    let [done, refused] = answered;
    stage.notes.push(format!(
        "of {} calls {done} were done, {refused} not",
        done + refused
    ));
    Ok(())
}

/// A call that is dropped at its suspension of this number, or after this time.
enum Moment {
    Polls(u64),
    After(Duration),
}

/// Tasks that drop every call of theirs at a random point.
pub(super) async fn drops(stage: &mut Stage) -> Result<(), String> {
    let length = Duration::from_secs(if stage.run.quick { 10 } else { 60 });
    let until = Instant::now() + length;
    let mut tasks = JoinSet::new();
    for number in 0..12 {
        let (caller, mut rng) = (stage.caller.clone(), stage.rng.fork(50_000 + number));
        tasks.spawn(async move {
            let mut dropped = 0_usize;
            while Instant::now() < until {
                let moment = if rng.below(2) == 0 {
                    Moment::Polls(rng.below(12))
                } else {
                    Moment::After(Duration::from_micros(rng.below(20_000)))
                };
                dropped += usize::from(!one(&caller, &mut rng, moment).await);
                sleep(Duration::from_millis(rng.below(8))).await;
            }
            dropped
        });
    }
    let mut dropped = 0;
    while let Some(task) = tasks.join_next().await {
        dropped += task.map_err(|error| error.to_string())?;
    }
    stage.notes.push(format!("calls dropped: {dropped}"));
    Ok(())
}

/// Whether the call ended before it was dropped.
async fn one(caller: &Caller, rng: &mut Rng, moment: Moment) -> bool {
    let dice = rng.below(4);
    let (op, shift) = (rng.uuid(), transfer(rng, ACCOUNTS));
    let call = async {
        match dice {
            0 => {
                caller.create(op, "").await;
            }
            1 => {
                caller.append(op).await;
            }
            2 => whole_life(caller, op).await,
            _ => {
                caller.transfer(shift).await;
            }
        }
    };
    match moment {
        Moment::Polls(polls) => {
            let call = Box::pin(call);
            Fused { call, polls }.await.is_some()
        }
        Moment::After(limit) => timeout(limit, call).await.is_ok(),
    }
}

/// An item that is made, changed and deleted, as far as it gets.
async fn whole_life(caller: &Caller, op: uuid::Uuid) {
    let mut item = caller.create(op, "").await;
    for _ in 0..2 {
        if let Some(made) = item {
            item = caller.update(made).await;
        }
    }
    if let Some(made) = item {
        caller.delete(made).await;
    }
}

struct Fused<F> {
    call: Pin<Box<F>>,
    polls: u64,
}

impl<F: Future> Future for Fused<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        self.call.as_mut().poll(context).map(Some)
    }
}

/// Which rows forgotten transactions lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locks {
    /// Some that the load needs, which it has again when the locks end.
    RowsOfTheLoad,
    /// Rows of nobody else. Locks that nothing ends would have calls of the load fail for ever, and
    /// then when full service returned would be a matter of chance.
    SpareRows,
}

/// Transactions that are begun and never end: some wait for ever inside of their closure, and one
/// for each of [`SPARE_ACCOUNTS`] is forgotten with `std::mem::forget`, so that nothing of it runs
/// again, not even a destructor.
pub(super) async fn forgotten(stage: &mut Stage, locks: Locks) -> Result<(), String> {
    let until = Instant::now() + stage.run.length();
    let mut spare = SPARE_ACCOUNTS.peekable();
    let mut waiting = JoinSet::new();
    let (mut held, mut lost) = (0_u32, 0_u32);
    while Instant::now() < until {
        // In turns, and first one that is forgotten: an engine with one writer has no second.
        let row = spare.peek().copied().filter(|_| lost <= held);
        let mut shift = transfer(&mut stage.rng, ACCOUNTS);
        if let (Some(row), Locks::SpareRows) = (row, locks) {
            shift.source = row;
        }
        let begun = Arc::new(AtomicBool::new(false));
        let call = stage.caller.client.hold(shift, Arc::clone(&begun));
        let work = async move {
            let ended = call.await;
            debug_assert!(ended.is_err(), "it waits for ever");
        };
        if row.is_none() {
            waiting.spawn(work);
            held += 1;
        } else if forget(work, &begun).await {
            spare.next();
            lost += 1;
        }
        sleep(stage.run.length() / 10).await;
    }
    stage.notes.push(format!(
        "transactions that wait for ever: {held}; forgotten, so that nobody runs them: {lost}"
    ));
    // Those that wait end with their time limit, not by us.
    while waiting.join_next().await.is_some() {}
    Ok(())
}

/// Runs a transaction until it holds its row, then forgets it where it is. `false` when it ended
/// before.
async fn forget<F: Future + Send + 'static>(work: F, begun: &AtomicBool) -> bool {
    let mut work = Box::pin(work);
    while !begun.load(Ordering::SeqCst) {
        if timeout(Duration::from_millis(10), &mut work).await.is_ok() {
            return false;
        }
    }
    // An engine with one writer puts long transactions off once, and then lets them hold it.
    if timeout(Duration::from_millis(300), &mut work).await.is_ok() {
        return false;
    }
    std::mem::forget(work);
    true
}
