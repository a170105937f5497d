//! A migration and the set of them: static data of a program, or read from a folder.
//!
//! - `text`: its texts, by way and dialect; `name`: what versions and names look like
//! - `single`: one migration; `stored`: one that owns its texts
//! - `set`: all of an application

mod name;
mod set;
mod single;
mod stored;
mod text;

pub use set::MigrationSet;
pub use single::{Migration, MigrationRef};
pub use text::{Direction, PerDialect, Texts};

pub(crate) use name::{is_name, is_version};
pub(crate) use stored::{ByDialect, Stored};
