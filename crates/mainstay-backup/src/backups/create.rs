//! `create`: a backup, taken while everybody goes on working.

use std::sync::Arc;

use mainstay::{Error, ErrorKind, Result};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::Backups;
use super::trial::schema_version;
use super::work::attended;
use crate::archive::{self, Kind, Manifest, SchemaVersion};
use crate::control::Control;
use crate::engine::follow::Base;
use crate::engine::{Captured, Driver};
use crate::pipe::{self, PipeSink};
use crate::plan::name::{self, ENDING};

/// How a backup is taken.
#[derive(Debug, Clone, Default)]
pub struct Create {
    /// As statements or as the engine's files. By default, statements on servers and the file on
    /// SQLite.
    pub kind: Option<Kind>,
    /// How hard is compressed, from 1 to 19; 1 by default, at which compressing hardly takes longer than
    /// the engine's own tool.
    pub level: Option<i32>,
}

impl Backups {
    /// Takes a backup: online, of one moment, without keeping writers waiting. It is in the target
    /// under its name only when it is complete and on disk.
    ///
    /// When the future is dropped or `control` is cancelled, nothing is left of it.
    ///
    /// # Errors
    /// Those of connecting and of the target. `CONFIGURATION_ERROR` names a program of the engine
    /// that is missing, and what to install.
    pub async fn create(&self, options: &Create, control: &Control) -> Result<Manifest> {
        self.take(options, None, control).await
    }

    /// Takes a backup, or a base whose moment is fixed already.
    pub(super) async fn take(
        &self,
        options: &Create,
        base: Option<Base>,
        control: &Control,
    ) -> Result<Manifest> {
        let started_at = self.clock.now();
        let started = Instant::now();
        let driver = self.driver(&self.config)?;
        let schema = schema_version(&self.config).await?;
        let kind = match &base {
            Some(base) => base.kind(),
            None => options.kind.unwrap_or(driver.usual_kind()),
        };
        let size = driver.size().await?;
        control.begin("copying", size);

        let id = name::new_id(started_at, self.entropy.as_ref());
        let object = self.object(&id, ENDING);
        let manifest = Manifest {
            format: archive::manifest::FORMAT,
            id,
            label: self.label.clone(),
            engine: self.config.url.engine().into(),
            engine_version: String::new(),
            kind,
            tools: Vec::new(),
            mainstay: env!("CARGO_PKG_VERSION").to_owned(),
            schema,
            started_at,
            taken_at: started_at,
            duration_ms: 0,
            position: None,
            raw_bytes: 0,
            stored_bytes: 0,
            chunks: 0,
            hash: String::new(),
            is_encrypted: false,
            tables: Vec::new(),
        };
        let job = Job {
            backups: self.clone(),
            driver,
            settings: self.settings(options),
            manifest,
            base,
            started,
            control: control.clone(),
            runtime: Handle::current(),
        };
        let made = pipe::upload(&self.target, &object, size, move |sink| job.run(sink));
        attended(control, made).await
    }

    fn settings(&self, options: &Create) -> archive::Options {
        let usual = archive::Options::default();
        archive::Options {
            level: options.level.unwrap_or(usual.level),
            recipients: self.keys.recipients.clone(),
            ..usual
        }
    }
}

/// What is done on a thread.
struct Job {
    backups: Backups,
    driver: Arc<Driver>,
    settings: archive::Options,
    manifest: Manifest,
    base: Option<Base>,
    started: Instant,
    control: Control,
    runtime: Handle,
}

impl Job {
    fn run(self, sink: PipeSink) -> Result<Manifest> {
        let entropy = self.backups.entropy.as_ref();
        let control = self.control.clone();
        let mut writer = archive::Writer::new(sink, &self.settings, entropy, control)?;
        let captured = match self.base {
            Some(base) => self.driver.capture_base(base, &mut writer, &self.control)?,
            None => self
                .driver
                .capture(self.manifest.kind, &mut writer, &self.control)?,
        };
        let config = &self.backups.config;
        let after = self.runtime.block_on(schema_version(config))?;
        let manifest = Manifest {
            schema: match &captured.schema {
                Some(schema) => Some(schema.clone()),
                None => same(self.manifest.schema.clone(), after)?,
            },
            duration_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            ..with(self.manifest, captured)
        };
        let (manifest, _) = writer.finish(manifest)?;
        Ok(manifest)
    }
}

fn with(manifest: Manifest, captured: Captured) -> Manifest {
    Manifest {
        engine_version: captured.engine_version,
        tools: captured.tools,
        taken_at: captured.taken_at,
        position: captured.position,
        tables: captured.tables,
        ..manifest
    }
}

/// The migrations of the moment that was taken: those of before and after, if they are the same.
fn same(
    before: Option<SchemaVersion>,
    after: Option<SchemaVersion>,
) -> Result<Option<SchemaVersion>> {
    if before == after {
        return Ok(before);
    }
    Err(Error::new(
        ErrorKind::WriteConflict,
        "the database was migrated while it was backed up",
    )
    .with_hint("take the backup again, before or after the migration"))
}
