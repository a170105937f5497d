//! The tables of questlog.
//!
//! - [`user`], [`module`], [`goal`], [`progress`]: one entity each
//! - [`words`]: the enums they use
//!
//! Everything said about a column (type, length, message, constraint) is said here once: the
//! migrations are checked against it, and input is validated by it.

pub mod goal;
pub mod module;
pub mod progress;
pub mod user;
pub mod words;

pub use goal::Goal;
pub use module::Module;
pub use progress::Progress;
pub use user::User;
pub use words::{Difficulty, Priority, Status};

use mainstay::Schema;

/// All tables, in an order in which they can be created.
pub fn schema() -> Schema {
    Schema::new()
        .with::<User>()
        .with::<Module>()
        .with::<Goal>()
        .with::<Progress>()
}
