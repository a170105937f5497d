//! What was measured.

use std::path::Path;

use serde_json::{Value, json};

/// One engine, workload, candidate, number of tasks and durability.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    pub(super) engine: String,
    pub(super) workload: String,
    pub(super) candidate: String,
    pub(super) tasks: u64,
    /// How hard a commit is written: `full` or `normal` on SQLite, `default` on servers.
    pub(super) durability: String,
    /// The median over repetitions.
    pub(super) ops_per_s: f64,
    pub(super) p50_us: Option<f64>,
    pub(super) p99_us: Option<f64>,
    pub(super) cpu_us_per_op: Option<f64>,
}

/// Everything of one run.
#[derive(Debug, Clone)]
pub(super) struct Results {
    pub(super) machine: Value,
    pub(super) cells: Vec<Cell>,
    /// Answers to questions about Mainstay alone: engine, workload, label, and a value with its unit or
    /// a rate with its times.
    pub(super) extra: Vec<Value>,
}

impl Results {
    pub(super) fn new(machine: Value) -> Self {
        Self {
            machine,
            cells: Vec::new(),
            extra: Vec::new(),
        }
    }

    /// Adds a line of the measuring program.
    pub(super) fn add(&mut self, line: &str) -> Result<(), String> {
        let value: Value = serde_json::from_str(line)
            .map_err(|error| format!("the benchmark printed '{line}': {error}"))?;
        self.add_value(value)
    }

    fn add_value(&mut self, value: Value) -> Result<(), String> {
        if value.get("label").is_some() {
            self.extra.push(value);
            return Ok(());
        }
        let cell = Cell::read(&value).ok_or_else(|| format!("not a result: {value}"))?;
        self.cells.push(cell);
        Ok(())
    }

    /// Reads a file that [`write`](Self::write) has written.
    pub(super) fn read(file: &Path) -> Result<Self, String> {
        let name = file.display();
        let text = std::fs::read_to_string(file)
            .map_err(|error| format!("{name} cannot be read: {error}"))?;
        let mut all: Value =
            serde_json::from_str(&text).map_err(|error| format!("{name} is no JSON: {error}"))?;
        let mut results = Self::new(all["machine"].take());
        for list in ["results", "extra"] {
            let Value::Array(lines) = all[list].take() else {
                return Err(format!(
                    "{name} has no list '{list}': it is no file of this command"
                ));
            };
            for line in lines {
                results
                    .add_value(line)
                    .map_err(|problem| format!("{name}: {problem}"))?;
            }
        }
        Ok(results)
    }

    /// Writes everything.
    pub(super) fn write(&self, file: &Path) -> Result<(), String> {
        let cells: Vec<Value> = self.cells.iter().map(Cell::write).collect();
        let all = json!({
            "machine": self.machine,
            "results": cells,
            "extra": self.extra,
        });
        let text = serde_json::to_string_pretty(&all).map_err(|error| error.to_string())?;
        super::files::write(file, &(text + "\n"))
    }

    /// The cell of another candidate beside this one.
    pub(super) fn beside(&self, cell: &Cell, candidate: &str) -> Option<&Cell> {
        self.cells.iter().find(|other| {
            other.candidate == candidate
                && other.engine == cell.engine
                && other.workload == cell.workload
                && other.tasks == cell.tasks
                && other.durability == cell.durability
        })
    }
}

impl Cell {
    fn read(value: &Value) -> Option<Self> {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        Some(Self {
            engine: text("engine")?,
            workload: text("workload")?,
            candidate: text("candidate")?,
            tasks: value["tasks"].as_u64()?,
            durability: text("durability")?,
            ops_per_s: value["ops_per_s"].as_f64()?,
            p50_us: value["p50_us"].as_f64(),
            p99_us: value["p99_us"].as_f64(),
            cpu_us_per_op: value["cpu_us_per_op"].as_f64(),
        })
    }

    fn write(&self) -> Value {
        json!({
            "engine": self.engine,
            "workload": self.workload,
            "candidate": self.candidate,
            "tasks": self.tasks,
            "durability": self.durability,
            "ops_per_s": self.ops_per_s,
            "p50_us": self.p50_us,
            "p99_us": self.p99_us,
            "cpu_us_per_op": self.cpu_us_per_op,
        })
    }
}
