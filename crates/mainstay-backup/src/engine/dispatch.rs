//! The engine of a configuration, and what it does for a backup and a restore.

use std::io::{Read, Write};
use std::sync::Arc;

use mainstay::config::EngineKind;
use mainstay::{Clock, Config, Entropy, Result};

use super::mysql::MySql;
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::{Captured, Place, Swapped};
use crate::archive::{Kind, Manifest, Table};
use crate::control::Control;

/// The engine of a database.
#[derive(Debug)]
pub(crate) enum Driver {
    Sqlite(Sqlite),
    Postgres(Postgres),
    MySql(MySql),
}

impl Driver {
    pub(crate) fn new(
        config: &Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self> {
        Ok(match config.url.engine() {
            EngineKind::Sqlite => Self::Sqlite(Sqlite::new(config, clock, entropy)?),
            EngineKind::Postgres => Self::Postgres(Postgres::new(config, clock, entropy)?),
            EngineKind::MySql => Self::MySql(MySql::new(config, clock, entropy)?),
        })
    }

    /// How it is backed up if nothing else is asked for.
    pub(crate) fn usual_kind(&self) -> Kind {
        match self {
            Self::Sqlite(_) => Kind::Physical,
            Self::Postgres(_) | Self::MySql(_) => Kind::Logical,
        }
    }

    /// About how many bytes a capture writes.
    pub(crate) async fn size(&self) -> Result<Option<u64>> {
        match self {
            Self::Sqlite(engine) => engine.size().await,
            Self::Postgres(engine) => engine.size().await,
            Self::MySql(engine) => engine.size().await,
        }
    }

    /// Takes a backup. Blocks.
    pub(crate) fn capture(
        &self,
        kind: Kind,
        out: &mut dyn Write,
        control: &Control,
    ) -> Result<Captured> {
        match self {
            Self::Sqlite(engine) => engine.capture(kind, out, control),
            Self::Postgres(engine) => engine.capture(kind, out, control),
            Self::MySql(engine) => engine.capture(kind, out, control),
        }
    }

    /// Removes the places of restores that were killed, and names them. One that is in use stays,
    /// and so does every database that a swap has kept.
    pub(crate) async fn clear_leftovers(&self) -> Result<Vec<String>> {
        match self {
            Self::Sqlite(engine) => engine.clear_leftovers().await,
            Self::Postgres(engine) => engine.clear_leftovers().await,
            Self::MySql(engine) => engine.clear_leftovers().await,
        }
    }

    /// Makes an empty place to restore to.
    pub(crate) async fn place(&self) -> Result<Place> {
        match self {
            Self::Sqlite(engine) => engine.place().await,
            Self::Postgres(engine) => engine.place().await,
            Self::MySql(engine) => engine.place().await,
        }
    }

    /// Fills a place with what a capture wrote. Blocks.
    pub(crate) fn restore(
        &self,
        manifest: &Manifest,
        input: &mut dyn Read,
        place: &Place,
        control: &Control,
    ) -> Result<()> {
        match self {
            Self::Sqlite(engine) => engine.restore(manifest, input, place, control),
            Self::Postgres(engine) => engine.restore(manifest, input, place, control),
            Self::MySql(engine) => engine.restore(manifest, input, place, control),
        }
    }

    /// Looks a place over, and tells its tables as a capture of it would. Blocks.
    pub(crate) fn verify(
        &self,
        manifest: &Manifest,
        place: &Place,
        control: &Control,
    ) -> Result<Vec<Table>> {
        match self {
            Self::Sqlite(engine) => engine.verify(manifest, place, control),
            Self::Postgres(engine) => engine.verify(manifest, place, control),
            Self::MySql(engine) => engine.verify(manifest, place, control),
        }
    }

    /// Whether the database can give its place, as far as that can be told before a long restore.
    /// `force` as in [`swap`](Self::swap).
    pub(crate) async fn can_swap(&self, force: bool) -> Result<()> {
        match self {
            Self::Sqlite(engine) => engine.can_swap().await,
            Self::Postgres(engine) => engine.can_swap(force).await,
            Self::MySql(engine) => engine.clone().with_force(force).can_swap().await,
        }
    }

    /// Puts a place where the database is, and keeps that aside. After an error, the place is gone
    /// and the database is where it was. `force` ends the sessions that use it, on servers.
    pub(crate) async fn swap(&self, place: Place, force: bool) -> Result<Swapped> {
        match self {
            Self::Sqlite(engine) => engine.swap(place).await,
            Self::Postgres(engine) => {
                let swapped = engine.swap(&place, force).await;
                match swapped {
                    Ok(_) => place.release().await,
                    // The first error says more.
                    Err(_) => drop(engine.discard(place).await),
                }
                swapped
            }
            Self::MySql(engine) => {
                let engine = engine.clone().with_force(force);
                let swapped = engine.swap(place.clone()).await;
                match swapped {
                    Ok(_) => place.release().await,
                    // What it had begun is brought to its end first: the place may hold its journal.
                    Err(_) if engine.recover().await.is_ok() => {
                        drop(engine.discard(place).await);
                    }
                    Err(_) => {}
                }
                swapped
            }
        }
    }

    /// Removes a place.
    pub(crate) async fn discard(&self, place: Place) -> Result<()> {
        match self {
            Self::Sqlite(engine) => engine.discard(place).await,
            Self::Postgres(engine) => engine.discard(place).await,
            Self::MySql(engine) => engine.discard(place).await,
        }
    }
}
