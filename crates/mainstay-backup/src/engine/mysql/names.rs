//! The names of databases made for a restore.

use chrono::{DateTime, NaiveDateTime, Utc};
use mainstay::Entropy;

/// The most characters a database's name can have.
const LIMIT: usize = 64;

const TIME: &str = "%Y%m%d%H%M%S";
const PLACE: &str = "_restore_";
const KEPT: &str = "_before_restore_";

/// A name for the database that is restored to, such as `shop_restore_20260214093000_0123abcd`.
pub(super) fn place(database: &str, now: DateTime<Utc>, entropy: &dyn Entropy) -> String {
    let mut random = [0; 4];
    entropy.fill(&mut random);
    let random = u32::from_be_bytes(random);
    shortened(
        database,
        &format!("{PLACE}{}_{random:08x}", now.format(TIME)),
    )
}

/// Whether a database was made to restore another one to. One with a long name is not told from
/// others with the same beginning.
pub(super) fn is_place_of(name: &str, database: &str) -> bool {
    parts(name).is_some_and(|(_, end)| shortened(database, end) == name)
}

/// Whether a database was made to restore any to. No name of a kept database is one.
pub(super) fn is_place(name: &str) -> bool {
    parts(name).is_some_and(|(start, _)| !start.ends_with("_before"))
}

/// The beginning and the end of a name for a restore.
fn parts(name: &str) -> Option<(&str, &str)> {
    let (start, end) = name.rsplit_once(PLACE)?;
    let (time, random) = end.split_once('_')?;
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_ours = !start.is_empty()
        && time.len() == 14
        && NaiveDateTime::parse_from_str(time, TIME).is_ok()
        && random.len() == 8
        && random.as_bytes().iter().all(is_hex);
    is_ours.then(|| name.split_at(start.len()))
}

/// The name under which the old database is kept: `shop_before_restore_20260214093000`. `again`
/// counts the names that were taken.
pub(super) fn kept(database: &str, now: DateTime<Utc>, again: u32) -> String {
    let mut end = format!("{KEPT}{}", now.format(TIME));
    if again > 0 {
        end.push_str(&format!("_{again}"));
    }
    shortened(database, &end)
}

/// The beginning of a name, as long as there is room before its end.
fn shortened(start: &str, end: &str) -> String {
    let room = LIMIT - end.chars().count();
    let start: String = start.chars().take(room).collect();
    format!("{start}{end}")
}

#[cfg(test)]
mod tests {
    use mainstay::SeededEntropy;

    use super::*;

    #[test]
    fn names_tell_what_they_are_and_fit() {
        let at = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        let name = place("shop", at, &SeededEntropy::new(1));
        assert!(name.starts_with("shop_restore_20270115080000_"), "{name}");
        assert!(is_place_of(&name, "shop") && is_place(&name));
        assert_ne!(name, place("shop", at, &SeededEntropy::new(2)));
        assert_eq!(kept("shop", at, 0), "shop_before_restore_20270115080000");
        assert_eq!(kept("shop", at, 2), "shop_before_restore_20270115080000_2");
        let long = "ü".repeat(64);
        let name = place(&long, at, &SeededEntropy::new(1));
        assert_eq!(name.chars().count(), LIMIT);
        assert!(is_place_of(&name, &long));
        assert_eq!(kept(&long, at, 0).chars().count(), LIMIT);
    }

    #[test]
    fn names_of_others_are_not_taken_for_it() {
        for name in [
            "shop",
            "shop_restore_",
            "shop_restore_20270115080000",
            "shop_restore_20270115080000_mine4567",
            "shop_restore_2027_01234567",
            "shops_restore_20270115080000_01234567",
            "shop_before_restore_20270115080000",
            "shop_before_restore_20270115080000_2",
            "shop_before_restore_20270115080000_12345678",
            "_restore_20270115080000_01234567",
            "shop_restore_20271315080000_01234567",
        ] {
            assert!(!is_place_of(name, "shop"), "{name}");
        }
        // Of another database all the same.
        assert!(is_place("shops_restore_20270115080000_01234567"));
        let at = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        for again in [0, 2, 12_345_678] {
            let place = place("shop", at, &SeededEntropy::new(1));
            for database in ["shop", place.as_str()] {
                let name = kept(database, at, again);
                assert!(!is_place(&name), "{name}");
            }
        }
    }
}
