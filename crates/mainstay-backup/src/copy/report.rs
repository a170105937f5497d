//! What a copy did.

use std::time::Duration;

use serde::Serialize;

/// What a copy did. That there is one means that both sides were found to be equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Where the rows came from, without a password.
    pub from: String,
    /// Where they are now, without a password.
    pub to: String,
    /// How many migrations were applied to the target first.
    pub migrations: usize,
    /// The tables, in the order in which they were filled.
    pub tables: Vec<CopiedTable>,
    /// The rows of all of them.
    pub rows: u64,
    /// About how many bytes they are.
    pub bytes: u64,
    /// How long filling took.
    #[serde(rename = "filled_ms", serialize_with = "as_millis")]
    pub filled: Duration,
    /// How long reading both sides again took.
    #[serde(rename = "compared_ms", serialize_with = "as_millis")]
    pub compared: Duration,
}

/// A table that was copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CopiedTable {
    /// Its name.
    pub name: String,
    /// How many rows it has, on both sides.
    pub rows: u64,
    /// About how many bytes they are.
    pub bytes: u64,
    /// A hash over the rows, on both sides, whatever their order and whatever the engine.
    pub hash: String,
    /// How long filling it took.
    #[serde(rename = "filled_ms", serialize_with = "as_millis")]
    pub filled: Duration,
}

impl Report {
    /// How many rows were filled in a second.
    pub fn rate(&self) -> u64 {
        rate(self.rows, self.filled)
    }
}

/// How many in a second.
pub(super) fn rate(rows: u64, took: Duration) -> u64 {
    let micros = took.as_micros().max(1);
    u64::try_from(u128::from(rows) * 1_000_000 / micros).unwrap_or(u64::MAX)
}

fn as_millis<S: serde::Serializer>(
    duration: &Duration,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_a_second_and_nothing_takes_no_time() {
        assert_eq!(rate(500, Duration::from_millis(250)), 2000);
        assert_eq!(rate(0, Duration::ZERO), 0);
    }
}
