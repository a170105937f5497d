//! The operations of a Mainstay application as commands of its own binary.
//!
//! An application implements [`Application`] and calls [`main`]; its binary then has `serve`,
//! `setup`, `seed`, `reset`, `config`, `migrate`, `schema`, `copy` and `status`, each with help, `--json`
//! where a script would read it, and the exit codes of [`Exit`].
//!
//! - [`application`]: what an application provides, and what its `serve` is given
//! - `args`: the command line
//! - `run`: from the command line to an exit code
//! - [`exit`]: the exit codes, and errors as they are printed
//! - `context`: what every command works with
//! - [`terminal`]: where output goes, and questions
//! - `output`: tables, pairs and JSON as text
//! - `progress`: what a run of migrations is doing; `copying`: how far a copy is
//! - `logging`: what is logged, to the error stream
//! - [`readiness`]: whether the database has been found set up
//! - `signals`: Ctrl-C and SIGTERM
//! - `commands`: one file per command
//! - [`mod@tool`]: those that need no application's code, which are the binary `mainstay`

pub mod application;
mod args;
mod commands;
mod context;
mod copying;
pub mod exit;
mod logging;
mod output;
mod progress;
pub mod readiness;
mod run;
mod signals;
pub mod terminal;
pub mod tool;

pub use application::{Application, ServeContext};
pub use exit::Exit;
pub use readiness::Readiness;
pub use run::{main, run};
pub use signals::Shutdown;
pub use terminal::Terminal;
