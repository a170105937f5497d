//! Policies that survive faults: pure, without I/O and without knowledge of SQL. Time and
//! randomness are parameters.
//!
//! - [`retry`]: what may be tried again, how often and how soon
//! - [`backoff`]: how long to wait before trying again
//! - [`budget`]: how much may be tried again in all
//! - [`breaker`]: stops asking what does not answer, and starts again slowly
//! - [`write_stop`]: refuses writes while the database takes none
//! - [`shedding`]: when a queue sheds callers instead of keeping them waiting
//! - [`last_known`]: answers to fall back on while there are no fresh ones
//! - `window`: counters over the last stretch of time

pub mod backoff;
pub mod breaker;
pub mod budget;
pub mod last_known;
pub mod retry;
pub mod shedding;
mod window;
pub mod write_stop;
