//! The fault suite of `crates/mainstay-faults/`, pointed at plain libraries beside Mainstay. Run by
//! `cargo xtask faults --baselines`.
//!
//! - `told`: what an error of theirs means to a careful caller
//! - `sqlx`: pools of sqlx, a file per engine
//! - `deadpool`: tokio-postgres in a pool of deadpool

mod deadpool;
mod sqlx;
mod told;

use std::process::ExitCode;

fn main() -> ExitCode {
    mainstay_faults::main(&[&sqlx::Plain, &deadpool::Plain])
}
