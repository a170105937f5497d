//! Places and sizes, without a server.

use std::time::Duration;

use tokio::time::Instant;

use super::plan::{
    ALONE, BATCHES, Ended, For, MOST, Places, STALLED, Sizing, previous_power_of_two,
};

fn take_all(places: &mut Places, by: For, now: Instant) -> Vec<u64> {
    std::iter::from_fn(|| places.take(by, now)).collect()
}

#[test]
fn places_are_few_and_come_back() {
    for (by, most) in [(For::One, ALONE), (For::Batches, BATCHES)] {
        let (mut places, now) = (Places::default(), Instant::now());
        let taken = take_all(&mut places, by, now);
        assert_eq!(taken.len(), most);
        places.give_back(taken[0]);
        assert_eq!(take_all(&mut places, by, now).len(), 1);
    }
}

#[test]
fn where_batches_run_few_run_by_themselves() {
    let (mut places, now) = (Places::default(), Instant::now());
    let batch = places.take(For::Batches, now).unwrap();
    assert_eq!(take_all(&mut places, For::One, now).len(), BATCHES - 1);
    places.give_back(batch);
    assert_eq!(
        take_all(&mut places, For::One, now).len(),
        ALONE + 1 - BATCHES
    );
    // Those who wait behind calls that run by themselves get their batches all the same.
    assert_eq!(take_all(&mut places, For::Batches, now).len(), BATCHES);
}

#[test]
fn a_stalled_statement_holds_up_nobody() {
    let (mut places, now) = (Places::default(), Instant::now());
    let stuck = take_all(&mut places, For::Batches, now);
    let later = now + STALLED;
    let before = later - Duration::from_millis(1);
    assert_eq!(places.take(For::Batches, before), None);
    // One that goes on with its next statement counts again.
    places.restart(stuck[0], later);
    assert_eq!(
        take_all(&mut places, For::Batches, later).len(),
        BATCHES - 1
    );
}

#[test]
fn powers_of_two() {
    let found: Vec<_> = [0, 1, 2, 3, 4, 63, 64, 65]
        .map(previous_power_of_two)
        .into();
    assert_eq!(found, [1, 1, 2, 2, 4, 32, 64, 64]);
    assert_eq!(Sizing::new(1_000).rows(), MOST);
    assert_eq!(Sizing::new(48).rows(), 32);
    assert_eq!(Sizing::new(1).rows(), 1);
}

/// Rows of which every so many is refused, sent in batches of the size asked for, the rows of a
/// refused batch one by one. What they cost, as against one by one from the start.
fn cost_with_refusals(every: usize, rows: usize) -> f64 {
    let mut sizing = Sizing::new(MOST);
    let (mut cost, mut at) = (0.0, 0);
    let is_refused = |row: usize| row % every == every - 1;
    while at < rows {
        let size = sizing.rows();
        let batch = at..at + size;
        at += size;
        let spoilt = batch.clone().any(is_refused);
        if size > 1 {
            cost += 0.85 + 0.15 * size as f64;
            sizing.note_batch(usize::from(spoilt), size);
        }
        if size > 1 && spoilt {
            cost += size as f64;
        }
        if size == 1 {
            cost += 1.0;
            for row in batch {
                sizing.note(if is_refused(row) {
                    Ended::Refused
                } else {
                    Ended::Kept
                });
            }
        }
    }
    cost / at as f64
}

#[test]
fn refusals_make_batches_small_and_joining_never_dearer_than_not() {
    assert!(cost_with_refusals(usize::MAX, 10_000) < 0.2);
    for every in [2, 3, 5, 10, 20, 50, 100, 1000] {
        let cost = cost_with_refusals(every, 50_000);
        assert!(cost < 1.05, "1 of {every}: {cost}");
    }
    assert!(cost_with_refusals(100, 50_000) < 0.6);
    assert!(cost_with_refusals(20, 50_000) < 0.95);
}

#[test]
fn when_everything_is_refused_nothing_is_joined_until_that_stops() {
    let mut sizing = Sizing::new(MOST);
    for _ in 0..500 {
        sizing.note(Ended::Refused);
    }
    assert_eq!(sizing.rows(), 1);
    for _ in 0..2_000 {
        sizing.note(Ended::Kept);
    }
    assert_eq!(sizing.rows(), MOST);
}

#[test]
fn rows_that_a_batch_passes_over_do_not_shrink_it_until_most_are() {
    let mut sizing = Sizing::new(MOST);
    for row in 0..1_000 {
        sizing.note(if row % 3 == 0 {
            Ended::PassedOver
        } else {
            Ended::Kept
        });
    }
    assert_eq!(sizing.rows(), MOST);
    for _ in 0..1_000 {
        sizing.note(Ended::PassedOver);
    }
    assert_eq!(sizing.rows(), 1);
}
