//! The command line: one engine after another, on each one fault after another, with one layer after
//! another.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};
use mainstay_testkit::Engine;
use mainstay_testkit::servers::installed;
use tokio::signal::unix::{SignalKind, signal};

use crate::client::Layer;
use crate::command::{EngineName, check_writable, make_folder, random_seed, write};
use crate::comparison;
use crate::course;
use crate::disk::SmallDisk;
use crate::faults::{self, FAULTS, Fault, Needs};
use crate::layer::{MAINSTAY, MainstayLayer};
use crate::place::Host;
use crate::report::{Report, Row};
use crate::soak::{self, SoakArguments};
use crate::stage::Run;

#[derive(Debug, Parser)]
#[command(
    about = "Breaks databases under load and compares what callers were told with what is stored"
)]
struct Arguments {
    #[command(subcommand)]
    helper: Option<Helper>,
    /// Only this engine (may be repeated)
    #[arg(long, value_enum)]
    engine: Vec<EngineName>,
    /// Only this fault (may be repeated)
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(FAULTS.iter().map(|fault| fault.name)))]
    fault: Vec<String>,
    /// Only this layer, where there are several (may be repeated)
    #[arg(long, value_name = "NAME")]
    client: Vec<String>,
    /// Short faults
    #[arg(long)]
    quick: bool,
    /// The randomness of an earlier run
    #[arg(long)]
    seed: Option<u64>,
    /// Write the results to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write every call of every run into this folder, a line of JSON each; it is made if need be
    #[arg(long, value_name = "FOLDER")]
    ledgers: Option<PathBuf>,
    /// Write the results to this file, as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// What else the program does, mostly when it has started itself once more.
#[derive(Debug, Subcommand)]
enum Helper {
    #[command(name = faults::file::HOLD_LOCK, hide = true)]
    HoldLock { path: PathBuf },
    #[command(name = faults::killed::LOAD, hide = true)]
    Load {
        layer: String,
        path: PathBuf,
        seed: u64,
    },
    #[command(name = soak::child::LOAD, hide = true)]
    SoakLoad { url: String, seed: u64, rate: u32 },
    /// A normal load for half an hour, held against service levels
    Soak(SoakArguments),
}

/// The program: runs what its arguments say, on Mainstay and then on the other layers. It succeeds
/// when every zero holds for Mainstay, and when every run with another layer came to its end.
#[must_use]
pub fn main(others: &[&'static dyn Layer]) -> ExitCode {
    let mut layers: Vec<&'static dyn Layer> = vec![&MainstayLayer];
    layers.extend(others);
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("no runtime: {error}")),
    };
    let done = match &arguments.helper {
        Some(Helper::HoldLock { path }) => faults::file::hold_lock(path).map(|()| true),
        Some(Helper::Load { layer, path, seed }) => runtime
            .block_on(load(&layers, layer, path, *seed))
            .map(|()| true),
        Some(Helper::SoakLoad { url, seed, rate }) => runtime
            .block_on(soak::child::run(url, *seed, *rate))
            .map(|()| true),
        Some(Helper::Soak(arguments)) => runtime.block_on(soak::run(arguments)),
        None => runtime.block_on(all(&arguments, &layers)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => failed(&problem),
    }
}

async fn load(
    layers: &[&'static dyn Layer],
    name: &str,
    path: &Path,
    seed: u64,
) -> Result<(), String> {
    let layer = layers.iter().find(|layer| layer.name() == name);
    let layer = layer.ok_or_else(|| format!("there is no layer '{name}'"))?;
    faults::killed::load(*layer, path, seed).await
}

fn failed(problem: &str) -> ExitCode {
    eprintln!("FAILED: {problem}");
    ExitCode::FAILURE
}

/// Whether every zero holds.
async fn all(arguments: &Arguments, layers: &[&'static dyn Layer]) -> Result<bool, String> {
    for file in arguments.json.iter().chain(&arguments.markdown) {
        check_writable(file)?;
    }
    if let Some(folder) = &arguments.ledgers {
        make_folder(folder)?;
    }
    let seed = arguments.seed.unwrap_or_else(random_seed);
    println!("seed {seed} (to run it again: --seed {seed})");
    let run = Run {
        quick: arguments.quick,
        seed,
        // For the rest of the program, which ends with this run.
        ledgers: arguments
            .ledgers
            .clone()
            .map(|folder| &*Box::leak(folder.into_boxed_path())),
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let rows = tokio::select! {
        rows = engines(arguments, layers, run) => rows?,
        _ = tokio::signal::ctrl_c() => return Err("stopped".to_owned()),
        _ = terminate.recv() => return Err("stopped".to_owned()),
    };
    let report = Report {
        seed,
        quick: run.quick,
        rows,
    };
    println!("\n{}", report.text());
    if let Some(file) = &arguments.json {
        let text = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
        write(file, &text)?;
    }
    if let Some(file) = &arguments.markdown {
        let text = if layers.len() > 1 {
            comparison::markdown(&report)
        } else {
            report.markdown()
        };
        write(file, &text)?;
    }
    let violations = report.violations();
    for line in &violations {
        println!("{line}");
    }
    println!(
        "{} runs, {} violations, {} not run",
        report.rows.len(),
        violations
            .iter()
            .filter(|line| !line.starts_with(' '))
            .count(),
        report
            .rows
            .iter()
            .filter(|row| row.skipped.is_some())
            .count(),
    );
    Ok(violations.is_empty())
}

/// One engine after another, on each one fault after another. A load and its fault take all that the
/// machine has, so that recovery beside another would tell of the machine.
async fn engines(
    arguments: &Arguments,
    layers: &[&'static dyn Layer],
    run: Run,
) -> Result<Vec<Row>, String> {
    let chosen_layer = |layer: &&&'static dyn Layer| {
        arguments.client.is_empty() || arguments.client.iter().any(|name| name == layer.name())
    };
    let layers: Vec<&'static dyn Layer> = layers.iter().filter(chosen_layer).copied().collect();
    let mut rows = Vec::new();
    for engine in Engine::ALL {
        let names = &arguments.engine;
        if !names.is_empty() && !names.iter().any(|name| name.engine() == engine) {
            continue;
        }
        let wanted = |fault: &&Fault| {
            let named = arguments.fault.iter().any(|name| name == fault.name);
            fault.is_for(engine) && (arguments.fault.is_empty() || named)
        };
        let mut runs: Vec<(Fault, &'static dyn Layer)> = Vec::new();
        for fault in FAULTS.iter().filter(wanted) {
            for layer in layers.iter().filter(|layer| layer.knows(engine)) {
                runs.push((*fault, *layer));
            }
        }
        if !runs.is_empty() {
            rows.extend(one_engine(engine, runs, run).await?);
        }
    }
    let order = |name: &str| FAULTS.iter().position(|fault| fault.name == name);
    let place = |name: &str| {
        Engine::ALL
            .iter()
            .position(|engine| engine.to_string() == name)
    };
    let beside = |name: &str| layers.iter().position(|layer| layer.name() == name);
    rows.sort_by_key(|row: &Row| (order(&row.fault), place(&row.engine), beside(&row.layer)));
    Ok(rows)
}

async fn one_engine(
    engine: Engine,
    runs: Vec<(Fault, &'static dyn Layer)>,
    run: Run,
) -> Result<Vec<Row>, String> {
    let host = match engine.server() {
        None => None,
        Some(kind) => {
            if let Err(missing) = installed(kind) {
                let reason = missing.to_string();
                if std::env::var("CI").is_ok_and(|value| value == "true" || value == "1") {
                    return Err(reason);
                }
                let skipped = |(fault, layer): &(Fault, &'static dyn Layer)| {
                    skipped(fault, *layer, engine, &reason)
                };
                return Ok(runs.iter().map(skipped).collect());
            }
            Some(Host::start(kind).await?)
        }
    };
    let mut rows = Vec::new();
    let alone = runs.iter().all(|(_, layer)| layer.name() == MAINSTAY);
    for (fault, layer) in &runs {
        let (fault, layer) = (fault, *layer);
        let who = if alone {
            engine.to_string()
        } else {
            format!("{engine}, {}", layer.name())
        };
        println!("[{who}] {}: {}", fault.name, fault.title);
        let row = one_run(fault, layer, engine, host.as_ref(), run).await;
        let violations = row.violations();
        let verdict = match &row.skipped {
            Some(reason) => format!("NOT RUN: {reason}"),
            None if violations.is_empty() => "ok".to_owned(),
            None if layer.name() == MAINSTAY => format!("FAILED: {}", violations.join("; ")),
            None => format!("saw: {}", violations.join("; ")),
        };
        println!(
            "[{who}] {}: {verdict} (recovery {}, took {:.1} s)",
            fault.name,
            row.recovery(),
            row.took_ms as f64 / 1000.0
        );
        rows.push(row);
    }
    Ok(rows)
}

async fn one_run(
    fault: &Fault,
    layer: &'static dyn Layer,
    engine: Engine,
    host: Option<&Host>,
    run: Run,
) -> Row {
    if layer.name() != MAINSTAY
        && let Some(reason) = fault.alone_on(engine)
    {
        return skipped(fault, layer, engine, reason);
    }
    match fault.needs {
        Needs::OwnProcess => faults::killed::run(fault, layer, run).await,
        Needs::Nothing => course::run(fault, layer, engine, host, None, run).await,
        Needs::SmallDisk => match SmallDisk::make() {
            Ok(disk) => course::run(fault, layer, engine, None, Some(disk.path()), run).await,
            Err(reason) => skipped(fault, layer, engine, &reason),
        },
    }
}

fn skipped(fault: &Fault, layer: &dyn Layer, engine: Engine, reason: &str) -> Row {
    Row {
        fault: fault.name.to_owned(),
        title: fault.title.to_owned(),
        engine: engine.to_string(),
        layer: layer.name().to_owned(),
        skipped: Some(reason.lines().next().unwrap_or_default().to_owned()),
        ..Row::default()
    }
}
