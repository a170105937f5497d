//! Developer commands of this repository: `cargo xtask test` and `cargo xtask ci`.
//!
//! - `test`: builds and runs every test on every engine.
//! - `ci`: what continuous integration runs: style, lints, documentation, licences, then `test`.
//! - `packages`: installs the database servers the tests start.
//! - `servers`: the private servers of a test run, held by the binary `mainstay-testserver`.
//! - `summary`: counts from the test runners' output.
//! - `process`: running commands and timing them.

mod ci;
mod packages;
mod process;
mod servers;
mod summary;
mod test;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::test::Engine;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer commands of this repository")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every test on every engine
    ///
    /// Installs PostgreSQL and MariaDB where it may (as root on Debian and its relatives) and
    /// otherwise says what to install. Engines without a server are skipped, except with CI=true in
    /// the environment.
    Test(TestArguments),
    /// Check style, lints, documentation and licences, then run every test
    Ci,
}

#[derive(Args)]
struct TestArguments {
    /// Only this engine (may be repeated)
    #[arg(long, value_enum)]
    engine: Vec<Engine>,
    /// Passed on to cargo nextest, or to cargo test where nextest is not installed: a filter, mostly
    #[arg(last = true)]
    runner: Vec<String>,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Task::Test(arguments) => test::run(&arguments.engine, &arguments.runner),
        Task::Ci => ci::run(),
    };
    for problem in &outcome.problems {
        println!("FAILED: {problem}");
    }
    // The last line, always, and always in this form: scripts read it.
    println!("{}", outcome.counts);
    if outcome.problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
