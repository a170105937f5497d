//! Drafts for SQLite.
//!
//! - `engine`: tables, and how they are altered; `rebuild`: tables built anew
//! - `names`: names in quotes

mod engine;
mod names;
mod rebuild;

pub(super) use engine::Sqlite;
