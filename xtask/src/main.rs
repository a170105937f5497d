//! Developer commands of this repository: `cargo xtask test`, `cargo xtask ci`,
//! `cargo xtask bench`, `cargo xtask faults`, `cargo xtask soak`.
//!
//! - `test`: builds and runs every test on every engine.
//! - `ci`: what continuous integration runs: style, lints, documentation, licences, then `test`,
//!   the faults in short and a minute of the soak.
//! - `bench`: Mainstay measured beside other libraries.
//! - `faults`: databases broken under load, and what callers were told compared with what is stored.
//! - `soak`: a normal load for half an hour, held against service levels.
//! - `engine`: what the tests run on.
//! - `packages`: installs the database servers the tests start.
//! - `servers`: the private servers of a test run, held by the binary `mainstay-testserver`.
//! - `summary`: counts from the test runners' output.
//! - `process`: running commands and timing them.

mod bench;
mod ci;
mod engine;
mod faults;
mod migrations;
mod packages;
mod process;
mod servers;
mod soak;
mod summary;
mod test;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::bench::BenchArguments;
use crate::engine::Engine;
use crate::faults::FaultArguments;
use crate::soak::SoakArguments;

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
    /// Look over questlog's migrations, apply them, and compare entities, migrations and database, by
    /// questlog's own commands on private servers of every engine
    ///
    /// Ends with an error when lint finds something, or when the three differ.
    Migrations,
    /// Check style, lints, documentation and licences, run every test, look over and check
    /// questlog's migrations on every engine, break databases for a few
    /// minutes, and hold a minute of normal load against service levels
    Ci,
    /// Measure Mainstay side by side with the raw drivers, sqlx, SeaORM and Diesel
    ///
    /// Starts private servers with durable commits, prints a table per engine and workload, and at
    /// the end what was to be reached. Measure on a machine that does nothing else.
    Bench(BenchArguments),
    /// Break databases under load and compare what callers were told with what is stored
    ///
    /// Ends with an error when something must be 0 and is not: acknowledged but missing, reported
    /// failed but present, duplicates, leaked connections, hung callers.
    Faults(FaultArguments),
    /// Hold a normal load of half an hour, with one restart of the server inside, against service
    /// levels
    ///
    /// Ends with an error and a list when a level is not met. Ctrl-C ends it with what was measured
    /// so far.
    Soak(SoakArguments),
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
        Task::Migrations => return alone(migrations::alone()),
        Task::Bench(arguments) => return alone(bench::run(&arguments)),
        Task::Faults(arguments) => return alone(faults::run(&arguments)),
        Task::Soak(arguments) => return alone(soak::run(&arguments)),
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

/// How a command ends that has no counts of tests.
fn alone(done: Result<(), String>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("FAILED: {problem}");
            ExitCode::FAILURE
        }
    }
}
