//! The engines' own programs: found, checked and run.
//!
//! - `find`: where a program is, the newest that fits, and what to install when there is none
//! - `version`: what a program says its version is; pure
//! - `launch`: how one is started: arguments, environment, what must not be shown
//! - `running`: one that runs, with its pipes; it ends with its owner
//! - `stderr`: what it complains about, bounded and with secrets taken out

mod find;
mod launch;
mod running;
mod stderr;
mod version;

#[cfg(test)]
mod tests;

pub(crate) use find::{Found, Places, Program, versioned};
pub(crate) use launch::{Launch, Pipe};
pub(crate) use running::Running;
pub(crate) use version::Version;
