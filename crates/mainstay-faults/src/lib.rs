//! Breaks real databases under load and compares what callers were told with what is stored.
//!
//! [`main`] is the whole program, with Mainstay as the layer that is tested and any further
//! [`Layer`] beside it. A layer opens a [`Client`] on a [`Target`]: a database in which the tables of
//! the load are. Everything else, from the load to the verdict, is the same for all of them.
//!
//! - `program`: the command line, all engines and all layers; `command`: what its two commands share
//! - `faults`: what is done, and the table of it
//! - `course`: one fault from its first call to its verdict; `stage`: what it is played on;
//!   `findings`: what it showed
//! - `load`: the workers; `client`: what they call; `layer`: Mainstay as that
//! - `ledger`: what callers were told; `heard`: that of another process; `verdict`: that compared
//!   with the database; `recovery`: when everything worked again. All three are pure.
//! - `soak`: a normal load for half an hour, held against service levels
//! - `place`: the database, made and read past the layer; `disk`: a disk that can be filled
//! - `model`: the tables; `rng`: repeatable randomness
//! - `report`: the results as a table, as Markdown, as JSON; `comparison`: the page with other layers

mod client;
mod command;
mod comparison;
mod course;
mod disk;
mod faults;
mod findings;
mod heard;
mod layer;
mod ledger;
mod load;
mod model;
mod place;
mod program;
mod recovery;
mod report;
mod rng;
mod soak;
mod stage;
mod verdict;

pub use mainstay_testkit::Engine;

pub use client::{Call, Client, Failure, Handling, Held, Layer, Limits, Target, Transfer};
pub use ledger::Told;
pub use program::main;
