//! The names of scratch databases: `mainstay_scratch_20260214093000_0123456789abcdef`.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use mainstay::Entropy;

/// What all of them start with.
pub(super) const PREFIX: &str = "mainstay_scratch_";

/// How old one must be to count as left over: nothing that makes one takes so long.
const LEFT_AFTER: TimeDelta = TimeDelta::hours(1);

const TIME: &str = "%Y%m%d%H%M%S";

/// A name that nobody else has.
pub(super) fn new(now: DateTime<Utc>, entropy: &dyn Entropy) -> String {
    let mut random = [0; 8];
    entropy.fill(&mut random);
    format!(
        "{PREFIX}{}_{:016x}",
        now.format(TIME),
        u64::from_be_bytes(random)
    )
}

/// When a database was made, if its name is one of these and it is old enough to be left over.
pub(super) fn left_since(name: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (time, random) = name.strip_prefix(PREFIX)?.split_once('_')?;
    if random.len() != 16 || !random.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let made = NaiveDateTime::parse_from_str(time, TIME).ok()?.and_utc();
    (now - made >= LEFT_AFTER).then_some(made)
}

#[cfg(test)]
mod tests {
    use mainstay::SeededEntropy;

    use super::*;

    #[test]
    fn a_name_tells_its_age() {
        let at = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        let name = new(at, &SeededEntropy::new(1));
        assert!(
            name.starts_with("mainstay_scratch_20270115080000_"),
            "{name}"
        );
        assert!(name.len() < 64, "the shortest limit of a database's name");
        assert_ne!(name, new(at, &SeededEntropy::new(2)));
        assert_eq!(left_since(&name, at + TimeDelta::minutes(59)), None);
        assert_eq!(left_since(&name, at + TimeDelta::hours(1)), Some(at));
    }

    #[test]
    fn names_of_others_are_not_taken_for_it() {
        let now = DateTime::from_timestamp(1_900_000_000, 0).expect("a time");
        for name in [
            "questlog",
            "mainstay_scratch_",
            "mainstay_scratch_20260101000000",
            "mainstay_scratch_20260101000000_mine",
            "mainstay_scratch_2026_0123456789abcdef",
            "mainstay_scratch_20269901000000_0123456789abcdef",
        ] {
            assert_eq!(left_since(name, now), None, "{name}");
        }
    }
}
