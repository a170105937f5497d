//! What was done.

use std::time::Duration;

use serde::Serialize;

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The migrations undone by this call, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undone: Vec<Applied>,
    /// The migrations applied by this call, in order.
    pub applied: Vec<Applied>,
    /// How many others are applied: before this call, or by another instance meanwhile.
    pub already: usize,
}

/// A migration that was applied, or undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Its version.
    pub version: String,
    /// Its name.
    pub name: String,
    /// How long it took.
    #[serde(rename = "duration_ms", serialize_with = "as_millis")]
    pub duration: Duration,
}

fn as_millis<S: serde::Serializer>(
    duration: &Duration,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_u64(millis(*duration))
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
