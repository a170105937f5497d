//! A normal load for half an hour with one restart of the server inside, held against service levels.
//!
//! The load runs in a process of its own, as an application would: its memory and file descriptors
//! are its own, and it says aloud what it begins and what it was told.
//!
//! - `mod.rs`: all engines, from start to report
//! - `child`: the process with the load; `process`: what the system says of it
//! - `plan`: how long and how fast; `engine`: one engine, from its start to what was measured
//! - `levels`: what was measured against what is to be. Pure.
//! - `page`: the results as JSON and in the documentation

pub(crate) mod child;
mod engine;
mod levels;
mod page;
mod plan;
mod process;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use mainstay_testkit::Engine;
use mainstay_testkit::servers::installed;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::command::{self, EngineName, random_seed};
use crate::soak::levels::Measured;
use crate::soak::plan::Plan;

/// The command that makes this program run a soak.
#[derive(Debug, Args)]
pub(crate) struct SoakArguments {
    /// How long, in minutes
    #[arg(long, default_value_t = 30.0, value_parser = minutes)]
    minutes: f64,
    /// Only this engine (may be repeated)
    #[arg(long, value_enum)]
    engine: Vec<EngineName>,
    /// Calls a second on each engine
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// The randomness of an earlier run
    #[arg(long)]
    seed: Option<u64>,
    /// Write what was measured to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the tables between the marks of this page
    #[arg(long, value_name = "FILE")]
    docs: Option<PathBuf>,
}

/// Six seconds at least: the server has to come back, and what comes after its return is counted.
fn minutes(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(minutes) if (0.1..=100_000.0).contains(&minutes) => Ok(minutes),
        _ => Err("not a number from 0.1 to 100000".to_owned()),
    }
}

/// Whether every level is met.
pub(crate) async fn run(arguments: &SoakArguments) -> Result<bool, String> {
    for file in arguments.json.iter().chain(&arguments.docs) {
        command::check_writable(file)?;
    }
    let plan = Plan {
        length: Duration::from_secs_f64(arguments.minutes * 60.0),
        rate: arguments.rate,
        seed: arguments.seed.unwrap_or_else(random_seed),
    };
    println!(
        "{:.1} minutes at {} calls a second on each engine, seed {}; Ctrl-C ends it with what was measured",
        arguments.minutes, plan.rate, plan.seed
    );
    let (stop, stopped) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut tasks = JoinSet::new();
    for engine in Engine::ALL {
        let names = &arguments.engine;
        if names.is_empty() || names.iter().any(|name| name.engine() == engine) {
            tasks.spawn(one(engine, plan, stopped.clone()));
        }
    }
    let (mut soaks, mut problems) = (Vec::new(), Vec::new());
    loop {
        tokio::select! {
            done = tasks.join_next() => match done.map(|done| done.map_err(|error| error.to_string())) {
                Some(Ok(Ok(soak))) => soaks.extend(soak),
                // The others go on: what they measure took as long.
                Some(Ok(Err(problem)) | Err(problem)) => {
                    println!("{problem}");
                    problems.push(problem);
                }
                None => break,
            },
            _ = tokio::signal::ctrl_c() => end(&stop),
            _ = terminate.recv() => end(&stop),
        }
    }
    soaks.sort_by_key(|soak: &Measured| order(&soak.engine));
    println!("\n{}", page::text(&soaks));
    if let Some(file) = &arguments.json {
        command::write(file, &page::json(&soaks)?)?;
    }
    // A page without one of its engines would look as if there were none.
    if let Some(file) = &arguments.docs
        && problems.is_empty()
    {
        let old = std::fs::read_to_string(file)
            .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
        command::write(file, &page::replaced(&old, &soaks)?)?;
    }
    let missed: Vec<String> = soaks.iter().flat_map(Measured::missed).collect();
    for line in &missed {
        println!("not met: {line}");
    }
    println!("{} engines, {} levels not met", soaks.len(), missed.len());
    if !problems.is_empty() {
        return Err(problems.join("; "));
    }
    Ok(missed.is_empty() && !soaks.is_empty())
}

fn end(stop: &watch::Sender<bool>) {
    println!("ending");
    stop.send_replace(true);
}

fn order(name: &str) -> Option<usize> {
    Engine::ALL
        .iter()
        .position(|engine| engine.to_string() == name)
}

/// One engine; nothing where its server is not installed.
async fn one(
    engine: Engine,
    plan: Plan,
    stopped: watch::Receiver<bool>,
) -> Result<Option<Measured>, String> {
    if let Some(kind) = engine.server()
        && let Err(missing) = installed(kind)
    {
        let reason = missing.to_string();
        if std::env::var("CI").is_ok_and(|value| value == "true" || value == "1") {
            return Err(reason);
        }
        println!("[{engine}] NOT RUN: {reason}");
        return Ok(None);
    }
    let done = engine::run(engine, plan, stopped).await;
    done.map(Some)
        .map_err(|problem| format!("{engine}: {problem}"))
}
