//! Entering a lane, waiting in it, taking what waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use super::call::{Batch, Call, Reply, Waiting};
use super::plan::{Ended, For, Places, STALLED, Sizing};
use crate::database::{CallOptions, Database, Shared};
use crate::driver::Capabilities;
use crate::error::{Error, ErrorKind, Outcome, Result};

/// What the calls of a lane do, and how several are done at once.
pub(crate) trait Work: Send + Sync + Sized + 'static {
    /// What a call is about: a key, a row.
    type Input: Send;
    /// What a call is answered with.
    type Output: Send;
    /// Whether a call that was sent may have changed something.
    const WRITES: bool;

    /// The most calls of one statement on an engine.
    fn most(capabilities: &Capabilities) -> usize;

    /// How many of the calls that wait, at least one, go with the next statement of at most `most`
    /// calls.
    fn take(waiting: usize, most: usize) -> usize;

    /// Does the calls of a batch and answers each.
    fn run(lane: &Lane<Self>, db: &Database, batch: Batch<Self>)
    -> impl Future<Output = ()> + Send;
}

/// The calls of one kind on one handle.
pub(crate) struct Lane<W: Work> {
    /// Weak, because the handle has the lane. Callers have the handle, so it is there.
    handle: Weak<Shared>,
    state: Mutex<State<W>>,
}

struct State<W: Work> {
    places: Places,
    waiting: VecDeque<Call<W>>,
    sizing: Sizing,
}

/// How a call goes on after it entered a lane.
pub(crate) enum Entered<W: Work> {
    /// It is done: a batch carried it.
    Done(Result<W::Output>),
    /// A batch carried it, and whether it took effect is not known.
    Lost(W::Input, Error),
    /// The caller runs it by itself and keeps the ticket meanwhile.
    Alone(W::Input, Ticket<W>),
}

impl<W: Work> Lane<W> {
    pub(super) fn new(handle: Weak<Shared>, most: usize) -> Self {
        let sizing = Sizing::new(most);
        Self {
            handle,
            state: Mutex::new(State {
                places: Places::default(),
                waiting: VecDeque::new(),
                sizing,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<W>> {
        // The state is consistent between any two statements, so a panic elsewhere changes nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters the lane: at once when there is a place, otherwise when a batch has carried the
    /// call or sent it back.
    pub(crate) async fn enter(
        self: Arc<Self>,
        input: W::Input,
        deadline: Instant,
        options: &CallOptions,
    ) -> Entered<W> {
        let now = Instant::now();
        let waiting = {
            let mut state = self.state();
            if state.sizing.rows() == 1 {
                // Joining does not pay now: everybody for himself.
                drop(state);
                return Entered::Alone(input, Ticket::outside(self));
            }
            if state.waiting.is_empty()
                && let Some(place) = state.places.take(For::One, now)
            {
                drop(state);
                return Entered::Alone(input, Ticket::inside(self, place));
            }
            let (call, waiting) = Call::new(input, deadline, *options);
            state.waiting.push_back(call);
            waiting
        };
        self.wait(waiting, now, deadline).await
    }

    async fn wait(
        self: Arc<Self>,
        mut waiting: Waiting<W>,
        since: Instant,
        deadline: Instant,
    ) -> Entered<W> {
        let mut patience = STALLED;
        let mut look = since + patience;
        loop {
            match timeout_at(look.min(deadline), &mut waiting.reply).await {
                Ok(Ok(Reply::Done(result))) => return Entered::Done(result),
                Ok(Ok(Reply::Alone(input))) => {
                    return Entered::Alone(input, Ticket::again(self));
                }
                Ok(Ok(Reply::Lost(input, error))) => return Entered::Lost(input, error),
                Ok(Err(_)) => return Entered::Done(Err(unanswered())),
                Err(_) if look < deadline => {
                    // Whoever has the places may be stuck.
                    self.go_past();
                    patience *= 2;
                    look += patience;
                }
                Err(_) => {
                    let outcome = if W::WRITES && !waiting.give_up() {
                        Outcome::Unknown
                    } else {
                        Outcome::NotApplied
                    };
                    return Entered::Done(Err(given_up(since, outcome)));
                }
            }
        }
    }

    /// Starts a batch beside those that are stalled, if there are.
    fn go_past(self: &Arc<Self>) {
        let place = {
            let mut state = self.state();
            if state.waiting.is_empty() {
                return;
            }
            state.places.take(For::Batches, Instant::now())
        };
        if let Some(place) = place {
            Pump::start(self, place);
        }
    }

    /// Counts a call that ran by itself.
    pub(crate) fn note(&self, ended: Ended) {
        self.state().sizing.note(ended);
    }

    /// Counts the calls of a batch, of which so many spoilt it.
    pub(crate) fn note_batch(&self, refused: usize, rows: usize) {
        self.state().sizing.note_batch(refused, rows);
    }

    fn give_back(self: &Arc<Self>, place: u64) {
        let next = {
            let mut state = self.state();
            state.places.give_back(place);
            if state.waiting.is_empty() {
                return;
            }
            state.places.take(For::Batches, Instant::now())
        };
        if let Some(place) = next {
            Pump::start(self, place);
        }
    }

    /// The next batch. `None` when nobody waits, and then the place has been given back.
    fn next_batch(&self, place: u64) -> Option<Batch<W>> {
        let mut calls = Vec::new();
        let mut state = self.state();
        let most = state.sizing.rows();
        let State {
            places, waiting, ..
        } = &mut *state;
        // Those whose callers are gone would only make the batch look larger than it is.
        waiting.retain(Call::is_awaited);
        if waiting.is_empty() {
            places.give_back(place);
            return None;
        }
        if most == 1 {
            drop(state);
            self.dissolve(place);
            return None;
        }
        let count = W::take(waiting.len(), most).clamp(1, waiting.len());
        calls.extend(waiting.drain(..count).filter(Call::take));
        places.restart(place, Instant::now());
        Some(Batch { calls })
    }

    /// Nobody is left to carry those who wait: each goes by himself.
    fn dissolve(&self, place: u64) {
        let waiting = {
            let mut state = self.state();
            state.places.give_back(place);
            std::mem::take(&mut state.waiting)
        };
        for call in waiting {
            call.send_alone();
        }
    }
}

/// What a caller keeps while it runs its call by itself.
pub(crate) struct Ticket<W: Work> {
    lane: Arc<Lane<W>>,
    place: Option<u64>,
    /// Whether how it ends is news: the calls of a batch have been counted with it.
    counts: bool,
}

impl<W: Work> Ticket<W> {
    fn inside(lane: Arc<Lane<W>>, place: u64) -> Self {
        Self {
            lane,
            place: Some(place),
            counts: true,
        }
    }

    fn outside(lane: Arc<Lane<W>>) -> Self {
        Self {
            lane,
            place: None,
            counts: true,
        }
    }

    fn again(lane: Arc<Lane<W>>) -> Self {
        Self {
            lane,
            place: None,
            counts: false,
        }
    }

    /// Tells the lane how the call ended.
    pub(crate) fn note(&self, ended: Ended) {
        if self.counts {
            self.lane.note(ended);
        }
    }
}

/// However the caller ends, the place gets free and those who wait go on.
impl<W: Work> Drop for Ticket<W> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.lane.give_back(place);
        }
    }
}

/// Carries those who wait, batch after batch, on one place.
struct Pump<W: Work> {
    lane: Arc<Lane<W>>,
    place: u64,
    /// It ended because nobody waits.
    ended: bool,
}

impl<W: Work> Pump<W> {
    fn start(lane: &Arc<Lane<W>>, place: u64) {
        let pump = Self {
            lane: Arc::clone(lane),
            place,
            ended: false,
        };
        // Without a runtime the pump is dropped, and those who wait go by themselves.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(pump.run());
        }
    }

    async fn run(mut self) {
        loop {
            // Callers that have just been answered may come back with their next call.
            tokio::task::yield_now().await;
            let Some(batch) = self.lane.next_batch(self.place) else {
                self.ended = true;
                return;
            };
            match self.lane.handle.upgrade() {
                Some(shared) => W::run(&self.lane, &Database { shared }, batch).await,
                // Then no caller is left either.
                None => batch.send_alone(),
            }
        }
    }
}

/// A pump that does not end by itself has panicked, or its runtime has ended.
impl<W: Work> Drop for Pump<W> {
    fn drop(&mut self) {
        if !self.ended {
            self.lane.dissolve(self.place);
        }
    }
}

fn unanswered() -> Error {
    Error::new(ErrorKind::Unexpected, "the call was dropped unanswered")
        .with_outcome(Outcome::Unknown)
}

fn given_up(since: Instant, outcome: Outcome) -> Error {
    let detail = match outcome {
        Outcome::NotApplied => "in the queue of calls that are sent together",
        _ => "for the statement that carries the call",
    };
    Error::new(
        ErrorKind::Deadline,
        format!("gave up after waiting {:.1?} {detail}", since.elapsed()),
    )
    .with_hint("give the call more time, or see why the statement is slow")
    .with_outcome(outcome)
}

#[cfg(test)]
mod tests;
