//! What is said of a segment, and where a moment lies among them.

use chrono::{DateTime, Utc};
use mainstay::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// A moment by the server's clock, and an end of its log after that moment: what was acknowledged
/// before is in front of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// In microseconds since 1970.
    pub(super) at: i64,
    pub(super) position: u64,
}

/// What is said of a segment: a part of one file of the binary log. Its bytes are the file's header,
/// and then the part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Detail {
    pub(super) file: String,
    /// Where in the file the part begins and ends.
    pub(super) start: u64,
    pub(super) end: u64,
    /// How many bytes the header has.
    pub(super) header: u64,
    pub(super) marks: Vec<Mark>,
}

impl Detail {
    pub(super) fn of(detail: &serde_json::Value) -> Result<Self> {
        serde_json::from_value(detail.clone()).map_err(|error| {
            Error::new(
                ErrorKind::BackupRefused,
                format!("a segment is none of MariaDB's binary log: {error}"),
            )
        })
    }
}

/// A place in a file of the binary log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) file: String,
    pub(super) position: u64,
}

/// Looks for a moment among marks that pass by in their order.
#[derive(Debug)]
pub(super) struct Search {
    to: i64,
    /// The last place that is known to be before it.
    pub(super) low: Spot,
    /// The first that is known to have all that was acknowledged before it.
    pub(super) high: Option<Spot>,
}

impl Search {
    /// For this moment, from the place of the base on.
    pub(super) fn new(to: DateTime<Utc>, base: Spot) -> Self {
        Self {
            to: to.timestamp_micros(),
            low: base,
            high: None,
        }
    }

    /// The marks of the next segment. Says whether the moment is found.
    pub(super) fn pass(&mut self, detail: &Detail) -> bool {
        for mark in &detail.marks {
            let spot = || Spot {
                file: detail.file.clone(),
                position: mark.position,
            };
            if mark.at >= self.to {
                self.high.get_or_insert_with(spot);
                return true;
            }
            self.low = spot();
        }
        false
    }

    /// The first second at which a transaction cannot have begun that belongs to the moment's past.
    pub(super) fn first_second_after(&self) -> i64 {
        let whole = self.to.div_euclid(1_000_000);
        whole + i64::from(self.to.rem_euclid(1_000_000) != 0)
    }
}

/// The number at the end of a file's name, by which files are in order.
pub(super) fn number(file: &str) -> Option<u64> {
    file.rsplit_once('.')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(file: &str, marks: &[(i64, u64)]) -> Detail {
        let marks = marks.iter().map(|(at, position)| Mark {
            at: at * 100_000,
            position: *position,
        });
        Detail {
            file: file.to_owned(),
            start: 0,
            end: 0,
            header: 0,
            marks: marks.collect(),
        }
    }

    fn spot(file: &str, position: u64) -> Spot {
        Spot {
            file: file.to_owned(),
            position,
        }
    }

    #[test]
    fn a_moment_lies_between_two_marks() {
        let details = [
            detail("bin.1", &[(1000, 10), (1002, 20)]),
            detail("bin.1", &[]),
            detail("bin.2", &[(1004, 5), (1006, 9)]),
        ];
        for (tenths, low, high) in [
            (1000, spot("bin.1", 4), Some(spot("bin.1", 10))),
            (1001, spot("bin.1", 10), Some(spot("bin.1", 20))),
            (1003, spot("bin.1", 20), Some(spot("bin.2", 5))),
            (1004, spot("bin.1", 20), Some(spot("bin.2", 5))),
            (1007, spot("bin.2", 9), None),
        ] {
            let to = DateTime::from_timestamp_micros(tenths * 100_000).expect("a time");
            let mut search = Search::new(to, spot("bin.1", 4));
            let found = details.iter().any(|detail| search.pass(detail));
            assert_eq!((search.low, search.high.clone()), (low, high), "{tenths}");
            assert_eq!(found, search.high.is_some());
        }
    }

    #[test]
    fn whole_seconds_are_exact() {
        let second = |micros| {
            let to = DateTime::from_timestamp_micros(micros).expect("a time");
            Search::new(to, spot("bin.1", 4)).first_second_after()
        };
        assert_eq!(second(7_000_000), 7);
        assert_eq!(second(7_000_001), 8);
        assert_eq!(second(6_999_999), 7);
    }

    #[test]
    fn files_are_in_the_order_of_their_numbers() {
        assert!(number("bin.999999") < number("bin.1000000"));
        assert_eq!(number("a.b.000012"), Some(12));
        assert_eq!(number("bin"), None);
    }
}
