//! Following the log of a database behind a base backup, and recovering from both, on each engine.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::{Config, Error, ErrorKind, Result};
use tokio::sync::watch;

use super::dispatch::Driver;
use super::mysql;
use super::postgres::physical::{self as postgres, Purpose, Recovery};
use super::sqlite::ship;
use super::{Captured, Place, folder};
use crate::archive::{Kind, Log, Manifest, SegmentMeta, Table};
use crate::control::Control;

/// A base that is to be taken: what is fixed before the copying begins.
pub(crate) enum Base {
    File(Box<ship::Base>),
    /// The server's own log is read from where the backup says that it stands.
    Server(Kind),
}

impl Base {
    /// How it is taken.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::File(_) => Kind::Physical,
            Self::Server(kind) => *kind,
        }
    }
}

/// What goes on reading the log from a base on.
pub(crate) enum Follower {
    File {
        follower: Box<ship::Follower>,
        /// The number of its first segment.
        first: u64,
        /// Up to when the archive has everything.
        newest: DateTime<Utc>,
    },
    Server,
}

/// Why following ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It was stopped. All that was acknowledged before is in the archive.
    Stopped,
    /// What comes next in the log is not there any more, and why. A new base is needed.
    Gap(String),
}

/// How the log is followed.
#[derive(Debug, Clone)]
pub(crate) struct Following {
    /// What was acknowledged is in the archive within this time.
    pub(crate) interval: Duration,
    /// A folder on this machine for what is not in the archive yet, where the engine needs one.
    pub(crate) spool: PathBuf,
}

/// What following tells.
#[derive(Debug)]
pub(crate) enum Heard<'a> {
    /// All that was acknowledged before this moment is in the archive.
    Kept(DateTime<Utc>),
    /// Something failed that may pass. It is tried again.
    Waiting(&'a Error),
}

/// Told how following goes.
pub(crate) type Told = dyn Fn(Heard<'_>) + Send + Sync;

/// A server beside the old one, with what was recovered.
pub(crate) struct Recovered {
    /// How its database is reached.
    pub(crate) config: Config,
    /// Its data.
    pub(crate) folder: PathBuf,
    /// The tables of its database, as they were read.
    pub(crate) tables: Vec<Table>,
    /// How an operator puts it in the place of the old one, in words.
    pub(crate) switch: String,
    server: Server,
}

enum Server {
    Postgres(Box<postgres::Instance>),
    MySql(Box<mysql::Instance>),
}

impl Recovered {
    /// Lets it run on when this program ends. Blocks.
    pub(crate) fn leave(self) -> Result<()> {
        match self.server {
            Server::Postgres(instance) => instance.leave().map(|_| ()),
            Server::MySql(instance) => {
                instance.leave_running();
                Ok(())
            }
        }
    }

    /// Stops it. Its data stays. Blocks.
    pub(crate) fn stop(self) -> Result<()> {
        match self.server {
            Server::Postgres(instance) => instance.stop().map(|_| ()),
            Server::MySql(instance) => instance.stop(),
        }
    }
}

impl Driver {
    /// Whether a backup is restored as a server of its own, in a folder.
    pub(crate) fn is_whole_server(&self, kind: Kind) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(_) | Self::MySql(_) => kind == Kind::Physical,
        }
    }

    /// Whether recovery to a moment makes a server of its own, in a folder.
    pub(crate) fn recovers_beside(&self) -> bool {
        !matches!(self, Self::Sqlite(_))
    }

    /// Fixes the moment of a new base, and begins to follow from there.
    pub(crate) async fn begin_base(self: &Arc<Self>) -> Result<(Base, Follower)> {
        match &**self {
            Self::Sqlite(_) => {
                let driver = Arc::clone(self);
                let begun = tokio::task::spawn_blocking(move || match &*driver {
                    Self::Sqlite(engine) => engine.begin_base(ship::Limits::default()).map(Some),
                    Self::Postgres(_) | Self::MySql(_) => Ok(None),
                });
                let begun = begun.await.map_err(Error::unexpected)??;
                let (base, follower) = begun.ok_or_else(|| {
                    Error::new(ErrorKind::Unexpected, "the engine has changed meanwhile")
                })?;
                let follower = Follower::File {
                    newest: base.taken_at(),
                    follower: Box::new(follower),
                    first: 1,
                };
                Ok((Base::File(Box::new(base)), follower))
            }
            Self::Postgres(_) => Ok((Base::Server(Kind::Physical), Follower::Server)),
            Self::MySql(_) => Ok((Base::Server(Kind::Logical), Follower::Server)),
        }
    }

    /// Takes a base. Blocks.
    pub(crate) fn capture_base(
        &self,
        base: Base,
        out: &mut dyn Write,
        control: &Control,
    ) -> Result<Captured> {
        let captured = match (self, base) {
            (Self::Sqlite(engine), Base::File(base)) => engine.capture_base(*base, out, control)?,
            (_, Base::File(_)) => self.capture(Kind::Physical, out, control)?,
            (_, Base::Server(kind)) => self.capture(kind, out, control)?,
        };
        if captured.position.is_some() {
            return Ok(captured);
        }
        Err(Error::new(
            ErrorKind::Configuration,
            "the server writes no log that can be followed",
        )
        .with_hint("on MariaDB and MySQL set log_bin, and binlog_format=ROW"))
    }

    /// Goes on behind a base, where its log in the archive ends. The text says why that cannot be.
    pub(crate) async fn resume(
        self: &Arc<Self>,
        base: &Manifest,
        log: &Log,
    ) -> Result<std::result::Result<Follower, String>> {
        let Some(position) = &base.position else {
            return Ok(Err("the backup has no place in the log".to_owned()));
        };
        if self.recovers_beside() {
            // Whether the server still has what comes next, it says itself.
            return Ok(Ok(Follower::Server));
        }
        let (position, first, newest) = match log.list().await?.last() {
            None => (position.clone(), 1, base.taken_at),
            Some(last) => {
                let (meta, _) = log.read(last).await?;
                (end_of(&meta), last.sequence + 1, last.to)
            }
        };
        let driver = Arc::clone(self);
        let resumed = tokio::task::spawn_blocking(move || match &*driver {
            Self::Sqlite(engine) => engine.resume(&position, ship::Limits::default()).map(Some),
            Self::Postgres(_) | Self::MySql(_) => Ok(None),
        });
        Ok(match resumed.await.map_err(Error::unexpected)?? {
            Some(ship::Resumed::Follower(follower)) => Ok(Follower::File {
                follower,
                first,
                newest,
            }),
            Some(ship::Resumed::Gap(why)) => Err(why),
            None => Ok(Follower::Server),
        })
    }

    /// Puts what is written to the log into the archive, until stopped or there is a gap. What may
    /// pass is waited for.
    pub(crate) async fn follow(
        &self,
        follower: Follower,
        base: &Manifest,
        log: &Log,
        following: &Following,
        control: &Control,
        told: &Told,
    ) -> Result<Ended> {
        match (self, follower) {
            (
                Self::Sqlite(_),
                Follower::File {
                    follower,
                    first,
                    newest,
                },
            ) => {
                let interval = following.interval;
                let sent = |sent: std::result::Result<&crate::archive::Segment, &Error>| {
                    told(match sent {
                        Ok(segment) => Heard::Kept(segment.to),
                        Err(error) => Heard::Waiting(error),
                    });
                };
                let ended =
                    ship::ship(*follower, log, first, newest, interval, control, sent).await?;
                Ok(match ended {
                    ship::Ended::Stopped => Ended::Stopped,
                    ship::Ended::Gap(why) => Ended::Gap(why),
                })
            }
            (Self::Sqlite(_), Follower::Server) => {
                Ok(Ended::Gap("nothing holds the file's log".to_owned()))
            }
            (Self::Postgres(engine), _) => {
                let follow = postgres::Follow {
                    spool: following.spool.clone(),
                    interval: following.interval,
                };
                let tell = |event: postgres::Event<'_>| match event {
                    postgres::Event::Shipped { to, bytes } => {
                        tracing::trace!(target: "mainstay::backup", %to, bytes, "a piece of the log is kept");
                        told(Heard::Kept(to));
                    }
                    postgres::Event::Waiting(error) => told(Heard::Waiting(error)),
                };
                let stop = stopped(control);
                gap_or(
                    engine.follow(base, log, &follow, stop, tell).await,
                    ErrorKind::BackupDamaged,
                )
            }
            (Self::MySql(engine), _) => {
                let (sender, mut receiver) = watch::channel(None);
                let waiting = |error: &Error| told(Heard::Waiting(error));
                let interval = following.interval;
                let followed = engine.follow(base, log, interval, control, &sender, &waiting);
                tokio::pin!(followed);
                loop {
                    tokio::select! {
                        ended = &mut followed => return gap_or(ended, ErrorKind::NotFound),
                        Ok(()) = receiver.changed() => {
                            if let Some(to) = *receiver.borrow_and_update() {
                                told(Heard::Kept(to));
                            }
                        }
                    }
                }
            }
        }
    }

    /// The first moment for which a base can be used.
    pub(crate) fn usable_from(&self, base: &Manifest) -> Result<DateTime<Utc>> {
        match self {
            Self::Sqlite(_) | Self::MySql(_) => Ok(base.taken_at),
            Self::Postgres(_) => postgres::usable_from(base),
        }
    }

    /// The newest moment to which can be recovered behind a base.
    pub(crate) async fn newest(&self, log: &Log) -> Result<Option<DateTime<Utc>>> {
        match self {
            Self::Sqlite(_) => Ok(log.list().await?.last().map(|segment| segment.to)),
            Self::Postgres(_) => postgres::newest(log).await,
            Self::MySql(_) => mysql::MySql::newest(log).await,
        }
    }

    /// Puts what the log has up to a moment, or all of it, on top of a file that was restored. Says
    /// up to when there was something, and whether the log goes on behind the moment.
    pub(crate) async fn bring_forward(
        &self,
        base: &Manifest,
        log: &Log,
        place: &Place,
        to: Option<DateTime<Utc>>,
        control: &Control,
    ) -> Result<(Option<DateTime<Utc>>, bool)> {
        let position = base.position.clone().unwrap_or_default();
        let replayed = ship::recover(log, place, &position, to, control).await?;
        Ok((replayed.newest, replayed.is_complete))
    }

    /// Recovers a server of its own in a folder, from a base and perhaps its log. Blocks.
    pub(crate) fn recover(
        &self,
        base: &Manifest,
        input: &mut dyn Read,
        log: Option<(&Log, Option<DateTime<Utc>>)>,
        folder: &Path,
        is_trial: bool,
        control: &Control,
    ) -> Result<Recovered> {
        match self {
            Self::Sqlite(_) => Err(Error::new(
                ErrorKind::Configuration,
                "a SQLite database is a file, and is restored as one",
            )),
            Self::Postgres(engine) => {
                let recovery = Recovery {
                    base,
                    log: log.map(|(log, _)| log),
                    to: log.and_then(|(_, to)| to),
                    folder,
                    purpose: match is_trial {
                        true => Purpose::Trial,
                        false => Purpose::Use,
                    },
                };
                folder::emptied_on_failure(folder, || {
                    let instance = engine.recover(&recovery, input, control)?;
                    // All of it is read.
                    let tables = instance.tables(engine, control)?;
                    Ok(Recovered {
                        tables,
                        config: instance.config.clone(),
                        folder: instance.folder.clone(),
                        switch: instance.switch(),
                        server: Server::Postgres(Box::new(instance)),
                    })
                })
            }
            Self::MySql(engine) => {
                let recovered = match log {
                    None => engine.restore_beside(base, input, folder, control)?,
                    Some((log, to)) => {
                        let runtime = tokio::runtime::Handle::current();
                        let newest = match to {
                            Some(to) => to,
                            None => runtime
                                .block_on(mysql::MySql::newest(log))?
                                .unwrap_or(base.taken_at),
                        };
                        engine.restore_to(base, input, log, newest, folder, control)?
                    }
                };
                Ok(Recovered {
                    tables: recovered.tables,
                    config: recovered.instance.config.clone(),
                    folder: folder.to_owned(),
                    switch: recovered.switch,
                    server: Server::MySql(Box::new(recovered.instance)),
                })
            }
        }
    }
}

/// Where a segment of a file's log ends.
fn end_of(meta: &SegmentMeta) -> serde_json::Value {
    meta.detail.get("end").cloned().unwrap_or_default()
}

/// Ready when the work is asked to stop.
async fn stopped(control: &Control) {
    while !control.is_cancelled() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// An error of this kind says that the server has removed what comes next.
fn gap_or(ended: Result<()>, gap: ErrorKind) -> Result<Ended> {
    match ended {
        Ok(()) => Ok(Ended::Stopped),
        Err(error) if error.kind() == gap => Ok(Ended::Gap(error.detail().to_owned())),
        Err(error) => Err(error),
    }
}
