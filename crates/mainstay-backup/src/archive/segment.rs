//! The segments of a log: their names, their order, and what is missing among them.
//!
//! A name has all that a list tells, so that a hundred thousand segments are known from one listing.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use mainstay::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::manifest::Facts;

/// What is said of a segment when it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentMeta {
    /// Its place in the log. Each segment has the next number after the one before it.
    pub(crate) sequence: u64,
    /// When the first change in it was committed.
    pub(crate) from: DateTime<Utc>,
    /// When the last change in it was committed.
    pub(crate) to: DateTime<Utc>,
    /// What the engine has to know to put it to use. Encrypted where the log is.
    pub(crate) detail: serde_json::Value,
}

/// A segment that is in the log, as its name tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) sequence: u64,
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
    /// The bytes of the object.
    pub(crate) size: u64,
    /// The object's name in the target.
    pub(crate) name: String,
}

/// What a segment says of itself to anyone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentManifest {
    pub(crate) label: String,
    /// The backup that the log goes with.
    pub(crate) base: String,
    pub(crate) sequence: u64,
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
    #[serde(flatten)]
    pub(crate) facts: Facts,
}

/// How a name ends.
const SUFFIX: &str = ".segment";
/// As long for every time, so that names are in order.
const TIME: &str = "%Y%m%dT%H%M%S%6f";

/// The name of a segment in its log's folder: number, from, to.
pub(crate) fn file_name(sequence: u64, from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let (from, to) = (from.format(TIME), to.format(TIME));
    format!("{sequence:020}_{from}Z_{to}Z{SUFFIX}")
}

/// The segment of an object, if its name is a segment's.
pub(crate) fn parse(name: &str, size: u64) -> Option<Segment> {
    let file = name.rsplit('/').next()?.strip_suffix(SUFFIX)?;
    let mut parts = file.split('_');
    let (number, from, to) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || number.len() != 20 {
        return None;
    }
    Some(Segment {
        sequence: number.parse().ok()?,
        from: time(from)?,
        to: time(to)?,
        size,
        name: name.to_owned(),
    })
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    let parsed = NaiveDateTime::parse_from_str(text.strip_suffix('Z')?, TIME);
    parsed.ok().map(|at| at.and_utc())
}

/// Segments that are missing between others, or are there twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Gap {
    /// These numbers, the last included, are missing; what is missing was committed after this time.
    Missing {
        first: u64,
        last: u64,
        after: Option<DateTime<Utc>>,
    },
    /// Several segments have this number.
    Twice(u64),
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { first, last, after } => {
                match first == last {
                    true => write!(f, "segment {first} is missing")?,
                    false => write!(f, "segments {first} to {last} are missing")?,
                }
                match after {
                    Some(after) => write!(f, ", with what was committed after {after}"),
                    None => Ok(()),
                }
            }
            Self::Twice(number) => write!(f, "there are several segments with number {number}"),
        }
    }
}

/// What is missing among segments, which are in the order of their numbers.
pub(crate) fn gaps(segments: &[Segment]) -> Vec<Gap> {
    segments
        .windows(2)
        .filter_map(|pair| {
            let (one, other) = (&pair[0], &pair[1]);
            match other.sequence.checked_sub(one.sequence) {
                Some(1) => None,
                Some(0) | None => Some(Gap::Twice(other.sequence)),
                Some(_) => Some(Gap::Missing {
                    first: one.sequence + 1,
                    last: other.sequence - 1,
                    after: Some(one.to),
                }),
            }
        })
        .collect()
}

/// The segments that lead from number `first` on to a moment, or to the end: those that begin until
/// then. `segments` are in the order of their numbers.
///
/// # Errors
/// `BACKUP_DAMAGED` when one of them is missing or there twice.
pub(crate) fn leading(
    segments: &[Segment],
    first: u64,
    until: Option<DateTime<Utc>>,
) -> Result<&[Segment]> {
    let start = segments.partition_point(|segment| segment.sequence < first);
    let segments = &segments[start..];
    let is_later = |segment: &Segment| until.is_some_and(|until| segment.from > until);
    let end = segments.iter().position(is_later);
    let needed = &segments[..end.unwrap_or(segments.len())];
    // Where none is needed, what follows tells whether one is missing in front of it.
    let next = needed.first().or(segments.first());
    if let Some(next) = next
        && next.sequence != first
    {
        return Err(incomplete(&Gap::Missing {
            first,
            last: next.sequence - 1,
            after: None,
        }));
    }
    match gaps(needed).first() {
        Some(gap) => Err(incomplete(gap)),
        None => Ok(needed),
    }
}

fn incomplete(gap: &Gap) -> Error {
    Error::new(
        ErrorKind::BackupDamaged,
        format!("the log is not complete: {gap}"),
    )
    .with_hint("recover to an earlier moment, or from a later backup")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 123_456_000).unwrap()
    }

    /// Number n has what was committed from 10 n to 10 n + 9.
    fn some(numbers: &[u64]) -> Vec<Segment> {
        let segment = |n: &u64| {
            let (from, to) = (at(*n as i64 * 10), at(*n as i64 * 10 + 9));
            parse(&format!("main/x.log/{}", file_name(*n, from, to)), 7).unwrap()
        };
        numbers.iter().map(segment).collect()
    }

    #[test]
    fn a_name_tells_all() {
        let name = file_name(17, at(0), at(9));
        assert_eq!(
            name,
            "00000000000000000017_20231114T221320123456Z_20231114T221329123456Z.segment"
        );
        let read = parse(&name, 5).unwrap();
        assert_eq!((read.sequence, read.from, read.to), (17, at(0), at(9)));
        assert!(file_name(9, at(0), at(0)) < file_name(10, at(-9), at(0)));
        assert!(file_name(u64::MAX, at(0), at(0)) > file_name(10, at(0), at(0)));
        for other in ["x.segment", "17_a_b.segment", &name[1..], &name[..60], ""] {
            assert_eq!(parse(other, 5), None, "{other}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(gaps(&some(&[3, 4, 5])), []);
        let found = gaps(&some(&[3, 5, 5, 9]));
        let told: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert!(
            told[0].starts_with("segment 4 is missing, with what"),
            "{told:?}"
        );
        assert!(told[0].contains("2023-11-14 22:13:59"), "{told:?}");
        assert_eq!(told[1], "there are several segments with number 5");
        assert!(
            told[2].starts_with("segments 6 to 8 are missing"),
            "{told:?}"
        );
    }

    #[test]
    fn the_way_to_a_moment_has_to_be_whole() {
        let numbers = |found: &[Segment]| found.iter().map(|s| s.sequence).collect::<Vec<_>>();
        let all = some(&[3, 4, 5, 7]);
        for (first, until, expected) in [
            (3, Some(at(45)), &[3, 4][..]),
            (4, Some(at(50)), &[4, 5]),
            (3, Some(at(69)), &[3, 4, 5]),
            (3, Some(at(0)), &[]),
            (8, None, &[]),
        ] {
            let found = leading(&all, first, until).unwrap();
            assert_eq!(numbers(found), expected, "{first} {until:?}");
        }
        for (first, until) in [(3, None), (3, Some(at(70))), (2, Some(at(30))), (6, None)] {
            let error = leading(&all, first, until).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BackupDamaged);
            assert!(error.detail().contains("missing"), "{error}");
        }
        assert!(leading(&some(&[3, 3]), 3, None).is_err());
        assert!(leading(&[], 1, None).unwrap().is_empty());
    }
}
