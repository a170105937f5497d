//! What is refused, with which code, status, field and message, on every engine.
//!
//! - [`input`]: input that breaks a rule
//! - [`rows`]: input that does not go with the rows there are
//! - [`requests`]: requests that are odd before any rule is asked

mod input;
mod requests;
mod rows;

/// The key of no row.
const NOBODY: &str = "01890000-0000-7000-8000-000000000000";
