//! `cargo xtask bench`: Mainstay side by side with the raw drivers, sqlx, SeaORM and Diesel.
//!
//! The measuring is done by the program in `bench/`, a workspace of its own, which starts private
//! servers, removes them, and prints a line of JSON per result. Here is what surrounds it.
//!
//! - `mod.rs`: the command line, building and running
//! - `subjects`: who and what is measured, and on which engines
//! - `results`: what was measured, as structs and as a file
//! - `machine`: on what
//! - `line`: what one statement costs in Mainstay itself
//! - `tables`: results as tables, for a terminal and for Markdown
//! - `targets`: the ratios to reach
//! - `chart`: results as a picture
//! - `docs`: results in `docs/performance.md`
//! - `files`: writing files

mod chart;
mod docs;
mod files;
mod line;
mod machine;
mod results;
mod subjects;
mod tables;
mod targets;
#[cfg(test)]
mod tests;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::process::{self, cargo, step};
use files::{writable, write};
use results::Results;
use subjects::{CANDIDATES, COMPARED, EXTRA, Engine, LINE};

#[derive(Args)]
pub(crate) struct BenchArguments {
    /// Short rounds and two of each, at 1 and 64 tasks: under five minutes, for a first look
    #[arg(long)]
    quick: bool,
    /// Only this engine (may be repeated)
    #[arg(long, value_enum)]
    engine: Vec<Engine>,
    /// Only this workload (may be repeated)
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(COMPARED.iter().chain(&EXTRA)))]
    workload: Vec<String>,
    /// Only this candidate and Mainstay (may be repeated)
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(CANDIDATES))]
    candidate: Vec<String>,
    /// Numbers of concurrent tasks, such as 1,16,64
    #[arg(long, value_name = "COUNT", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=1024))]
    tasks: Vec<u32>,
    /// How often everything is repeated
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100))]
    repetitions: Option<u32>,
    /// How long one round counts, in milliseconds
    #[arg(long, value_name = "TIME", value_parser = clap::value_parser!(u32).range(10..=60_000))]
    millis: Option<u32>,
    /// Write everything measured to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write results.json, results.txt and results.svg into this folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Measure nothing: take the results of an earlier run from this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["quick", "engine", "workload", "candidate", "tasks", "repetitions", "millis"])]
    from: Option<PathBuf>,
    /// Put the results into docs/performance.md and docs/performance.svg
    #[arg(long)]
    write_docs: bool,
}

/// `cargo xtask bench`.
pub(crate) fn run(arguments: &BenchArguments) -> Result<(), String> {
    // Before an hour of measuring, not after it.
    for file in arguments.json.iter().chain(&arguments.out) {
        writable(file)?;
    }
    let (results, problem) = match &arguments.from {
        Some(file) => (Results::read(file)?, None),
        None => measure(arguments)?,
    };
    let text = tables::text(&results);
    println!("{text}");
    println!("{}", targets::text(&results));
    if let Some(file) = &arguments.json {
        results.write(file)?;
    }
    if let Some(folder) = &arguments.out {
        results.write(&folder.join("results.json"))?;
        write(
            &folder.join("results.txt"),
            &format!("{text}\n{}", targets::text(&results)),
        )?;
        write(&folder.join("results.svg"), &chart::svg(&results))?;
    }
    if let Some(problem) = problem {
        return Err(format!("{problem}; what was measured before is above"));
    }
    if arguments.write_docs {
        docs::update(&results)?;
    }
    Ok(())
}

/// Builds and runs the measuring program. When it fails, what it measured before is kept.
fn measure(arguments: &BenchArguments) -> Result<(Results, Option<String>), String> {
    let mut results = Results::new(machine::describe());
    let wanted = |name: &str| arguments.workload.iter().any(|workload| workload == name);
    if wanted(LINE) || (arguments.workload.is_empty() && !arguments.quick) {
        step("count the cost of the line", || line::measure(&mut results))?;
        if arguments.workload.iter().all(|workload| workload == LINE) && wanted(LINE) {
            return Ok((results, None));
        }
    }
    let manifest = "bench/Cargo.toml";
    step("build the benchmark (some minutes the first time)", || {
        let mut build = cargo(["build", "--release", "--manifest-path", manifest]);
        // What cargo says about xtask is not about the benchmark: with it some build scripts would
        // run again, and again when the benchmark is built by hand.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                build.env_remove(&name);
            }
        }
        process::run(build.args(["--target-dir", "bench/target"]))
    })?;
    let program = process::root().join("bench/target/release/mainstay-bench");
    let mut command = Command::new(program);
    command.args(worker_arguments(arguments));
    let outcome = step("measure", || {
        let mut child = command
            // It ends when this end of its input is closed, however we end.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the benchmark cannot be started: {error}"))?;
        let output = child.stdout.take();
        for line in output
            .into_iter()
            .flat_map(|pipe| BufReader::new(pipe).lines())
        {
            results.add(&line.map_err(|error| error.to_string())?)?;
        }
        let status = child.wait().map_err(|error| error.to_string())?;
        process::succeeded(status)
    });
    Ok((results, outcome.err()))
}

fn worker_arguments(arguments: &BenchArguments) -> Vec<String> {
    let mut list = Vec::new();
    let mut push = |name: &str, value: String| list.extend([format!("--{name}"), value]);
    for engine in Engine::ALL {
        if arguments.engine.is_empty() || arguments.engine.contains(&engine) {
            push("engine", engine.name().to_owned());
        }
    }
    let quick = arguments.quick;
    for workload in COMPARED.iter().chain(&EXTRA) {
        let wanted = match arguments.workload.is_empty() {
            // The extra ones fill large tables, which is not quick.
            true => !(quick && EXTRA.contains(workload)),
            false => arguments.workload.iter().any(|name| name == workload),
        };
        if wanted && *workload != LINE {
            push("workload", (*workload).to_owned());
        }
    }
    for candidate in CANDIDATES {
        let asked = arguments.candidate.iter().any(|name| name == candidate);
        if arguments.candidate.is_empty() || asked || candidate == "mainstay" {
            push("candidate", candidate.to_owned());
        }
    }
    let tasks = match (arguments.tasks.is_empty(), quick) {
        (true, true) => vec![1, 64],
        (true, false) => vec![1, 16, 64],
        (false, _) => arguments.tasks.clone(),
    };
    for count in tasks {
        push("tasks", count.to_string());
    }
    let (repetitions, millis) = if quick { (2, 150) } else { (5, 1000) };
    push(
        "repetitions",
        arguments.repetitions.unwrap_or(repetitions).to_string(),
    );
    push("millis", arguments.millis.unwrap_or(millis).to_string());
    list
}
