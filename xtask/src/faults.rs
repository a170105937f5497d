//! `cargo xtask faults`: databases broken under load.
//!
//! The work is done by the program of `crates/mainstay-faults/`, which starts private servers,
//! removes them, and compares what callers were told with what is stored. It ends with an error
//! when something must be 0 and is not. With `--baselines` it is the program of `bench/faults/`, which
//! runs plain libraries beside Mainstay.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::engine::Engine;
use crate::process::{self, cargo, root, step};
use crate::test;

/// The table in the documentation.
const DOCS: &str = "docs/fault-matrix.md";

/// The table of Mainstay beside plain libraries.
const BASELINE_DOCS: &str = "docs/fault-baselines.md";

/// What builds the program with plain libraries, in a workspace of its own.
const BASELINES: &str = "bench/faults/Cargo.toml";

#[derive(Args)]
pub(crate) struct FaultArguments {
    /// Only this engine (may be repeated)
    #[arg(long, value_enum)]
    engine: Vec<Engine>,
    /// Only this fault, such as `kill` or `lost-commit` (may be repeated)
    #[arg(long, value_name = "NAME")]
    fault: Vec<String>,
    /// Short faults: all engines in about seven minutes
    #[arg(long)]
    quick: bool,
    /// The randomness of an earlier run, which prints it
    #[arg(long)]
    seed: Option<u64>,
    /// Write the results to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write every call of every run into this folder, a line of JSON each
    #[arg(long, value_name = "FOLDER")]
    ledgers: Option<PathBuf>,
    /// Beside Mainstay also plain sqlx, and deadpool with tokio-postgres
    #[arg(long)]
    baselines: bool,
    /// Write the table to docs/fault-matrix.md, or with --baselines to docs/fault-baselines.md
    #[arg(long, conflicts_with_all = ["engine", "fault"])]
    write_docs: bool,
}

impl FaultArguments {
    /// For the program.
    fn forward(&self, command: &mut Command) {
        for engine in &self.engine {
            command.args(["--engine", engine.name()]);
        }
        for fault in &self.fault {
            command.args(["--fault", fault]);
        }
        if self.quick {
            command.arg("--quick");
        }
        if let Some(seed) = self.seed {
            command.args(["--seed", &seed.to_string()]);
        }
        if let Some(file) = &self.json {
            command.arg("--json").arg(file);
        }
        if let Some(folder) = &self.ledgers {
            command.arg("--ledgers").arg(folder);
        }
        if self.write_docs {
            let docs = if self.baselines { BASELINE_DOCS } else { DOCS };
            command.arg("--markdown").arg(root().join(docs));
        }
    }
}

/// `cargo xtask faults`.
pub(crate) fn run(arguments: &FaultArguments) -> Result<(), String> {
    let mut command = program(&arguments.engine)?;
    if arguments.baselines {
        command = baselines()?;
    }
    arguments.forward(&mut command);
    step("faults", || process::run(&mut command))
}

/// The program, built, with what it needs for these engines, or all when none are named.
pub(crate) fn program(engines: &[Engine]) -> Result<Command, String> {
    step("build", || {
        let packages = ["-p", "mainstay-faults", "-p", "mainstay-testkit", "--bins"];
        process::run(cargo(["build"]).args(packages))
    })?;
    let servers: Vec<Engine> = [Engine::Postgres, Engine::Mysql]
        .into_iter()
        .filter(|engine| engines.is_empty() || engines.contains(engine))
        .collect();
    // What stays missing is reported by the program.
    test::provide_programs(&servers)?;
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    // Both are built into the same folder.
    Ok(Command::new(own.with_file_name("mainstay-faults")))
}

/// The program with plain libraries beside Mainstay, built.
fn baselines() -> Result<Command, String> {
    step(
        "build with plain libraries, which takes minutes at first",
        || {
            process::run(&mut cargo([
                "build",
                "--locked",
                "--manifest-path",
                BASELINES,
            ]))
        },
    )?;
    let built = "bench/faults/target/debug/fault-baselines";
    Ok(Command::new(root().join(built)))
}
