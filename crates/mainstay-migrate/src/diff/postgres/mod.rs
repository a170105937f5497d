//! Drafts for PostgreSQL.
//!
//! - `engine`: tables; `others`: the objects beside them; `settings`: options and comments
//! - `names`: names in quotes

mod engine;
mod names;
mod others;
mod settings;

pub(super) use engine::Postgres;
