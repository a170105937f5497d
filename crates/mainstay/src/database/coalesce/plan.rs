//! How many statements of a lane are under way at once, and how many rows one carries. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// How many batches of one lane are under way at once.
///
/// With one, the server idles while answers travel: reads of 64 tasks were half as fast. A third
/// gained nothing.
pub(crate) const BATCHES: usize = 2;

/// How many calls run by themselves at once, as long as no batch is under way. Batches of two or
/// three cost more than they save: without this, four tasks inserted a quarter slower than alone.
pub(crate) const ALONE: usize = 4;

/// The most calls one statement carries. Statements come in sizes of powers of two, so that few
/// texts are prepared.
pub(crate) const MOST: usize = 64;

/// How long a statement counts as under way. One that takes longer (a lock, a stalled connection)
/// holds up nobody: others go past it.
pub(crate) const STALLED: Duration = Duration::from_millis(20);

/// Who has a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// A call by itself.
    One,
    /// Batches, one after the other.
    Batches,
}

/// The statements of a lane that are under way.
#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: Vec<Taken>,
    next: u64,
}

#[derive(Debug)]
struct Taken {
    place: u64,
    by: For,
    since: Instant,
}

impl Places {
    /// Takes a place, if there is one beside the statements that are not stalled.
    pub(crate) fn take(&mut self, by: For, now: Instant) -> Option<u64> {
        // Written with a sum, so that a clock read in another thread a little later is fine.
        let busy = self.taken.iter().filter(|one| one.since + STALLED > now);
        let (mut ones, mut batches) = (0, 0);
        for one in busy {
            match one.by {
                For::One => ones += 1,
                For::Batches => batches += 1,
            }
        }
        let is_free = match by {
            For::Batches => batches < BATCHES,
            For::One if batches == 0 => ones < ALONE,
            For::One => ones + batches < BATCHES,
        };
        if !is_free {
            return None;
        }
        let place = self.next;
        self.next += 1;
        self.taken.push(Taken {
            place,
            by,
            since: now,
        });
        Some(place)
    }

    /// The next statement of a place starts.
    pub(crate) fn restart(&mut self, place: u64, now: Instant) {
        for one in &mut self.taken {
            if one.place == place {
                one.since = now;
            }
        }
    }

    /// Gives a place back.
    pub(crate) fn give_back(&mut self, place: u64) {
        self.taken.retain(|one| one.place != place);
    }
}

/// How many rows a statement of a lane carries, given how often rows are refused.
///
/// A refused row costs its whole batch: nothing of it is kept, and each row runs again by itself.
/// So the more rows are refused, the smaller the batches, down to none at all; and they grow again
/// when the refusals stop.
#[derive(Debug, Clone)]
pub(crate) struct Sizing {
    /// The share of rows that spoil their batch, averaged with more weight on the latest.
    refused: f64,
    /// The share of rows that a batch passes over and that run again by themselves.
    passed_over: f64,
    most: usize,
}

/// How a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It is there.
    Kept,
    /// A batch passes over such a row without harm to the others.
    PassedOver,
    /// It was refused, and would have spoilt a batch.
    Refused,
}

/// The part of a lone call's cost that each row still has in a batch; the rest is shared.
/// Measured: a batch of 32 inserts takes about five times as long as one.
const OWN: f64 = 0.15;

/// Joining has to promise a cost below this; a lone call's is 1. A refused batch costs the server
/// more than one that passes, and the average may lag behind: batches that promised 0.76 took 1.06
/// on MariaDB with every tenth row refused.
const WORTH_IT: f64 = 0.7;

/// How much one row moves the average: the last hundred rows or so count.
const WEIGHT: f64 = 1.0 / 64.0;

impl Sizing {
    /// Batches of at most so many rows, to begin with.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            refused: 0.0,
            passed_over: 0.0,
            most: previous_power_of_two(most.clamp(1, MOST)),
        }
    }

    /// Counts a row that ran by itself.
    pub(crate) fn note(&mut self, ended: Ended) {
        let share = |is: bool| if is { 1.0 } else { 0.0 };
        average(&mut self.refused, share(ended == Ended::Refused), 1);
        average(&mut self.passed_over, share(ended == Ended::PassedOver), 1);
    }

    /// Counts the rows of a batch, of which so many spoilt it.
    pub(crate) fn note_batch(&mut self, refused: usize, rows: usize) {
        if rows > 0 {
            let share = refused.min(rows) as f64 / rows as f64;
            average(&mut self.refused, share, rows);
            average(&mut self.passed_over, 0.0, rows);
        }
    }

    /// The most rows of the next batch, a power of two. One means that calls are not joined.
    pub(crate) fn rows(&self) -> usize {
        let mut best = (1, WORTH_IT);
        let mut rows = 2;
        while rows <= self.most {
            let cost = self.cost(rows);
            if cost < best.1 {
                best = (rows, cost);
            }
            rows *= 2;
        }
        best.0
    }

    /// The expected cost of a row in a batch of so many; a lone call's is 1.
    fn cost(&self, rows: usize) -> f64 {
        let rows = rows as f64;
        // Refused rows may come evenly spread, each in a batch of its own.
        let spoilt = (self.refused * rows).min(1.0);
        OWN + (1.0 - OWN) / rows + spoilt + self.passed_over
    }
}

/// Moves an average by so many equal observations.
fn average(average: &mut f64, observed: f64, times: usize) {
    let kept = (1.0 - WEIGHT).powi(i32::try_from(times).unwrap_or(i32::MAX));
    *average = observed + (*average - observed) * kept;
}

/// The largest power of two that is not above `number`, which is at least 1.
pub(crate) fn previous_power_of_two(number: usize) -> usize {
    let number = number.max(1);
    1 << number.ilog2()
}
