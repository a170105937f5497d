//! The texts in which SQLite keeps instants and dates, as Mainstay writes them: of fixed width,
//! so that reading one is a matter of nanoseconds. What is written otherwise is left to the
//! general readers.

use chrono::{DateTime, NaiveDate, Utc};

/// `2026-01-31T23:59:59.123456Z`.
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text: &[u8; 27] = text.as_bytes().try_into().ok()?;
    let [
        ..,
        b'T',
        _,
        _,
        b':',
        _,
        _,
        b':',
        _,
        _,
        b'.',
        _,
        _,
        _,
        _,
        _,
        _,
        b'Z',
    ] = text
    else {
        return None;
    };
    let day = day(text[..10].try_into().ok()?)?;
    let at = day.and_hms_micro_opt(
        number(&text[11..13])?,
        number(&text[14..16])?,
        number(&text[17..19])?,
        number(&text[20..26])?,
    )?;
    Some(at.and_utc())
}

/// `2026-01-31`.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    day(text.as_bytes().try_into().ok()?)
}

fn day(text: &[u8; 10]) -> Option<NaiveDate> {
    let [_, _, _, _, b'-', _, _, b'-', _, _] = text else {
        return None;
    };
    let year = i32::try_from(number(&text[..4])?).ok()?;
    NaiveDate::from_ymd_opt(year, number(&text[5..7])?, number(&text[8..])?)
}

/// A number of a few digits.
fn number(digits: &[u8]) -> Option<u32> {
    let mut number = 0;
    for digit in digits {
        let value = digit.wrapping_sub(b'0');
        if value > 9 {
            return None;
        }
        number = number * 10 + u32::from(value);
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;

    use super::*;

    #[test]
    fn what_is_read_is_what_the_general_reader_reads() {
        let mut read = 0;
        let pieces: &[&str] = &[
            "00", "01", "09", "10", "12", "13", "23", "24", "28", "29", "31", "59", "60", "6x",
            " 1", "+1", "/0",
        ];
        let pairs = pieces
            .iter()
            .flat_map(|a| pieces.iter().map(move |b| (a, b)));
        for ((a, b), c) in pairs.flat_map(|pair| pieces.iter().map(move |c| (pair, c))) {
            for text in [
                format!("20{a}-{b}-{c}T12:00:00.000000Z"),
                format!("2024-02-03T{a}:{b}:{c}.120034Z"),
                format!("2024-02-03T01:02:03.{a}{b}{c}Z"),
                format!("{a}{b}-01-{c}T01:02:03.999999Z"),
            ] {
                let general = DateTime::parse_from_rfc3339(&text).map(|at| at.to_utc());
                if let Some(at) = instant(&text) {
                    read += 1;
                    assert_eq!(Ok(at), general, "{text}");
                    assert_eq!(at.to_rfc3339_opts(SecondsFormat::Micros, true), text);
                } else {
                    // Left to the general reader: nonsense, and leap seconds.
                    assert!(general.is_err() || text.contains(":60."), "{text}");
                }
                let general = NaiveDate::parse_from_str(&text[..10], "%Y-%m-%d").ok();
                if let Some(day) = date(&text[..10]) {
                    assert_eq!(Some(day), general, "{text}");
                }
            }
        }
        assert!(read > 1000, "{read}");
    }

    #[test]
    fn other_forms_are_left_alone() {
        for text in [
            "",
            "2024-02-03T01:02:03Z",
            "2024-02-03T01:02:03.123Z",
            "2024-02-03 01:02:03.123456Z",
            "2024-02-03t01:02:03.123456Z",
            "2024-02-03T01:02:03.123456z",
            "2024-02-03T01:02:03.12345+0",
            "-024-02-03T01:02:03.123456Z",
            "2024/02/03T01:02:03.123456Z",
            "2024-02-03T01-02-03.123456Z",
            "2024-02-03T01:02:03.\u{e9}3456Z",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
        for text in ["", "2024-2-3", "2024-02-3x", "02024-02-03"] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
