//! Throw-away databases: to see what entities or migrations make, without touching anything.
//!
//! - [`place`](Place): where they are made, and what was left over by programs that were killed
//! - `made`: one of them, and how it goes again
//! - `name`: their names, which say whose they are and how old; pure
//!
//! A scratch database stands beside the one that is looked at: on SQLite a file in the folder for
//! temporary files, else a new database on the same server. Where the user may not make databases,
//! an empty one can be given instead; it is empty again afterwards.

mod made;
mod name;
mod place;

pub use made::Scratch;
pub use place::{LeftOver, Place};
