//! The ratios to reach, and what was reached.

use super::results::Results;
use super::tables::Table;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    /// Mainstay's operations per second over the other's.
    Rate,
    /// The other's slowest percent over Mainstay's.
    SlowestPercent,
}

/// Mainstay beside another candidate.
struct Target {
    workload: &'static str,
    tasks: u64,
    engine: &'static str,
    durability: &'static str,
    measure: Measure,
    against: &'static str,
    at_least: f64,
}

const fn target(
    workload: &'static str,
    tasks: u64,
    (engine, durability): (&'static str, &'static str),
    measure: Measure,
    against: &'static str,
    at_least: f64,
) -> Target {
    Target {
        workload,
        tasks,
        engine,
        durability,
        measure,
        against,
        at_least,
    }
}

const FULL: (&str, &str) = ("sqlite", "full");
const NORMAL: (&str, &str) = ("sqlite", "normal");
const POSTGRES: (&str, &str) = ("postgres", "default");
const MARIADB: (&str, &str) = ("mariadb", "default");
use Measure::{Rate, SlowestPercent};

const TARGETS: [Target; 30] = [
    target("point-read", 64, FULL, Rate, "raw", 0.6),
    target("point-read", 64, FULL, Rate, "sqlx", 3.0),
    target("point-read", 64, FULL, Rate, "seaorm", 6.0),
    target("point-read", 64, POSTGRES, Rate, "raw", 2.0),
    target("point-read", 64, POSTGRES, Rate, "seaorm", 4.0),
    target("point-read", 64, MARIADB, Rate, "raw", 1.5),
    target("point-read", 1, FULL, Rate, "sqlx", 2.0),
    target("point-read", 1, POSTGRES, Rate, "raw", 0.9),
    target("point-read", 1, MARIADB, Rate, "raw", 0.9),
    target("list-100", 64, FULL, Rate, "raw", 0.7),
    target("list-100", 64, POSTGRES, Rate, "raw", 0.95),
    target("list-100", 64, MARIADB, Rate, "raw", 0.95),
    target("insert", 64, NORMAL, Rate, "sqlx", 1.8),
    target("insert", 64, FULL, Rate, "sqlx", 4.0),
    target("insert", 64, FULL, SlowestPercent, "sqlx", 3.0),
    target("insert", 64, POSTGRES, Rate, "raw", 2.0),
    target("insert", 64, MARIADB, Rate, "raw", 2.0),
    target("transaction", 64, NORMAL, Rate, "sqlx", 2.0),
    target("transaction", 64, FULL, Rate, "sqlx", 3.0),
    target("transaction", 64, FULL, SlowestPercent, "sqlx", 3.0),
    target("transaction", 64, POSTGRES, Rate, "raw", 0.95),
    target("transaction", 64, MARIADB, Rate, "raw", 0.95),
    target("batch", 64, NORMAL, Rate, "sqlx", 3.0),
    target("batch", 64, FULL, Rate, "sqlx", 3.0),
    target("batch", 64, POSTGRES, Rate, "raw", 1.3),
    target("batch", 64, MARIADB, Rate, "raw", 1.0),
    target("bulk-insert", 1, FULL, Rate, "raw", 0.8),
    target("bulk-insert", 1, NORMAL, Rate, "raw", 0.8),
    target("bulk-insert", 1, POSTGRES, Rate, "raw", 0.8),
    target("bulk-insert", 1, MARIADB, Rate, "raw", 0.8),
];

impl Target {
    /// The ratio reached, where both were measured.
    fn reached(&self, results: &Results) -> Option<f64> {
        let mainstay = results.cells.iter().find(|cell| {
            cell.candidate == "mainstay"
                && cell.workload == self.workload
                && cell.tasks == self.tasks
                && cell.engine == self.engine
                && cell.durability == self.durability
        })?;
        let other = results.beside(mainstay, self.against)?;
        let (over, under) = match self.measure {
            Rate => (mainstay.ops_per_s, other.ops_per_s),
            SlowestPercent => (other.p99_us?, mainstay.p99_us?),
        };
        (under > 0.0).then(|| over / under)
    }
}

/// The targets of which there are results.
pub(super) fn table(results: &Results) -> Table {
    let rows = TARGETS.iter().filter_map(|target| {
        let reached = target.reached(results)?;
        let tasks = if target.tasks == 1 { "task" } else { "tasks" };
        let measure = match target.measure {
            Rate => "",
            SlowestPercent => ", slowest percent",
        };
        Some(vec![
            format!("{}, {} {tasks}{measure}", target.workload, target.tasks),
            format!("{} ({})", target.engine, target.durability),
            target.against.to_owned(),
            format!("{:.2} x", target.at_least),
            format!("{reached:.2} x"),
            if reached >= target.at_least {
                "reached"
            } else {
                "MISSED"
            }
            .to_owned(),
        ])
    });
    Table {
        title: "Mainstay against what it has to reach".to_owned(),
        headings: vec!["workload", "engine", "against", "to reach", "measured", ""],
        rows: rows.collect(),
    }
}

/// For a terminal; nothing when none of it was measured.
pub(super) fn text(results: &Results) -> String {
    let table = table(results);
    if table.rows.is_empty() {
        return String::new();
    }
    table.text()
}
