//! Results as lines of JSON on standard output, progress on standard error.

use std::io::Write;

use serde_json::{Value, json};

use crate::candidates::Result;
use crate::measure::Measured;

/// One result: an engine, a workload, a candidate, a number of tasks, and how hard commits are
/// written.
pub fn cell(
    engine: &str,
    workload: &str,
    candidate: &str,
    tasks: usize,
    durability: &str,
    mut measured: Measured,
) -> Result<()> {
    let [p50, p99] = measured.percentiles([0.5, 0.99]);
    emit(&json!({
        "engine": engine,
        "workload": workload,
        "candidate": candidate,
        "tasks": tasks,
        "durability": durability,
        "ops_per_s": rounded(measured.rate()),
        "p50_us": p50,
        "p99_us": p99,
        "cpu_us_per_op": measured.cpu_per_operation().map(rounded),
        "rounds": measured.rates.len(),
    }))
}

/// Any result.
pub fn emit(line: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

/// What is being done now.
pub fn progress(text: &str) {
    eprintln!("    {text}");
}

/// With two digits behind the point.
pub fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
