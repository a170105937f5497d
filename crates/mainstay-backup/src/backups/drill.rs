//! `drill`: the proof that the newest backup can be restored.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use mainstay::{Config, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::trial::with_database;
use super::{Backups, Which, beside};
use crate::archive::Manifest;
use crate::control::Control;
use crate::failure::from_io;

/// What the name of a drill's report ends with.
pub(super) const ENDING: &str = ".drill.json";

/// More bytes than a report ever has.
const REPORT_LIMIT: u64 = 1 << 20;

/// What a drill does.
#[derive(Debug, Clone, Default)]
pub struct Drill {
    /// With which backup.
    pub which: Which,
    /// A query that the restored database must answer, with at least one row. By default the
    /// largest table is counted, and must have the rows it had.
    pub query: Option<String>,
}

/// How a drill went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DrillReport {
    /// The backup.
    pub id: String,
    /// When the drill was begun.
    pub started_at: DateTime<Utc>,
    /// Whether all went well.
    pub ok: bool,
    /// What went wrong.
    pub error: Option<String>,
    /// The moment whose state the backup has.
    pub taken_at: DateTime<Utc>,
    /// Recovery point: how old that state was when the drill was begun, in seconds. What was written
    /// since would be lost.
    pub recovery_point_s: i64,
    /// Recovery time: from the beginning to a database that had been looked over and answered, in
    /// milliseconds.
    pub recovery_time_ms: u64,
    /// Of that, restoring.
    pub restore_ms: u64,
    /// Of that, comparing with what was backed up.
    pub verify_ms: u64,
    /// Of that, the query.
    pub query_ms: u64,
    /// What the query was.
    pub query: String,
    /// How many tables were compared.
    pub tables: u64,
    /// How many rows they have.
    pub rows: u64,
    /// What earlier restores left that were killed, and what was removed: databases, or folders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cleared: Vec<String>,
}

impl Backups {
    /// Restores a backup to a place of its own, compares it with what was backed up, asks it a
    /// query, measures, and removes the place again. The report is kept beside the backup.
    ///
    /// # Errors
    /// Only when there is nothing to drill, or the report cannot be kept: that the backup cannot be
    /// restored is the report's [`error`](DrillReport::error).
    pub async fn drill(&self, options: &Drill, control: &Control) -> Result<DrillReport> {
        let started_at = self.clock.now();
        let started = tokio::time::Instant::now();
        let id = self.find(&options.which).await?;
        let manifest = self.manifest_of(&id).await?;
        let mut report = DrillReport {
            id: id.clone(),
            started_at,
            ok: false,
            error: None,
            taken_at: manifest.taken_at,
            recovery_point_s: (started_at - manifest.taken_at).num_seconds(),
            recovery_time_ms: 0,
            restore_ms: 0,
            verify_ms: 0,
            query_ms: 0,
            query: String::new(),
            tables: manifest.tables.len() as u64,
            rows: manifest.tables.iter().map(|table| table.rows).sum(),
            cleared: Vec::new(),
        };
        match self
            .rehearse(options, &manifest, &mut report, control)
            .await
        {
            Ok(()) => report.recovery_time_ms = millis(started.elapsed()),
            // Whoever stopped it knows.
            Err(error) if control.is_cancelled() => return Err(error),
            Err(error) => report.error = Some(error.to_string()),
        }
        report.ok = report.error.is_none();
        self.keep(&report).await?;
        Ok(report)
    }

    /// Restores, asks, and removes.
    async fn rehearse(
        &self,
        options: &Drill,
        manifest: &Manifest,
        report: &mut DrillReport,
        control: &Control,
    ) -> Result<()> {
        let driver = self.driver(&self.config)?;
        if driver.is_whole_server(manifest.kind) {
            return self
                .rehearse_server(options, manifest, report, control)
                .await;
        }
        let trial = self.try_out(&driver, &manifest.id, control).await?;
        report.restore_ms = millis(trial.restored_in);
        report.verify_ms = millis(trial.verified_in);
        report.cleared.clone_from(&trial.cleared);
        control.begin("asking", None);
        let config = &trial.place.config;
        let answered = self.ask(options, manifest, config, report).await;
        let removed = driver.discard(trial.place).await;
        answered.and(removed)
    }

    /// The same with a backup of a server's files: in a server of its own.
    async fn rehearse_server(
        &self,
        options: &Drill,
        manifest: &Manifest,
        report: &mut DrillReport,
        control: &Control,
    ) -> Result<()> {
        let started = tokio::time::Instant::now();
        let folder = tempfile::Builder::new().prefix("mainstay-drill-").tempdir();
        let folder = folder.map_err(|error| from_io("making a folder for the drill", error))?;
        let archive = self.archive(&manifest.id).await?;
        self.refuse(&archive)?;
        let plan = beside::Plan {
            folder: folder.path().join("data"),
            log: None,
            is_trial: true,
        };
        let driver = self.driver(&self.config)?;
        let recovered = self.recover(&driver, archive, plan, control).await?;
        report.restore_ms = millis(started.elapsed());
        // The backup itself cannot tell: what it has is known from here on.
        report.tables = recovered.tables.len() as u64;
        report.rows = recovered.tables.iter().map(|table| table.rows).sum();
        control.begin("asking", None);
        let found = Manifest {
            tables: recovered.tables.clone(),
            ..manifest.clone()
        };
        let answered = self.ask(options, &found, &recovered.config, report).await;
        let removed = beside::remove(recovered).await;
        answered.and(removed)
    }

    async fn ask(
        &self,
        options: &Drill,
        manifest: &Manifest,
        config: &Config,
        report: &mut DrillReport,
    ) -> Result<()> {
        let asked = tokio::time::Instant::now();
        let answered = self.answer(options, manifest, config, report).await;
        report.query_ms = millis(asked.elapsed());
        answered
    }

    async fn answer(
        &self,
        options: &Drill,
        manifest: &Manifest,
        config: &Config,
        report: &mut DrillReport,
    ) -> Result<()> {
        if let Some(query) = &options.query {
            report.query.clone_from(query);
            let query = query.clone();
            return with_database(config, async move |db| {
                let rows = db.sql(query).fetch_with(|_| Ok(())).await?;
                if rows.is_empty() {
                    return Err(Error::new(
                        ErrorKind::NotFound,
                        "the query found no row in what was restored",
                    ));
                }
                Ok(())
            })
            .await;
        }
        let largest = manifest.tables.iter().max_by_key(|table| table.rows);
        let Some(largest) = largest else {
            report.query = "SELECT 1".to_owned();
            let one = with_database(config, async |db| db.sql("SELECT 1").scalar::<i64>().await);
            return one.await.map(|_| ());
        };
        let rows = with_database(config, async |db| {
            let parts = largest.name.split('.').map(|part| db.dialect().quote(part));
            let table: Vec<String> = parts.collect();
            report.query = format!("SELECT count(*) FROM {}", table.join("."));
            db.sql(report.query.clone()).scalar::<i64>().await
        })
        .await?;
        if u64::try_from(rows) != Ok(largest.rows) {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "{} has {rows} rows instead of {}",
                    largest.name, largest.rows
                ),
            ));
        }
        Ok(())
    }

    async fn keep(&self, report: &DrillReport) -> Result<()> {
        let text = serde_json::to_vec_pretty(report).map_err(|error| {
            Error::new(
                ErrorKind::Unexpected,
                format!("a report cannot be written: {error}"),
            )
        })?;
        let mut upload = self
            .target
            .create(&self.object(&report.id, ENDING), None)
            .await?;
        upload.write(Bytes::from(text)).await?;
        upload.finish().await
    }

    /// The last drill that ended well, of whichever backup: its report stays when the backup goes.
    pub(super) async fn last_good_drill(&self) -> Result<Option<DrillReport>> {
        let mut last: Option<DrillReport> = None;
        for id in self.drilled().await? {
            let Some(report) = self.read_drill(&id).await? else {
                continue;
            };
            let is_later = last
                .as_ref()
                .is_none_or(|last| report.started_at > last.started_at);
            if report.ok && is_later {
                last = Some(report);
            }
        }
        Ok(last)
    }

    /// The names of the backups of which there is a report.
    pub(super) async fn drilled(&self) -> Result<Vec<String>> {
        let listing = self.target.list(&self.label).await?;
        let start = self.label.len() + 1;
        let ids = listing
            .objects
            .iter()
            .filter_map(|object| object.name.get(start..)?.strip_suffix(ENDING));
        Ok(ids.map(str::to_owned).collect())
    }

    /// The report of the last drill of a backup.
    pub(super) async fn read_drill(&self, id: &str) -> Result<Option<DrillReport>> {
        let name = self.object(id, ENDING);
        let size = match self.target.size(&name).await {
            Ok(size) => size.min(REPORT_LIMIT),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let text = self.target.read_range(&name, 0..size).await?;
        // One of a later version may have another form; it is no reason not to list backups.
        Ok(serde_json::from_slice(&text).ok())
    }
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
