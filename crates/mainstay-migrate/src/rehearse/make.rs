//! Values from numbers: the same of the same, and different ones of different ones where a key
//! wants that. Pure.

use chrono::{DateTime, Duration, NaiveDate};
use mainstay::value::Value;

use super::kind::{InstantForm, Kind};

/// Made from numbers alone, so that a value can be made again wherever it is referred to.
pub(super) fn mixed(numbers: &[u64]) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for number in numbers {
        state = state
            .wrapping_add(*number)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state ^= state >> 27;
        state = state.wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^= state >> 31;
    }
    state
}

/// A number below another.
pub(super) fn below(numbers: &[u64], end: u64) -> u64 {
    mixed(numbers) % end.max(1)
}

/// A number from a text, the same in every run.
pub(super) fn number_of(text: &str) -> u64 {
    let bytes = text.bytes().map(u64::from);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ byte).wrapping_mul(0x0100_0000_01b3)
    })
}

/// How many different values a kind has, where those are few.
pub(super) fn choices(kind: &Kind) -> Option<u64> {
    match kind {
        Kind::Bool => Some(2),
        Kind::Words(words) => Some(words.len() as u64),
        Kind::Whole { low, high } => {
            let count = i128::from(*high) - i128::from(*low) + 1;
            u64::try_from(count).ok().filter(|count| *count <= 1 << 32)
        }
        Kind::Date => Some(DAYS),
        Kind::Time => Some(86_400),
        Kind::Fixed(_) | Kind::Json => Some(1),
        _ => None,
    }
}

/// Days that dates are taken from.
const DAYS: u64 = 3_650;

/// Whether a kind has so many values that each row can have one of its own.
pub(super) fn is_endless(kind: &Kind) -> bool {
    match kind {
        Kind::Whole { low, high } => i128::from(*high) - i128::from(*low) >= 1 << 30,
        Kind::Decimal { high, .. } => *high >= 1 << 30,
        Kind::Text { longest } => *longest >= 8,
        Kind::Bytes { length } => *length >= 8,
        Kind::Mail { .. } | Kind::Uuid | Kind::Instant(_) => true,
        _ => false,
    }
}

/// The value of a choice, counted from 0 to [`choices`].
pub(super) fn chosen(kind: &Kind, choice: u64) -> Value {
    match kind {
        Kind::Bool => Value::Bool(choice % 2 == 1),
        Kind::Words(words) => {
            let at = usize::try_from(choice).unwrap_or(0) % words.len().max(1);
            words
                .get(at)
                .map_or(Value::Null, |word| Value::Text(word.clone()))
        }
        Kind::Whole { low, .. } => {
            let more = i64::try_from(choice).unwrap_or(0);
            Value::I64(low.saturating_add(more))
        }
        Kind::Date => Value::Text(day(choice)),
        Kind::Time => Value::Text(time(choice)),
        other => drawn(other, choice),
    }
}

/// The value that a row alone has, for a kind that is [endless](is_endless). `number` is the row's,
/// `salt` tells columns and seeds apart.
pub(super) fn own(kind: &Kind, number: u64, salt: u64) -> Value {
    let short = i64::try_from(number).unwrap_or(i64::MAX);
    match kind {
        Kind::Whole { low, .. } => Value::I64((*low).max(1).saturating_add(short)),
        Kind::Decimal { low, .. } => Value::Text((*low).max(1).saturating_add(short).to_string()),
        Kind::Text { longest } => {
            let own = in_letters(number);
            let room = longest.saturating_sub(own.len() + 1);
            match prose(mixed(&[salt, number]), room.min(20)) {
                words if words.is_empty() => Value::Text(own),
                words => Value::Text(format!("{words} {own}")),
            }
        }
        Kind::Mail { .. } => Value::Text(format!("user{number}@example.com")),
        Kind::Uuid => Value::Text(uuid(number, salt)),
        Kind::Bytes { length } => {
            let mut bytes = ordered_bytes(number, salt).to_vec();
            // Its number comes first, so that it fits what is shorter.
            bytes.resize(*length, 0);
            Value::Bytes(bytes)
        }
        Kind::Instant(form) => Value::Text(instant(*form, number.wrapping_mul(1_000_000))),
        other => drawn(other, mixed(&[salt, number])),
    }
}

/// Any value of a kind.
pub(super) fn drawn(kind: &Kind, random: u64) -> Value {
    match kind {
        Kind::Bool | Kind::Words(_) | Kind::Date | Kind::Time => chosen(kind, random >> 3),
        Kind::Whole { low, high } => Value::I64(between(*low, *high, random)),
        Kind::Decimal { low, high, scale } => {
            let whole = between(*low, (*high).saturating_sub(1).max(*low), random);
            let scale = (*scale).min(9);
            if scale == 0 {
                return Value::Text(whole.to_string());
            }
            let part = (random >> 20) % 10_u64.pow(scale);
            let width = scale as usize;
            Value::Text(format!("{whole}.{part:0width$}"))
        }
        // Quarters, which every width of floating point has exactly.
        Kind::Double => Value::F64(f64::from(u32::try_from(random % 4_000).unwrap_or(0)) / 4.0),
        Kind::Text { longest } => {
            let length = 8 + usize::try_from(random >> 40).unwrap_or(0) % 100;
            Value::Text(prose(random, length.min(*longest)))
        }
        Kind::Mail { .. } => Value::Text(format!("user{}@example.com", random % 1_000_000_000)),
        Kind::Uuid => Value::Text(uuid(random >> 20, random)),
        Kind::Bytes { length } => {
            let mut bytes = ordered_bytes(random >> 20, random).to_vec();
            bytes.resize(*length, 0);
            Value::Bytes(bytes)
        }
        Kind::Instant(form) => Value::Text(instant(*form, random % 315_360_000_000_000)),
        Kind::Json => Value::Text(format!("{{\"number\": {}}}", random % 1_000)),
        Kind::Fixed(text) => Value::Text((*text).to_owned()),
    }
}

/// A number of a range; of a wide one, near its end that is nearest to zero.
fn between(low: i64, high: i64, random: u64) -> i64 {
    const SPREAD: i64 = 1_000;
    let (low, high) = if low >= 0 {
        (low, high.min(low.saturating_add(SPREAD)))
    } else if high <= 0 {
        (low.max(high.saturating_sub(SPREAD)), high)
    } else {
        (0, high.min(SPREAD))
    };
    let count = u64::try_from(high.saturating_sub(low)).unwrap_or(0) + 1;
    low + i64::try_from(random % count).unwrap_or(0)
}

const WORDS: [&str; 16] = [
    "river", "stone", "early", "plan", "quiet", "light", "seven", "garden", "paper", "north",
    "letter", "summer", "bridge", "morning", "window", "market",
];

/// Words up to a length.
fn prose(random: u64, length: usize) -> String {
    let mut out = String::new();
    let mut state = random;
    while out.len() < length {
        let word = WORDS[usize::try_from(state & 15).unwrap_or(0)];
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        state = state.rotate_right(4).wrapping_add(random | 1);
    }
    out.truncate(length);
    // Engines differ in whether a space at the end counts.
    out.truncate(out.trim_end().len());
    out
}

/// A number in digits and letters.
fn in_letters(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(number % 36).unwrap_or(0);
        digits.extend(char::from_digit(digit, 36));
        number /= 36;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}

/// Sixteen bytes that begin with a number, as keys made in the order of time do.
fn ordered_bytes(number: u64, salt: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(0x0190_0000_0000_0000 | number).to_be_bytes());
    bytes[8..].copy_from_slice(&mixed(&[salt, number]).to_be_bytes());
    bytes
}

/// A UUID of version 7, whose order is that of its number.
fn uuid(number: u64, salt: u64) -> String {
    let random = mixed(&[salt, number]);
    let time = 0x0190_0000_0000 + (number >> 12);
    let low = number & 0xfff;
    let variant = 0x8000 | (random >> 50);
    let node = random & 0xffff_ffff_ffff;
    format!(
        "{:08x}-{:04x}-7{low:03x}-{variant:04x}-{node:012x}",
        time >> 16,
        time & 0xffff
    )
}

fn instant(form: InstantForm, micros: u64) -> String {
    // 2020-01-01.
    const FROM: i64 = 1_577_836_800;
    let from = DateTime::from_timestamp(FROM, 0).unwrap_or_default();
    let micros = i64::try_from(micros).unwrap_or(0);
    let at = from
        .checked_add_signed(Duration::microseconds(micros))
        .unwrap_or(from);
    let format = match form {
        InstantForm::Server => "%Y-%m-%d %H:%M:%S%.6f",
        InstantForm::Text => "%Y-%m-%dT%H:%M:%S%.6fZ",
    };
    at.format(format).to_string()
}

fn day(number: u64) -> String {
    let from = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap_or_default();
    let days = i64::try_from(number % DAYS).unwrap_or(0);
    let day = from.checked_add_signed(Duration::days(days));
    day.unwrap_or(from).to_string()
}

fn time(number: u64) -> String {
    let second = number % 86_400;
    format!(
        "{:02}:{:02}:{:02}",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn endless() -> Vec<Kind> {
        vec![
            Kind::Whole {
                low: i64::MIN,
                high: i64::MAX,
            },
            Kind::Text { longest: 8 },
            Kind::Text { longest: 120 },
            Kind::Mail { longest: 120 },
            Kind::Uuid,
            Kind::Bytes { length: 8 },
            Kind::Bytes { length: 16 },
            Kind::Instant(InstantForm::Server),
        ]
    }

    #[test]
    fn each_row_has_a_value_of_its_own() {
        for kind in endless() {
            assert!(is_endless(&kind));
            let all: BTreeSet<String> = (0..5_000)
                .map(|row| format!("{:?}", own(&kind, row, 7)))
                .collect();
            assert_eq!(all.len(), 5_000, "{kind:?}");
        }
    }

    #[test]
    fn the_same_numbers_make_the_same_values() {
        for kind in endless() {
            assert_eq!(own(&kind, 9, 1), own(&kind, 9, 1));
            assert_eq!(drawn(&kind, 99), drawn(&kind, 99));
        }
        assert_ne!(own(&Kind::Uuid, 9, 1), own(&Kind::Uuid, 9, 2));
    }

    #[test]
    fn texts_have_the_forms_that_engines_read() {
        let Value::Text(uuid) = own(&Kind::Uuid, 4_097, 3) else {
            panic!("a UUID is text");
        };
        assert_eq!(uuid.len(), 36);
        assert!(uuid.starts_with("01900000-0001-7001-"), "{uuid}");
        assert!(["8", "9", "a", "b"].contains(&&uuid[19..20]), "{uuid}");
        let at = |form| own(&Kind::Instant(form), 1, 0);
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(at(InstantForm::Server), text("2020-01-01 00:00:01.000000"));
        assert_eq!(at(InstantForm::Text), text("2020-01-01T00:00:01.000000Z"));
        assert_eq!(chosen(&Kind::Date, 31), text("2020-02-01"));
        assert_eq!(chosen(&Kind::Time, 3_661), text("01:01:01"));
    }

    proptest! {
        #[test]
        fn values_keep_within_their_bounds(random: u64, low in -5_000_i64..5_000, more in 0_i64..9_000) {
            let high = low + more;
            let Value::I64(found) = drawn(&Kind::Whole { low, high }, random) else {
                panic!("a number");
            };
            prop_assert!((low..=high).contains(&found));
            let longest = usize::try_from(more % 120).unwrap_or(0);
            let Value::Text(found) = drawn(&Kind::Text { longest }, random) else {
                panic!("a text");
            };
            prop_assert!(found.chars().count() <= longest);
        }
    }
}
