//! How the cost of Mainstay's operations grows with the rows of the tables, and with the tasks that
//! call at the same time.

use std::sync::Arc;

use serde_json::json;

use super::{NAME, open};
use crate::Arguments;
use crate::candidates::{Kind, Result, Runner, mainstay::Mainstay};
use crate::measure::{self, Measured};
use crate::place::Place;
use crate::plan::Source;
use crate::report::{self, rounded};
use crate::rows::Size;

const KINDS: [Kind; 4] = [Kind::Find, Kind::List, Kind::Page, Kind::Insert];

pub async fn with_tasks(arguments: &Arguments, place: &Place) -> Result<()> {
    report::progress(&format!("{}: growth with tasks", place.engine.name()));
    let runner = runner(place).await?;
    for kind in KINDS {
        for tasks in [1, 4, 16, 64, 256] {
            let measured = rounds(arguments, place, &runner, kind, tasks).await?;
            say(
                place,
                "tasks",
                &format!("{}, {tasks} tasks", kind.name()),
                measured,
            )?;
        }
    }
    close(runner).await;
    Ok(())
}

pub async fn with_rows(arguments: &Arguments, place: &Place) -> Result<()> {
    for rows in [10_000, 100_000, 1_000_000] {
        report::progress(&format!(
            "{}: growth with rows: {rows}",
            place.engine.name()
        ));
        let size = Size {
            users: rows,
            goals: rows,
        };
        let place = place.sibling(size)?;
        place.fill().await?;
        let runner = runner(&place).await?;
        for kind in KINDS {
            let measured = rounds(arguments, &place, &runner, kind, 16).await?;
            let label = format!("{}, {rows} rows in each table, 16 tasks", kind.name());
            say(&place, "rows", &label, measured)?;
        }
        close(runner).await;
    }
    Ok(())
}

async fn runner(place: &Place) -> Result<Runner> {
    let db = open(place).await?;
    let first_page = Source { size: place.size }.first_page();
    Ok(Runner::Tasks(Arc::new(
        Mainstay::new(db, u64::from(first_page)).await?,
    )))
}

async fn close(runner: Runner) {
    if let Runner::Tasks(candidate) = runner {
        candidate.close().await;
    }
}

async fn rounds(
    arguments: &Arguments,
    place: &Place,
    runner: &Runner,
    kind: Kind,
    tasks: usize,
) -> Result<Measured> {
    let source = Source { size: place.size };
    let mut all = Measured::default();
    for _ in 0..arguments.repetitions.min(3) {
        let round = measure::round(runner, kind, tasks, source, arguments.length()).await;
        all.add(round.map_err(|error| format!("{NAME}, {}: {error}", kind.name()))?);
    }
    Ok(all)
}

fn say(place: &Place, workload: &str, label: &str, mut measured: Measured) -> Result<()> {
    let [p50, p99] = measured.percentiles([0.5, 0.99]);
    report::emit(&json!({
        "engine": place.engine.name(),
        "workload": workload,
        "label": label,
        "ops_per_s": rounded(measured.rate()),
        "p50_us": p50,
        "p99_us": p99,
        "cpu_us_per_op": measured.cpu_per_operation().map(rounded),
    }))
}
