//! Two catalogs compared, the differences in words, and the SQL that removes them. Pure.
//!
//! - `compare`: every difference, as data; [`mod@change`]: one of them, and how it is put in words
//! - `pairs`: which object of one catalog is which of the other; `text`: definitions for people
//! - `renames`: what was renamed is told by the caller; what could have been is offered
//! - `draft`: the statements that turn one database into the other, and their text
//!
//! How a draft is made:
//! - `work`: what is to be done, table by table
//! - `plan`: in which order, for all engines alike; `views`: which of them go and come back
//! - `engine`: what each does in its own way, in the files `sqlite`, `postgres` and `mysql`;
//!   `server`: what the latter two share; `rebuild`: SQLite's tables built anew; `others`:
//!   PostgreSQL's objects beside tables; `settings`: its options and comments
//! - `types`: whether a type keeps every value of another; `words`: names in SQL texts

pub mod change;
mod compare;
mod draft;
mod engine;
mod mysql;
mod others;
mod pairs;
mod plan;
mod postgres;
mod rebuild;
mod renames;
mod server;
mod settings;
mod sqlite;
#[cfg(test)]
pub(crate) mod testing;
mod text;
mod types;
mod views;
mod words;
mod work;

pub use change::{Change, Object, Property, describe};
pub use compare::{compare, compare_order};
pub use draft::{Draft, Step, draft, draft_back};
pub use renames::{Candidate, Renames, candidates};
pub(crate) use words::mentions;
