use chrono::{DateTime, TimeDelta, Utc};

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

#[test]
fn a_manual_clock_moves_only_when_told() {
    let clock = ManualClock::new(at("2030-01-01T00:00:00.1234567Z"));
    assert_eq!(clock.now(), at("2030-01-01T00:00:00.123456Z"));
    assert_eq!(clock.now(), clock.now());
    let same = clock.clone();
    same.advance(TimeDelta::seconds(-1));
    assert_eq!(clock.now(), at("2029-12-31T23:59:59.123456Z"));
    clock.set(at("2031-01-01T00:00:00.0000019Z"));
    assert_eq!(same.now(), at("2031-01-01T00:00:00.000001Z"));
}

#[test]
fn truncation_goes_down_and_works_for_all_stored_years() {
    for (given, kept) in [
        ("1000-01-01T00:00:00.000000999Z", "1000-01-01T00:00:00Z"),
        (
            "1969-12-31T23:59:59.999999999Z",
            "1969-12-31T23:59:59.999999Z",
        ),
        (
            "9999-12-31T23:59:59.999999999Z",
            "9999-12-31T23:59:59.999999Z",
        ),
    ] {
        assert_eq!(truncate_to_micros(at(given)), at(kept), "{given}");
    }
}

#[test]
fn a_leap_second_becomes_the_second_after_it() {
    assert_eq!(
        truncate_to_micros(at("2016-12-31T23:59:60.5Z")),
        at("2017-01-01T00:00:00.5Z")
    );
}

#[test]
fn the_system_clock_has_whole_microseconds() {
    assert_eq!(SystemClock.now().timestamp_subsec_nanos() % 1000, 0);
}
