//! `cargo xtask soak`: a normal load for half an hour, held against service levels.
//!
//! The work is done by the program of `crates/mainstay-faults/`. It takes our place, so that Ctrl-C
//! reaches nobody but it: it ends with what was measured so far.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::engine::Engine;
use crate::faults;
use crate::process::root;

/// The tables in the documentation.
const DOCS: &str = "docs/service-levels.md";

#[derive(Args)]
pub(crate) struct SoakArguments {
    /// How long, in minutes
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// Only this engine (may be repeated)
    #[arg(long, value_enum)]
    engine: Vec<Engine>,
    /// Calls a second on each engine, unless the load's own number is wanted
    #[arg(long)]
    rate: Option<u32>,
    /// The randomness of an earlier run, which prints it
    #[arg(long)]
    seed: Option<u64>,
    /// Write what was measured to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the tables to docs/service-levels.md
    #[arg(long, conflicts_with = "engine")]
    write_docs: bool,
}

impl SoakArguments {
    /// For the program.
    fn forward(&self, command: &mut Command) {
        command.args(["soak", "--minutes", &self.minutes.to_string()]);
        for engine in &self.engine {
            command.args(["--engine", engine.name()]);
        }
        if let Some(rate) = self.rate {
            command.args(["--rate", &rate.to_string()]);
        }
        if let Some(seed) = self.seed {
            command.args(["--seed", &seed.to_string()]);
        }
        if let Some(file) = &self.json {
            command.arg("--json").arg(file);
        }
        if self.write_docs {
            command.arg("--docs").arg(root().join(DOCS));
        }
    }
}

/// `cargo xtask soak`. Returns only when it cannot be started.
pub(crate) fn run(arguments: &SoakArguments) -> Result<(), String> {
    let mut command = faults::program(&arguments.engine)?;
    arguments.forward(&mut command);
    println!("==> soak");
    Err(format!("the soak cannot be started: {}", command.exec()))
}
