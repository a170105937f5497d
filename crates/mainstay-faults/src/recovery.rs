//! When everything worked again after a fault. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ledger::{Entry, Kind, Told};

/// So many calls in a row must succeed.
const IN_A_ROW: usize = 20;
/// Over this long the rate is taken.
pub(crate) const WINDOW: Duration = Duration::from_millis(500);

/// Successful calls a second between two moments.
pub(crate) fn rate(entries: &[Entry], from: Duration, to: Duration) -> f64 {
    let done = entries
        .iter()
        .filter(|entry| entry.told == Told::Done && entry.ended >= from && entry.ended < to)
        .count();
    let seconds = to.saturating_sub(from).as_secs_f64();
    if seconds > 0.0 {
        done as f64 / seconds
    } else {
        0.0
    }
}

/// How long after `end` the first moment is from which on 20 calls in a row succeed, calls of every
/// kind in `kinds` succeed, and half of the rate before is reached over half a second. `None` while
/// there is no such moment before `now`.
///
/// Only calls count that began after the end: others may still have to wait for their deadline.
pub(crate) fn recovery(
    entries: &[Entry],
    kinds: &[Kind],
    end: Duration,
    rate_before: f64,
    now: Duration,
) -> Option<Duration> {
    let mut after: Vec<&Entry> = entries
        .iter()
        .filter(|entry| entry.begun >= end && is_over(entry))
        .collect();
    after.sort_by_key(|entry| entry.ended);
    let mut good = 0;
    // Backwards: how many successes in a row begin here.
    let rows: Vec<usize> = after
        .iter()
        .rev()
        .map(|entry| {
            good = if entry.told == Told::Done {
                good + 1
            } else {
                0
            };
            good
        })
        .collect();
    for (position, first) in after.iter().enumerate() {
        let row = rows[rows.len() - 1 - position];
        let until = first.ended + WINDOW;
        if row < IN_A_ROW || until > now {
            continue;
        }
        let window = || after[position..].iter().filter(|entry| entry.ended < until);
        let successes: Vec<Kind> = window()
            .filter(|entry| entry.told == Told::Done)
            .map(|entry| entry.kind)
            .collect();
        let seen: BTreeSet<Kind> = successes.iter().copied().collect();
        let enough = successes.len() as f64 >= rate_before * 0.5 * WINDOW.as_secs_f64();
        if enough && kinds.iter().all(|kind| seen.contains(kind)) {
            return Some(first.ended.saturating_sub(end));
        }
    }
    None
}

/// Calls still under way look like dropped ones that took no time.
fn is_over(entry: &Entry) -> bool {
    entry.told != Told::Dropped
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Calls of 1 ms, one every 10 ms, that succeed from `from` on.
    fn calls(from: u32) -> Vec<Entry> {
        (0..300)
            .map(|number| Entry {
                kind: [Kind::Read, Kind::Transfer][number as usize % 2],
                key: Uuid::nil(),
                begun: MS * number * 10,
                ended: MS * (number * 10 + 1),
                told: if number * 10 >= from {
                    Told::Done
                } else {
                    Told::Failed
                },
                code: None,
            })
            .collect()
    }

    fn found(entries: &[Entry], rate_before: f64) -> Option<Duration> {
        let kinds = [Kind::Read, Kind::Transfer];
        recovery(entries, &kinds, MS * 1000, rate_before, MS * 3000)
    }

    #[test]
    fn it_is_the_time_of_the_first_of_many_successes() {
        assert_eq!(found(&calls(1800), 100.0), Some(MS * 801));
        assert_eq!(found(&calls(0), 100.0), Some(MS));
    }

    #[test]
    fn a_failure_in_between_starts_it_again() {
        let mut entries = calls(1000);
        entries[110].told = Told::Failed;
        assert_eq!(found(&entries, 100.0), Some(MS * 111));
    }

    #[test]
    fn half_the_rate_and_every_kind_are_needed() {
        assert_eq!(found(&calls(0), 300.0), None);
        let mut reads = calls(0);
        reads.retain(|entry| entry.kind == Kind::Read);
        assert_eq!(found(&reads, 10.0), None);
    }

    #[test]
    fn the_last_half_second_proves_nothing() {
        assert_eq!(found(&calls(2600), 100.0), None);
    }

    #[test]
    fn the_rate_counts_successes() {
        assert!((rate(&calls(500), Duration::ZERO, MS * 1000) - 50.0).abs() < 1.0);
        assert!(rate(&calls(0), MS, MS).abs() < 1e-9);
    }
}
