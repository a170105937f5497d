//! What one statement costs in Mainstay itself: instructions counted by valgrind, over a driver
//! without an engine. Unlike times, they are the same on a busy machine.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::results::Results;
use crate::process::{self, cargo, works};

/// Counted twice, so that what happens once falls out.
const FEW: u64 = 5_000;
const MANY: u64 = 25_000;

/// For the time, which is taken without valgrind.
const TIMED: u64 = 500_000;

/// Builds the program in `bench/line` and counts.
pub(super) fn measure(results: &mut Results) -> Result<(), String> {
    let manifest = "bench/line/Cargo.toml";
    let mut build = cargo(["build", "--release", "--manifest-path", manifest]);
    process::run(build.args(["--target-dir", "bench/target/line"]))?;
    let program = process::root().join("bench/target/line/release/line-cost");
    let mut tell = |label: &str, value: f64, unit: &str| {
        let line = json!({
            "engine": "none", "workload": "line", "label": label, "value": value, "unit": unit,
        });
        results.add(&line.to_string())
    };
    let whole = nanoseconds(&program, "repository")?;
    let driver = nanoseconds(&program, "driver")?;
    tell("find_by_id without its driver", whole - driver, "ns")?;
    if !works(Command::new("valgrind").arg("--version")) {
        println!("    instructions are not counted: valgrind is not installed");
        return Ok(());
    }
    let whole = instructions(&program, "repository")?;
    let driver = instructions(&program, "driver")?;
    tell("find_by_id", whole, "instructions")?;
    tell("the bare driver's part", driver, "instructions")?;
    tell("the whole line's own", whole - driver, "instructions")
}

fn nanoseconds(program: &Path, what: &str) -> Result<f64, String> {
    let mut command = Command::new(program);
    let text = output(command.args([what, &TIMED.to_string()]))?;
    let number = text.split_whitespace().next().and_then(|n| n.parse().ok());
    number.ok_or_else(|| format!("line-cost printed '{}'", text.trim()))
}

/// Instructions for one operation.
fn instructions(program: &Path, what: &str) -> Result<f64, String> {
    let few = collected(program, what, FEW)?;
    let many = collected(program, what, MANY)?;
    Ok((many - few) / (MANY - FEW) as f64)
}

fn collected(program: &Path, what: &str, count: u64) -> Result<f64, String> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    let text = output(command.arg(program).args([what, &count.to_string()]))?;
    let line = text.lines().find_map(|line| line.split_once("Collected :"));
    let number = line.and_then(|(_, number)| number.trim().parse().ok());
    number.ok_or_else(|| "valgrind did not say how many instructions it counted".to_owned())
}

/// What a command prints on both outputs, once it has succeeded.
fn output(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| format!("{} cannot be run: {error}", command.get_program().display()))?;
    process::succeeded(output.status)?;
    let both = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&both).into_owned())
}
