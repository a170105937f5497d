//! The names of databases that a restore makes.

use chrono::{DateTime, NaiveDateTime, Utc};
use mainstay::Entropy;

/// What the database that is being filled starts with: what is left over by a restore that was
/// killed is found by it.
pub(super) const PREFIX: &str = "mainstay_restore_";

/// The longest name PostgreSQL keeps; more it cuts off without an error.
const LONGEST: usize = 63;

const TIME: &str = "%Y%m%d%H%M%S";

/// The name of a database to restore into: `mainstay_restore_20260214093000_0123456789abcdef`.
pub(super) fn place(now: DateTime<Utc>, entropy: &dyn Entropy) -> String {
    let mut random = [0; 8];
    entropy.fill(&mut random);
    format!(
        "{PREFIX}{}_{:016x}",
        now.format(TIME),
        u64::from_be_bytes(random)
    )
}

/// Whether a database has such a name. No name of a kept database is one: it has other parts.
pub(super) fn is_place(name: &str) -> bool {
    let Some((time, random)) = name
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split_once('_'))
    else {
        return false;
    };
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    time.len() == 14
        && NaiveDateTime::parse_from_str(time, TIME).is_ok()
        && random.len() == 16
        && random.as_bytes().iter().all(is_hex)
}

/// The name under which the old database is kept: `app_before_restore_20260214093000`, with the end
/// of the first part cut off where the whole would be too long.
pub(super) fn kept(database: &str, now: DateTime<Utc>, is_taken: impl Fn(&str) -> bool) -> String {
    let mut number = 1;
    loop {
        let mut end = format!("_before_restore_{}", now.format(TIME));
        if number > 1 {
            end.push_str(&format!("_{number}"));
        }
        let mut start = database;
        while start.len() + end.len() > LONGEST {
            // Whole characters only.
            let mut shorter = start.chars();
            shorter.next_back();
            start = shorter.as_str();
        }
        let name = format!("{start}{end}");
        if !is_taken(&name) {
            return name;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use mainstay::SeededEntropy;

    use super::*;

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
    }

    #[test]
    fn places_are_recognised_and_differ() {
        let name = place(at(), &SeededEntropy::new(1));
        assert!(
            name.starts_with("mainstay_restore_20270115080000_"),
            "{name}"
        );
        assert!(name.len() <= LONGEST);
        assert!(is_place(&name));
        assert_ne!(name, place(at(), &SeededEntropy::new(2)));
    }

    #[test]
    fn names_of_others_are_not_taken_for_it() {
        let place = place(at(), &SeededEntropy::new(1));
        let kept_place = kept(&place, at(), |_| false);
        for name in [
            "app",
            "mainstay_restore_",
            "mainstay_restore_20270115080000",
            "mainstay_restore_20270115080000_mine",
            "mainstay_restore_20271315080000_0123456789abcdef",
            "mainstay_restore_20270115080000_0123456789abcdef_2",
            "app_before_restore_20270115080000",
            "mainstay_restore_before_restore_20270115080000",
            kept_place.as_str(),
        ] {
            assert!(!is_place(name), "{name}");
        }
    }

    #[test]
    fn the_kept_name_fits_and_is_free() {
        let free = |_: &str| false;
        assert_eq!(kept("app", at(), free), "app_before_restore_20270115080000");
        let taken = |name: &str| !name.ends_with("_3");
        assert_eq!(
            kept("app", at(), taken),
            "app_before_restore_20270115080000_3"
        );
        let long = kept(&"ä".repeat(31), at(), free);
        assert!(long.len() <= LONGEST && long.starts_with('ä'), "{long}");
        assert!(long.ends_with("_before_restore_20270115080000"), "{long}");
    }
}
