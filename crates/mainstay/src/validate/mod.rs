//! Sanitising and validating input, before any database work.
//!
//! - [`text`]: the normal forms of text
//! - [`rules`]: the rules of a column, and what makes an e-mail address
//! - [`prepare`](mod@prepare): all of it for the assignments of a write; values used in filters
//! - [`input`]: checks for input that is not a column (query parameters, passwords)
//! - [`json`]: JSON into values and structs, with problems on their fields
//!
//! All problems of an input are reported at once, as one `VALIDATION_ERROR`.

pub mod input;
pub mod json;
pub mod prepare;
pub mod rules;
pub mod text;

pub use input::{LengthMessages, require_length, require_one_of, require_range};
pub use json::{from_json, from_json_partial, parse_json};
pub use prepare::{filter_value, in_column_order, prepare, prepare_insert};
pub use rules::is_email;
pub use text::sanitise;

#[cfg(test)]
mod tests;
