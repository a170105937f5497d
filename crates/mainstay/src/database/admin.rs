//! Whole databases: making and dropping them.

pub use crate::driver::connect::{create_if_missing, drop_if_exists};
