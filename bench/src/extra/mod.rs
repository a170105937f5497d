//! Questions about Mainstay alone, which a comparison does not answer.
//!
//! - `duplicates`: what refused rows cost their neighbours, sent together and apart
//! - `locked`: how long others wait when one row is locked
//! - `scans`: reads by key beside slow queries, and how late a timer fires
//! - `growth`: how the cost grows with rows and with tasks

mod duplicates;
mod growth;
mod locked;
mod scans;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::Arguments;
use crate::candidates::{self, Result};
use crate::place::Place;
use crate::plan::Engine;
use crate::report;

/// The name under which Mainstay's own file is kept apart from that of the comparison.
const NAME: &str = "extra";

/// Answers what is asked for on one engine.
pub async fn run(arguments: &Arguments, place: &Place) -> Result<()> {
    if arguments.wants_name("duplicates") {
        duplicates::run(arguments, place).await?;
    }
    // SQLite locks the file and no rows.
    if arguments.wants_name("locked-row") && place.engine != Engine::Sqlite {
        locked::run(arguments, place).await?;
    }
    // A server runs slow queries in processes and threads of its own.
    if arguments.wants_name("slow-queries") && place.engine == Engine::Sqlite {
        scans::run(arguments, place).await?;
    }
    if arguments.wants_name("tasks") {
        growth::with_tasks(arguments, place).await?;
    }
    if arguments.wants_name("rows") {
        growth::with_rows(arguments, place).await?;
    }
    Ok(())
}

/// A handle of its own on a place.
async fn open(place: &Place) -> Result<mainstay::Database> {
    place.give_file(NAME)?;
    let url = place.url(NAME);
    let db = candidates::mainstay::open(&url, crate::compare::POOL, "full", false).await?;
    place.settle(NAME)?;
    Ok(db)
}

/// One answer.
fn answer(place: &Place, workload: &str, label: &str, value: f64, unit: &str) -> Result<()> {
    report::emit(&json!({
        "engine": place.engine.name(),
        "workload": workload,
        "label": label,
        "value": report::rounded(value),
        "unit": unit,
    }))
}

/// Says when to stop, to tasks that run beside each other.
#[derive(Clone, Default)]
struct Stop(Arc<AtomicBool>);

impl Stop {
    fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long calls took.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    /// Takes the time of a call.
    async fn of<T>(&mut self, call: impl Future<Output = T>) -> T {
        let start = Instant::now();
        let done = call.await;
        self.0.push(start.elapsed());
        done
    }

    fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// A percentile in microseconds.
    fn percentile(&mut self, part: f64) -> f64 {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1);
        let at = (part * last as f64).round() as usize;
        self.0.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e6)
    }
}
