//! A base backup and its log, put together in a private server.

use std::io::{Read, Write};
use std::path::Path;

use chrono::{DateTime, Utc};
use mainstay::{Error, ErrorKind, Result};

use super::super::instance::{Instance, literal, reached_at};
use super::super::server::Defaults;
use super::super::{MySql, close, programs, quote, verify};

use super::replay::{self, Replay};
use super::tail::BINLOG;
use crate::archive::{Kind, Log, Manifest, Table};
use crate::control::Control;
use crate::engine::folder::emptied_on_failure;
use crate::engine::tools::{Found, Launch, Pipe};

const PIECE: usize = 256 * 1024;

/// A database as it was at a moment, in a private server that runs.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// The server. Stop it, or leave it running.
    pub(crate) instance: Instance,
    /// What it has, as a backup would tell.
    pub(crate) tables: Vec<Table>,
    /// What to do to put it in the place of the old one, in words.
    pub(crate) switch: String,
}

impl MySql {
    /// Recovers the database to a moment: in a private server, made in `folder`, which must be empty,
    /// from a logical base backup, whose raw stream is `input`, and the log that goes with it.
    /// Blocking.
    ///
    /// Everything that was acknowledged before the moment is there. Nothing is that was begun at it or
    /// later where it is a whole second; otherwise what was begun shortly after may be, but nothing
    /// that was begun in the next second.
    ///
    /// # Errors
    /// `BACKUP_REFUSED` when the moment is not within the log, `BACKUP_DAMAGED` when base or log are
    /// not whole, `CONFIGURATION_ERROR` when programs are missing or the folder is not empty; those
    /// of the target, of the server and of statements of the log. The folder is empty again then.
    pub(crate) fn restore_to(
        &self,
        base: &Manifest,
        input: &mut dyn Read,
        log: &Log,
        to: DateTime<Utc>,
        folder: &Path,
        control: &Control,
    ) -> Result<Recovered> {
        emptied_on_failure(folder, || {
            self.put_together(base, input, Some((log, to)), folder, control)
        })
    }

    /// Restores a backup into a private server, made in `folder`, which must be empty: the way to
    /// restore a physical one. Blocking.
    ///
    /// # Errors
    /// As for [`restore_to`](Self::restore_to).
    pub(crate) fn restore_beside(
        &self,
        base: &Manifest,
        input: &mut dyn Read,
        folder: &Path,
        control: &Control,
    ) -> Result<Recovered> {
        emptied_on_failure(folder, || {
            self.put_together(base, input, None, folder, control)
        })
    }

    fn put_together(
        &self,
        base: &Manifest,
        input: &mut dyn Read,
        log: Option<(&Log, DateTime<Utc>)>,
        folder: &Path,
        control: &Control,
    ) -> Result<Recovered> {
        let binlog = self.places.find(&BINLOG, "that of MariaDB", |_| true)?;
        let mut instance = match base.kind {
            Kind::Logical => Instance::start(self, folder, control)?,
            Kind::Physical => self.start_files(base, input, folder, control)?,
        };
        let place = replay::folder(folder)?;
        let (replay, at) = match log {
            Some((log, to)) => {
                let fetched = replay::fetch(base, log, to, place.path(), control);
                (self.wait(fetched)?, to)
            }
            None => (Replay::default(), base.taken_at),
        };
        // The same engine, pointed at the private server.
        let private = Self {
            config: instance.config.clone(),
            ..self.clone()
        };
        let tables = match base.kind {
            Kind::Logical => private.fill(base, input, &binlog, &replay, control)?,
            Kind::Physical => {
                private.replay(&binlog, &replay, None, control)?;
                let tables = private.end(control)?;
                instance.config = self.leave_as_before(&private, &instance)?;
                tables
            }
        };
        let switch = self.switch(base.kind, &instance, at);
        Ok(Recovered {
            instance,
            tables,
            switch,
        })
    }

    /// Drops the user that was made to look at files: the server has those that the old one had.
    fn leave_as_before(&self, private: &Self, instance: &Instance) -> Result<mainstay::Config> {
        let url = &instance.config.url;
        let user = literal(url.user().unwrap_or_default());
        self.wait(async {
            let db = private.connect().await?;
            let dropped = db.script(format!("DROP USER {user}@'127.0.0.1'")).await;
            close(db).await;
            dropped
        })?;
        let (ours, port) = (&self.config.url, url.port().unwrap_or_default());
        reached_at(self, port, ours.user().unwrap_or("root"), ours.password())
    }

    /// Puts base and log into a server that has neither, and has everything looked at.
    pub(super) fn fill(
        &self,
        base: &Manifest,
        input: &mut dyn Read,
        binlog: &Found,
        replay: &Replay,
        control: &Control,
    ) -> Result<Vec<Table>> {
        self.begin()?;
        self.apply(&self.name, input, control)?;
        let scanned = self.tables_of(&self.name, control)?;
        if scanned.tables != base.tables {
            return Err(Error::new(
                ErrorKind::BackupDamaged,
                format!(
                    "backup {} was restored, but has other rows than it says",
                    base.id
                ),
            )
            .with_hint("recover from another backup"));
        }
        self.replay(binlog, replay, Some(&self.name), control)?;
        self.end(control)
    }

    /// Makes the database, and lets the server be quick for as long as nobody relies on it.
    fn begin(&self) -> Result<()> {
        self.wait(async {
            let db = self.connect().await?;
            let defaults = Defaults::usual(db.dialect());
            let made = db
                .script(format!(
                    "CREATE DATABASE {} {}; SET GLOBAL innodb_flush_log_at_trx_commit = 2",
                    quote(&self.name),
                    defaults.clause()
                ))
                .await;
            close(db).await;
            made
        })
    }

    /// Runs the log, or what it has of one database.
    fn replay(
        &self,
        binlog: &Found,
        replay: &Replay,
        only: Option<&str>,
        control: &Control,
    ) -> Result<()> {
        if replay.files.is_empty() {
            return Ok(());
        }
        let mut reader = Launch::new(binlog, programs::classify)
            .without_environment("MYSQL")
            .without_environment("MARIADB")
            .arg("--no-defaults")
            // The log begins where the base stands, which is no gap; programs that look for gaps
            // know the option.
            .arg("--loose-gtid-strict-mode=0")
            .args(only.map(|name| format!("--database={name}")))
            .arg(format!("--stop-position={}", replay.stop))
            .args(&replay.files)
            .start(Pipe::Output, control)?;
        let mut client = self.client(&self.name, control)?;
        let mut buffer = vec![0; PIECE];
        let told = |why| crate::failure::from_io("putting the log on top of the base", why);
        loop {
            control.check()?;
            let read = match reader.read(&mut buffer) {
                Ok(read) => read,
                Err(error) => return Err(reader.fail(told(error))),
            };
            if read == 0 {
                break;
            }
            control.add(read as u64);
            if let Err(error) = client.write_all(&buffer[..read]) {
                return Err(client.fail(told(error)));
            }
        }
        reader.finish()?;
        client.finish()?;
        Ok(())
    }

    /// Has everything looked at, and the server careful again.
    fn end(&self, control: &Control) -> Result<Vec<Table>> {
        self.wait(async {
            let db = self.connect().await?;
            let looked = async {
                verify::look(&db, &self.name, control).await?;
                db.script("SET GLOBAL innodb_flush_log_at_trx_commit = 1; FLUSH LOGS")
                    .await
            };
            let looked = looked.await;
            close(db).await;
            looked
        })?;
        Ok(self.tables_of(&self.name, control)?.tables)
    }

    fn switch(&self, kind: Kind, instance: &Instance, at: DateTime<Utc>) -> String {
        let url = &instance.config.url;
        let has = match kind {
            Kind::Logical => {
                "It has this database only, and no users but the one of its configuration"
            }
            Kind::Physical => "It has all databases and users of the old server",
        };
        format!(
            "{name} as it was at {at} is in a private server on port {port} of 127.0.0.1. {has}. Look \
             at it first; kill $(cat '{folder}/pid') stops it. Then either point the services to it, \
             once it is started with an address they reach and with a binary log of its own:\n  \
             {command}\nor stop the services, back this database up ({url}) and restore that backup \
             into the old server, which keeps the old database aside.",
            name = self.name,
            port = url.port().unwrap_or_default(),
            command = instance.command,
            folder = instance.folder().display(),
        )
    }
}
