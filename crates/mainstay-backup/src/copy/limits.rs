//! How long a copy may take.

use std::time::Duration;

/// No limit that a copy could meet: how long it takes is for its caller to judge.
pub(super) const AS_LONG_AS_IT_TAKES: Duration = Duration::from_secs(30 * 24 * 60 * 60);
