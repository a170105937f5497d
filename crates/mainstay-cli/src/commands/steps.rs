//! What several commands do to a database: create, migrate, seed, and how it is told.

use mainstay::database::admin;
use mainstay::{Database, ErrorKind};
use mainstay_migrate::{Report, SeedReport};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::context::{Context, migration_failure};
use crate::exit::Failure;
use crate::output::{counted, pair};
use crate::signals;

/// What was done to a database.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Steps {
    /// Whether the database was made.
    pub(crate) created: bool,
    /// Tables dropped by a reset.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) dropped: Vec<String>,
    /// Migrations.
    pub(crate) migrations: Report,
    /// The seed data.
    pub(crate) seed: Seeded,
}

/// What became of the seed data.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Seeded {
    /// Written where missing.
    Done(#[serde(serialize_with = "as_counts")] SeedReport),
    /// Not written, and why.
    Skipped(String),
    /// Not looked at.
    #[default]
    No,
}

fn as_counts<S: serde::Serializer>(report: &SeedReport, serializer: S) -> Result<S::Ok, S::Error> {
    seed_json(report).serialize(serializer)
}

/// A seed's report with the tables as keys.
pub(crate) fn seed_json(report: &SeedReport) -> Value {
    let inserted: Map<String, Value> = report
        .inserted
        .iter()
        .map(|(table, rows)| ((*table).to_owned(), Value::from(*rows)))
        .collect();
    serde_json::json!({ "inserted": inserted, "existing": report.existing })
}

/// Creates the database if it is missing.
pub(crate) async fn create(context: &Context<'_>) -> Result<bool, Failure> {
    context.warn();
    Ok(admin::create_if_missing(&context.config).await?)
}

pub(crate) async fn migrate(context: &Context<'_>, db: &Database) -> Result<Report, Failure> {
    mainstay_migrate::migrate(db, context.app.migrations())
        .await
        .map_err(migration_failure)
}

/// Runs what changes a database, until the process is asked to stop.
pub(crate) async fn until_asked<T>(
    context: &Context<'_>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let (_listener, shutdown) = signals::listen(context.terminal.is_process());
    tokio::select! {
        done = work => done,
        exit = shutdown.signal() => {
            context.terminal.stop_drawing();
            context.terminal.note("interrupted: ending what is under way; Ctrl-C again ends at once");
            Err(Failure::new(exit, "interrupted").next(format!(
                "see what stands: {}; the next {} goes on from there",
                context.command("migrate status"),
                context.command("migrate up"),
            )))
        }
    }
}

/// Writes the seed data. A duplicate means that another instance writes it at the same time: the
/// next attempt finds by their natural keys the rows that the other one made.
pub(crate) async fn seed(context: &Context<'_>, db: &Database) -> Result<SeedReport, Failure> {
    const ATTEMPTS: u32 = 5;
    for _ in 1..ATTEMPTS {
        match context.app.seed(db).await {
            Err(error) if error.kind() == ErrorKind::Duplicate => {
                tracing::debug!(%error, "another instance writes the seed data too");
            }
            result => return Ok(result?),
        }
    }
    Ok(context.app.seed(db).await?)
}

/// "sqlite:dev.db (SQLite 3.50.1)". The URL is redacted by its own Display.
pub(crate) fn database_line(context: &Context<'_>, db: &Database, created: bool) -> String {
    let version = db.server_info().version;
    let name = db.dialect().name();
    // Some servers name themselves in their version.
    let server = if version.contains(name) {
        version
    } else {
        format!("{name} {version}")
    };
    let created = if created { ", created" } else { "" };
    format!("{} ({}{created})", context.config.url, server.trim())
}

pub(crate) fn migrations_line(report: &Report) -> String {
    let mut line = match (report.undone.len(), report.applied.len()) {
        (0, 0) => format!("none pending, {} applied before", report.already),
        (0, now) => format!("{now} applied, {} before", report.already),
        (undone, 0) => format!("{undone} undone, {} still applied", report.already),
        (undone, now) => format!("{undone} undone, {now} applied, {} before", report.already),
    };
    for undone in &report.undone {
        line.push_str(&format!(
            "\n{}_{} undone in {}",
            undone.version,
            undone.name,
            crate::output::short(undone.duration)
        ));
    }
    for applied in &report.applied {
        line.push_str(&format!(
            "\n{}_{} in {}",
            applied.version,
            applied.name,
            crate::output::short(applied.duration)
        ));
    }
    line
}

pub(crate) fn seed_line(seeded: &Seeded) -> String {
    match seeded {
        Seeded::Done(report) => seed_report_line(report),
        Seeded::Skipped(why) => format!("not written: {why}"),
        Seeded::No => "not written".to_owned(),
    }
}

pub(crate) fn seed_report_line(report: &SeedReport) -> String {
    let mut line = format!("{} written", counted(report.total(), "row"));
    let tables: Vec<String> = report
        .inserted
        .iter()
        .filter(|(_, rows)| *rows > 0)
        .map(|(table, rows)| format!("{table} {rows}"))
        .collect();
    if !tables.is_empty() {
        line.push_str(&format!(" ({})", tables.join(", ")));
    }
    line.push_str(&format!(", {} there before", report.existing));
    line
}

impl Steps {
    /// The steps as lines.
    pub(crate) fn lines(&self, context: &Context<'_>, db: &Database) -> String {
        let mut out = pair("database", &database_line(context, db, self.created));
        if !self.dropped.is_empty() {
            out.push_str(&pair("dropped", &self.dropped.join(", ")));
        }
        out.push_str(&pair("migrations", &migrations_line(&self.migrations)));
        out.push_str(&pair("seed data", &seed_line(&self.seed)));
        out
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mainstay_migrate::Applied;

    use super::*;

    #[test]
    fn migrations_are_told_one_per_line() {
        let mut report = Report {
            already: 2,
            ..Report::default()
        };
        assert_eq!(migrations_line(&report), "none pending, 2 applied before");
        report.applied.push(Applied {
            version: "20260101000000".to_owned(),
            name: "create".to_owned(),
            duration: Duration::from_millis(12),
        });
        assert_eq!(
            migrations_line(&report),
            "1 applied, 2 before\n20260101000000_create in 12.0ms"
        );
        report.undone = std::mem::take(&mut report.applied);
        assert_eq!(
            migrations_line(&report),
            "1 undone, 2 still applied\n20260101000000_create undone in 12.0ms"
        );
    }

    #[test]
    fn seed_rows_are_told_by_table() {
        let mut report = SeedReport::new();
        report.inserted("users", 1);
        report.inserted("goals", 0);
        report.existing(3);
        let line = seed_line(&Seeded::Done(report.clone()));
        assert_eq!(line, "1 row written (users 1), 3 there before");
        assert_eq!(seed_json(&report)["inserted"]["users"], 1);
        let line = seed_line(&Seeded::Skipped("production".to_owned()));
        assert_eq!(line, "not written: production");
    }
}
