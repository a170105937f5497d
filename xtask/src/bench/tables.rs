//! Results as tables.

use std::fmt::Write;

use serde_json::Value;

use super::results::{Cell, Results};
use super::subjects::{CANDIDATES, COMPARED, EXTRA, Engine};

/// A title, headings, and rows of the same length.
pub(super) struct Table {
    pub(super) title: String,
    pub(super) headings: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
}

/// One table per engine and workload, then the answers about Mainstay alone.
pub(super) fn tables(results: &Results) -> Vec<Table> {
    let mut tables = Vec::new();
    for engine in Engine::ALL {
        for workload in COMPARED {
            tables.extend(compared(results, engine.name(), workload));
        }
    }
    for workload in EXTRA {
        tables.extend(extra(results, workload));
    }
    tables
}

fn compared(results: &Results, engine: &str, workload: &str) -> Option<Table> {
    let cells = results.cells.iter();
    let cells = cells.filter(|cell| cell.engine == engine && cell.workload == workload);
    let cells: Vec<&Cell> = cells.collect();
    let mut groups: Vec<(&str, u64)> = Vec::new();
    for cell in &cells {
        let group = (cell.durability.as_str(), cell.tasks);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    let mut rows = Vec::new();
    for (durability, tasks) in groups {
        for candidate in CANDIDATES {
            let found = cells.iter().find(|cell| {
                cell.candidate == candidate && cell.tasks == tasks && cell.durability == durability
            });
            let Some(cell) = found else { continue };
            let mainstay = results.beside(cell, "mainstay");
            let ratio = mainstay.filter(|_| candidate != "mainstay" && cell.ops_per_s > 0.0);
            rows.push(vec![
                durability.to_owned(),
                tasks.to_string(),
                candidate.to_owned(),
                number(Some(cell.ops_per_s)),
                number(cell.p50_us),
                number(cell.p99_us),
                number(cell.cpu_us_per_op),
                ratio.map_or_else(String::new, |mainstay| {
                    format!("{:.2} x", mainstay.ops_per_s / cell.ops_per_s)
                }),
            ]);
        }
    }
    (!rows.is_empty()).then(|| Table {
        title: format!("{engine}, {workload}"),
        headings: vec![
            "durability",
            "tasks",
            "candidate",
            if workload == "bulk-insert" {
                "rows/s"
            } else {
                "ops/s"
            },
            "p50 µs",
            "p99 µs",
            if workload == "bulk-insert" {
                "CPU µs/row"
            } else {
                "CPU µs/op"
            },
            "Mainstay is",
        ],
        rows,
    })
}

/// Answers about Mainstay alone: a rate with its times for each case, or one value each.
fn extra(results: &Results, workload: &str) -> Option<Table> {
    let lines = results.extra.iter();
    let lines: Vec<&Value> = lines.filter(|line| line["workload"] == workload).collect();
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let rates = lines.iter().any(|line| line["ops_per_s"].is_number());
    let row = |line: &&Value| {
        let mut row = vec![text(line, "engine"), text(line, "label")];
        if rates {
            let keys = ["ops_per_s", "p50_us", "p99_us", "cpu_us_per_op"];
            row.extend(keys.map(|key| number(line[key].as_f64())));
        } else {
            row.extend([number(line["value"].as_f64()), text(line, "unit")]);
        }
        row
    };
    let headings = match rates {
        true => vec!["engine", "what", "ops/s", "p50 µs", "p99 µs", "CPU µs/op"],
        false => vec!["engine", "what", "value", "unit"],
    };
    (!lines.is_empty()).then(|| Table {
        title: format!("Mainstay alone, {workload}"),
        headings,
        rows: lines.iter().map(row).collect(),
    })
}

/// A number with as many digits as mean something.
pub(super) fn number(number: Option<f64>) -> String {
    match number {
        None => "-".to_owned(),
        Some(number) if number.abs() < 10.0 => format!("{number:.2}"),
        Some(number) if number.abs() < 100.0 => format!("{number:.1}"),
        Some(number) => grouped(number.round()),
    }
}

/// With commas between thousands.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// For a terminal.
pub(super) fn text(results: &Results) -> String {
    tables(results).iter().map(Table::text).collect()
}

impl Table {
    /// For a terminal: columns aligned, numbers to the right.
    pub(super) fn text(&self) -> String {
        let width = |at: usize| {
            let cells = self.rows.iter().map(|row| row[at].chars().count());
            cells
                .chain([self.headings[at].chars().count()])
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        let mut text = format!("\n{}\n", self.title);
        let headings: Vec<String> = self.headings.iter().map(|&name| name.to_owned()).collect();
        for row in std::iter::once(&headings).chain(&self.rows) {
            let mut line = String::new();
            for (at, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                let _ = if self.is_number(at) {
                    write!(line, "  {cell:>width$}")
                } else {
                    write!(line, "  {cell:<width$}")
                };
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// For Markdown.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!("| {} |\n|", self.headings.join(" | "));
        for at in 0..self.headings.len() {
            text.push_str(if self.is_number(at) { "---:|" } else { "---|" });
        }
        text.push('\n');
        for row in &self.rows {
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        text
    }

    fn is_number(&self, column: usize) -> bool {
        let starts_with_digit = |row: &Vec<String>| {
            row[column].is_empty()
                || row[column].starts_with(|first: char| first.is_ascii_digit() || first == '-')
        };
        self.rows.iter().all(starts_with_digit)
    }
}

/// What is known about the machine, one line each.
pub(super) fn machine(machine: &Value) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for (key, value) in machine.as_object().into_iter().flatten() {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Array(list) => {
                let list: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                list.join(", ")
            }
            other => other.to_string(),
        };
        if !text.is_empty() {
            lines.push((key.clone(), text));
        }
    }
    lines
}
