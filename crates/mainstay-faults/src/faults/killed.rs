//! The process that uses a SQLite file is killed, again and again. The load runs in a process of
//! its own, which says aloud what it begins and what it was told.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mainstay_testkit::Engine;
use tokio::time::Instant;

use super::Fault;
use crate::client::Layer;
use crate::findings::{judged, seen};
use crate::heard::Heard;
use crate::layer::prepared;
use crate::ledger::{Ledger, Told};
use crate::load::{Caller, Load, Mix};
use crate::place::{InFile, file_snapshot};
use crate::report::Row;
use crate::rng::Rng;
use crate::stage::{Run, target};
use crate::verdict;

/// The command that makes this program run the load.
pub(crate) const LOAD: &str = "load";

/// The file, made and used by one process after another.
pub(crate) async fn run(fault: &Fault, layer: &'static dyn Layer, run: Run) -> Row {
    let fault = *fault;
    let done = tokio::task::spawn_blocking(move || {
        let started = Instant::now();
        let mut row = Row {
            fault: fault.name.to_owned(),
            title: fault.title.to_owned(),
            engine: Engine::Sqlite.to_string(),
            layer: layer.name().to_owned(),
            ..Row::default()
        };
        if let Err(problem) = rounds(layer, run, &mut row) {
            row.broken = Some(problem);
        }
        row.took_ms = started.elapsed().as_millis() as u64;
        row
    });
    done.await.unwrap_or_else(|error| Row {
        fault: fault.name.to_owned(),
        broken: Some(error.to_string()),
        ..Row::default()
    })
}

fn rounds(layer: &dyn Layer, run: Run, row: &mut Row) -> Result<(), String> {
    let place = InFile::create(None)?;
    let mut rng = Rng::new(run.seed).fork(77);
    let count = if run.quick { 4 } else { 12 };
    let (mut entries, mut blind) = (Vec::new(), Vec::new());
    let clock = Instant::now();
    let mut killed_at: Option<Duration> = None;
    let mut slowest = Duration::ZERO;
    for round in 0..count {
        let enough = 150 + rng.below(600) as usize;
        let round = kill_after(layer, &place.path, run.seed + round, enough, clock)?;
        if let Some(killed) = killed_at {
            slowest = slowest.max(round.first_done.saturating_sub(killed));
        }
        killed_at = Some(round.killed);
        entries.extend(round.heard.entries);
        blind.extend(round.heard.blind);
    }
    let snapshot = file_snapshot(&place.path)?;
    let done = entries.iter().filter(|entry| entry.told == Told::Done);
    row.rate_before = done.count() as f64 / clock.elapsed().as_secs_f64();
    row.saw = seen(&entries, Duration::ZERO, clock.elapsed());
    row.recovery_ms = Some(slowest.as_millis() as u64);
    let longest = entries.iter().map(|entry| entry.took().as_millis() as u64);
    row.longest_ms = longest.max().unwrap_or(0);
    let cut_off = entries.iter().filter(|entry| entry.told == Told::Dropped);
    row.notes.push(format!(
        "killed {count} times, {} calls cut off; recovery is from the kill to the first answer of \
         the next process, its start included",
        cut_off.count()
    ));
    judged(row, verdict::judge(&entries, &snapshot), blind);
    Ok(())
}

/// What became of one process.
struct Round {
    heard: Heard,
    first_done: Duration,
    killed: Duration,
}

/// Starts the load in a process of its own and kills that once `enough` calls were done.
fn kill_after(
    layer: &dyn Layer,
    path: &Path,
    seed: u64,
    enough: usize,
    clock: Instant,
) -> Result<Round, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut child = Command::new(own)
        .arg(LOAD)
        .arg(layer.name())
        .arg(path)
        .arg(seed.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("the process with the load: {error}"))?;
    let mut round = Round {
        heard: Heard::default(),
        first_done: Duration::ZERO,
        killed: Duration::ZERO,
    };
    let output = child.stdout.take();
    let lines = output
        .into_iter()
        .flat_map(|output| BufReader::new(output).lines());
    for line in lines {
        // The kill may cut a line in the middle of a letter.
        let Ok(line) = line else { break };
        let now = clock.elapsed();
        round.heard.line(&line, now);
        let done = round.heard.done();
        if done == 1 && round.first_done.is_zero() {
            round.first_done = now;
        }
        if done >= enough && round.killed.is_zero() {
            // SIGKILL. What it said until then is still read.
            child.kill().map_err(|error| error.to_string())?;
            round.killed = clock.elapsed();
        }
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if round.killed.is_zero() {
        return Err(format!(
            "the process with the load ended by itself: {status}"
        ));
    }
    Ok(round)
}

/// What the process with the load does until it is killed, or its parent is gone.
pub(crate) async fn load(layer: &dyn Layer, path: &Path, seed: u64) -> Result<(), String> {
    let is_new = !path.exists();
    let url = format!("sqlite:{}", path.display());
    if is_new {
        prepared(&url, seed).await?;
    }
    let client = layer.open(target(Engine::Sqlite, url, seed)).await?;
    let ledger = Arc::new(Ledger::new(true));
    let caller = Caller::new(&client, &ledger);
    let load = Load::start(&caller.client, &ledger, Mix::USUAL, &Rng::new(seed));
    let orphaned = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)
    });
    let _ = orphaned.await;
    drop(load);
    Ok(())
}
