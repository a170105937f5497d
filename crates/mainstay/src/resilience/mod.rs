//! Policies that survive faults: pure, without I/O and without knowledge of SQL.
//!
//! - [`backoff`]: how long to wait before trying again

pub mod backoff;
