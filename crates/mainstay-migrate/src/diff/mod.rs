//! Two catalogs compared, the differences in words, and the SQL that removes them. Pure.
//!
//! - `compare`: every difference, as data; [`mod@change`]: one of them, and how it is put in words
//! - `pairs`: which object of one catalog is which of the other; `text`: definitions for people
//! - `renames`: what was renamed is told by the caller; what could have been is offered
//! - `draft`: the statements that turn one database into the other, and their text; `drafting`: the
//!   way there and the way back
//!
//! How a draft is made:
//! - `work`: what is to be done, table by table
//! - `plan`: steps, and the phases they run in; `build`: what comes in which, for all engines alike;
//!   `order`: which table comes first; `views`: which views go and come back
//! - `engine`: what each engine does in its own way; `engines`: which does it how, in `sqlite`,
//!   `postgres` and `mysql`; `server`: what the latter two share
//! - `reason`: why a step is destructive
//! - `types`: whether a type keeps every value of another; `words`: names in SQL texts

mod build;
pub mod change;
mod compare;
mod draft;
mod drafting;
mod engine;
mod engines;
mod mysql;
mod order;
mod pairs;
mod plan;
mod postgres;
mod reason;
mod renames;
mod server;
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
pub use draft::{Draft, Step};
pub use drafting::{draft, draft_back};
pub use renames::{Candidate, Renames, candidates};
pub(crate) use words::mentions;
