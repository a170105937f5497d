//! A circuit breaker: stops asking what does not answer, and starts again slowly.
//!
//! - *Closed*: calls pass. It opens when, of enough calls of the last seconds, too many failed or
//!   too many were slow, or when many failed one after another.
//! - *Open*: calls are refused at once. How long it stays so grows from one failed attempt to the
//!   next, with jitter.
//! - *Half-open*: a few calls at a time pass as probes. Some good ones in a row and it goes on, a
//!   bad one and it opens again.
//! - *Ramping*: the number of calls at a time doubles until a set time has passed, so that a service
//!   that has just come back is not met by everybody at once.
//!
//! A probe that nobody ends (its caller hangs, or its caller's caller) counts for a limited time
//! only; one that is dropped is told by [`Breaker::release`]. So nothing stays half-open for ever.
//!
//! After resilience4j (windows of failures and slow calls), Hystrix (half-open) and Envoy (slow
//! start).

use std::time::Duration;

use tokio::time::Instant;

use super::window::Window;

/// When a breaker opens, and how it closes again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Over which time calls are counted.
    pub window: Duration,
    /// Fewer calls than this in a window say nothing.
    pub minimum_calls: u64,
    /// The share of failed calls that opens it.
    pub failure_rate: f64,
    /// The share of slow calls that opens it.
    pub slow_rate: f64,
    /// So many failures with no other call between them open it, whatever the window says.
    pub in_a_row: u64,
    /// How long it stays open the first time; doubled each time it fails to close.
    pub open: Duration,
    /// The longest it stays open.
    pub open_cap: Duration,
    /// How many probes there may be at a time.
    pub probes: u32,
    /// How many probes have to succeed.
    pub successes: u32,
    /// A probe that takes longer makes place for another one.
    pub probe_limit: Duration,
    /// How long the number of calls at a time is limited after the probes succeeded.
    pub ramp: Duration,
}

impl Default for Options {
    /// Half of at least ten calls within ten seconds; open from a quarter of a second up to one and
    /// a half. A server that comes back and lets the first probe down is in full use within five
    /// seconds all the same, and two calls every second or so are no load.
    fn default() -> Self {
        Self {
            window: Duration::from_secs(10),
            minimum_calls: 10,
            failure_rate: 0.5,
            slow_rate: 0.8,
            in_a_row: 20,
            open: Duration::from_millis(250),
            open_cap: Duration::from_millis(1500),
            probes: 2,
            successes: 3,
            probe_limit: Duration::from_secs(2),
            ramp: Duration::from_secs(1),
        }
    }
}

/// What a call says of the service behind the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// It answered, be it with a refusal.
    Answered,
    /// It answered, or was given up, after a long time.
    Slow,
    /// It could not be reached, or broke off.
    Failed,
    /// The call never came so far as to tell.
    Nothing,
}

/// What a breaker does at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Calls pass.
    Closed,
    /// Calls are refused.
    Open,
    /// A few calls pass as probes.
    HalfOpen,
    /// More and more calls pass.
    Ramping,
}

impl State {
    /// The name in logs, metrics and health reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Ramping => "ramping",
        }
    }
}

/// What a call that was let through gives back when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a call that ends without recording or releasing its ticket keeps its place"]
pub struct Ticket {
    /// Which of the breaker's phases let it through.
    phase: u64,
    /// Its number, where calls at a time are limited.
    place: Option<u64>,
}

impl Ticket {
    /// The ticket of a call that a closed breaker let through in this [phase](Breaker::phase).
    pub fn of_phase(phase: u64) -> Self {
        Self { phase, place: None }
    }

    /// Whether it has one of a limited number of places, which has to be given back.
    pub fn has_place(&self) -> bool {
        self.place.is_some()
    }
}

#[derive(Debug, Clone)]
enum Phase {
    Closed,
    Open { until: Instant },
    HalfOpen { good: u32 },
    Ramping { since: Instant },
}

const ANSWERED: usize = 0;
const SLOW: usize = 1;
const FAILED: usize = 2;

/// The state of one breaker.
#[derive(Debug, Clone)]
pub struct Breaker {
    options: Options,
    phase: Phase,
    /// Counts the phases, so that a late answer to an earlier one changes nothing.
    number: u64,
    counted: Window<3>,
    in_a_row: u64,
    /// How often it has opened since it was last closed.
    opened: u32,
    /// When it last was closed, if it is not now.
    trouble_since: Option<Instant>,
    /// Calls under way that have a place: their numbers and when they started.
    under_way: Vec<(u64, Instant)>,
    next_place: u64,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(options: Options, now: Instant) -> Self {
        Self {
            options,
            phase: Phase::Closed,
            number: 0,
            counted: Window::new(options.window, now),
            in_a_row: 0,
            opened: 0,
            trouble_since: None,
            under_way: Vec::new(),
            next_place: 0,
        }
    }

    /// The number of the present phase: it changes with every change of state.
    pub fn phase(&self) -> u64 {
        self.number
    }

    /// Lets a call through.
    ///
    /// # Errors
    /// When to ask again, if it is refused.
    pub fn admit(&mut self, now: Instant) -> Result<Ticket, Duration> {
        self.pass_time(now);
        let (places, again) = match self.phase {
            Phase::Closed => return Ok(Ticket::of_phase(self.number)),
            Phase::Open { until } => return Err(until.saturating_duration_since(now)),
            Phase::HalfOpen { good } => {
                // No more than are still needed.
                let needed = self.options.successes.saturating_sub(good).max(1);
                (u64::from(self.options.probes.min(needed)), PROBING)
            }
            Phase::Ramping { since } => (self.ramp_places(since, now), RAMPING),
        };
        if self.under_way.len() as u64 >= places {
            return Err(again);
        }
        let place = self.next_place;
        self.next_place += 1;
        self.under_way.push((place, now));
        Ok(Ticket {
            phase: self.number,
            place: Some(place),
        })
    }

    /// A call has ended. `unit` is a random number in 0..1.
    pub fn record(&mut self, now: Instant, ticket: Ticket, sample: Sample, unit: f64) {
        self.pass_time(now);
        self.release(ticket);
        if ticket.phase == self.number {
            self.count(now, sample, 1, unit);
        }
    }

    /// So many calls without a place have been answered. They are counted if it is still closed.
    pub fn record_answered(&mut self, now: Instant, count: u64) {
        self.pass_time(now);
        if count > 0 && matches!(self.phase, Phase::Closed) {
            self.count(now, Sample::Answered, count, 0.0);
        }
    }

    /// Opens it at once: the service is known not to answer. `unit` is a random number in 0..1.
    pub fn trip(&mut self, now: Instant, unit: f64) {
        self.pass_time(now);
        self.open(now, unit);
    }

    /// A call has been dropped.
    pub fn release(&mut self, ticket: Ticket) {
        if let Some(place) = ticket.place {
            self.under_way.retain(|(other, _)| *other != place);
        }
    }

    /// What it does now.
    pub fn state(&mut self, now: Instant) -> State {
        self.pass_time(now);
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
            Phase::Ramping { .. } => State::Ramping,
        }
    }

    /// When calls are let through again, if it is open.
    pub fn open_until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open { until } => Some(until),
            _ => None,
        }
    }

    /// Since when it has not been closed.
    pub fn trouble_since(&self) -> Option<Instant> {
        self.trouble_since
    }

    /// The shares of failed and of slow calls in the window, if it holds enough calls.
    pub fn rates(&mut self, now: Instant) -> Option<(f64, f64)> {
        self.counted.forget(now);
        let counts = [ANSWERED, SLOW, FAILED].map(|counter| self.counted.sum(counter));
        let all: u64 = counts.iter().sum();
        let share = |counter: usize| counts[counter] as f64 / all as f64;
        (all >= self.options.minimum_calls.max(1)).then(|| (share(FAILED), share(SLOW)))
    }

    /// Until when calls counted together may be told together.
    pub fn window_ends(&self) -> Instant {
        self.counted.ends()
    }

    /// What follows from the time alone.
    fn pass_time(&mut self, now: Instant) {
        match self.phase {
            Phase::Open { until } if now >= until => self.enter(Phase::HalfOpen { good: 0 }),
            Phase::HalfOpen { .. } => {
                let limit = self.options.probe_limit;
                self.under_way
                    .retain(|(_, since)| now.saturating_duration_since(*since) < limit);
            }
            Phase::Ramping { since }
                if now.saturating_duration_since(since) >= self.options.ramp =>
            {
                self.enter(Phase::Closed);
                self.opened = 0;
                self.trouble_since = None;
            }
            _ => {}
        }
    }

    fn count(&mut self, now: Instant, sample: Sample, count: u64, unit: f64) {
        let counter = match sample {
            Sample::Answered => ANSWERED,
            Sample::Slow => SLOW,
            Sample::Failed => FAILED,
            Sample::Nothing => return,
        };
        self.counted.add(now, counter, count);
        self.in_a_row = match sample {
            Sample::Failed => self.in_a_row.saturating_add(count),
            _ => 0,
        };
        let opens = match &mut self.phase {
            Phase::Closed => self.in_a_row >= self.options.in_a_row.max(1) || self.is_too_bad(now),
            Phase::HalfOpen { good } => match sample {
                Sample::Answered => {
                    *good = good.saturating_add(1);
                    if *good >= self.options.successes {
                        self.counted.clear(now);
                        self.enter(Phase::Ramping { since: now });
                    }
                    return;
                }
                _ => true,
            },
            // One connection that was broken before is no reason to start all over.
            Phase::Ramping { .. } => {
                self.in_a_row > u64::from(self.options.probes) || self.is_too_bad(now)
            }
            Phase::Open { .. } => false,
        };
        if opens {
            self.open(now, unit);
        }
    }

    fn is_too_bad(&mut self, now: Instant) -> bool {
        self.rates(now).is_some_and(|(failed, slow)| {
            failed >= self.options.failure_rate || slow >= self.options.slow_rate
        })
    }

    fn open(&mut self, now: Instant, unit: f64) {
        let doubled = 2_u32.saturating_pow(self.opened.min(20));
        let longest = self.options.open.saturating_mul(doubled);
        // Never much shorter than meant, and spread over half of it.
        let spread = 0.5 + 0.5 * unit.clamp(0.0, 1.0);
        let stay = longest.min(self.options.open_cap).mul_f64(spread);
        self.opened = self.opened.saturating_add(1);
        self.trouble_since.get_or_insert(now);
        self.counted.clear(now);
        self.enter(Phase::Open { until: now + stay });
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.number += 1;
        self.in_a_row = 0;
        self.under_way.clear();
    }

    /// How many calls at a time: doubled eight times while the ramp lasts.
    fn ramp_places(&self, since: Instant, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(since).as_secs_f64();
        let whole = self.options.ramp.as_secs_f64().max(f64::MIN_POSITIVE);
        let doublings = (8.0 * passed / whole).clamp(0.0, 8.0) as u32;
        u64::from(self.options.probes.max(1)) << (doublings + 1)
    }
}

/// When to ask again while all probes are under way.
const PROBING: Duration = Duration::from_millis(100);
/// When to ask again while the ramp has no place.
const RAMPING: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests;
