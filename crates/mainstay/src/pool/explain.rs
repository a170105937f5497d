//! The pool's errors: what a caller waited for, who has the connections, what to do.

use std::time::Duration;

use super::phases::{Phase, Phases};
use super::status::PoolStatus;
use crate::error::{Error, ErrorKind};

/// How many holders an error names.
const SHOWN: usize = 5;

/// Why a caller left the queue without a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// What it was willing to wait.
    Own,
    /// The short wait of a queue that stands.
    Shed,
}

/// The error of a caller who has waited in vain.
pub(super) fn waited(waited: Duration, spent: &Phases, limit: Limit, status: &PoolStatus) -> Error {
    let others = status.waiting.saturating_sub(1);
    let detail = format!("waited {waited:.1?}: {spent}; {}", stuck_in(status, others));
    let dialled = spent.of(Phase::Dial) + spent.of(Phase::Pause);
    // Nobody holds what the caller waits for: the server does not let anybody in.
    if dialled >= waited / 2 && status.in_use() * 2 <= status.max && !dialled.is_zero() {
        return Error::new(ErrorKind::Unreachable, detail)
            .with_hint("check that the server is up, reachable and not overloaded");
    }
    match limit {
        Limit::Own => Error::new(ErrorKind::PoolTimeout, detail)
            .with_hint("hold connections for less time, raise pool.max or raise timeouts.acquire"),
        Limit::Shed => Error::new(
            ErrorKind::Overloaded,
            format!("more callers come than the pool serves; {detail}"),
        )
        .with_hint("send less, hold connections for less time, or raise pool.max"),
    }
}

/// The error of a caller who was not let into the queue.
pub(super) fn queue_full(status: &PoolStatus) -> Error {
    Error::new(
        ErrorKind::Overloaded,
        format!("the queue is full; {}", stuck_in(status, status.waiting)),
    )
    .with_hint("send less, hold connections for less time, or raise pool.max_waiting")
}

/// The error of a holder whose connection was taken back.
pub(super) fn reclaimed() -> Error {
    Error::new(
        ErrorKind::ConnectionLost,
        "the pool has taken the connection back: it was on loan for longer than pool.leak_after",
    )
    .with_hint("drop what holds a connection when its work is done; the pool's warning names it")
}

/// What all connections are doing, and who else waits.
fn stuck_in(status: &PoolStatus, others: usize) -> String {
    let in_use = status.in_use();
    let mut text = if in_use == status.max {
        format!("all {} connections are in use", status.max)
    } else {
        format!("{in_use} of {} connections are in use", status.max)
    };
    for dial in &status.dialling {
        text.push_str(&format!("; one is being opened {dial}"));
    }
    if status.checking > 0 {
        text.push_str(&format!("; {} are being checked", status.checking));
    }
    if status.recovering > 0 {
        text.push_str(&format!(
            "; {} recover from a dropped call",
            status.recovering
        ));
    }
    if status.idle > 0 {
        text.push_str(&format!("; {} are idle", status.idle));
    }
    if let Some(failures) = &status.last_dial_failure {
        text.push_str(&format!("; {failures}"));
    }
    text.push_str(&format!("; {others} other callers wait"));
    for holder in status.holders.iter().take(SHOWN) {
        text.push_str(&format!("; {holder}"));
    }
    if in_use > SHOWN {
        text.push_str(&format!("; and {} more", in_use - SHOWN));
    }
    text
}
