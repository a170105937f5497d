//! `list`: what there is.

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use mainstay::{Error, Result};
use serde::Serialize;

use super::{Backups, DrillReport, drill};
use crate::archive::Manifest;
use crate::plan::name::{self, ENDING};

/// So many archives are looked into at a time.
const AT_ONCE: usize = 8;

/// One backup of the list.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// Its name.
    pub id: String,
    /// The bytes of its archive.
    pub size: u64,
    /// What it says of itself, or why that cannot be read.
    #[serde(flatten)]
    pub entry: Entry,
    /// Its last drill, if there was one.
    pub drill: Option<DrillReport>,
}

/// What a backup says of itself.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Entry {
    /// A complete backup.
    Complete {
        /// What it says.
        manifest: Box<Manifest>,
    },
    /// It cannot be read.
    Unreadable {
        /// Why.
        error: String,
    },
}

impl Listed {
    /// What it says of itself, if that can be read.
    pub fn manifest(&self) -> Option<&Manifest> {
        match &self.entry {
            Entry::Complete { manifest } => Some(manifest),
            Entry::Unreadable { .. } => None,
        }
    }

    /// When it was taken, or by its name was begun.
    pub fn taken_at(&self) -> Option<DateTime<Utc>> {
        match self.manifest() {
            Some(manifest) => Some(manifest.taken_at),
            None => name::begun_at(&self.id),
        }
    }
}

impl Backups {
    /// The backups there are, oldest first. One that is under way is not among them. Reads the end
    /// of each archive, not the data: whether that can be read, `verify` tells.
    ///
    /// # Errors
    /// Those of reading the target. An archive that cannot be read is an entry of the list.
    pub async fn list(&self) -> Result<Vec<Listed>> {
        let objects = self.target.list(&self.label).await?.objects;
        let start = self.label.len() + 1;
        let archives = objects.iter().filter_map(|object| {
            let id = object.name.get(start..)?.strip_suffix(ENDING)?;
            name::begun_at(id).map(|_| (id.to_owned(), object.size))
        });
        let archives: Vec<(String, u64)> = archives.collect();
        let drilled: Vec<&str> = objects
            .iter()
            .filter_map(|object| object.name.get(start..)?.strip_suffix(drill::ENDING))
            .collect();
        let mut out: Vec<Listed> = stream::iter(archives)
            .map(|(id, size)| {
                let has_drill = drilled.contains(&id.as_str());
                async move { self.look_into(id, size, has_drill).await }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        out.sort_by(|a, b| (a.taken_at(), &a.id).cmp(&(b.taken_at(), &b.id)));
        Ok(out)
    }

    async fn look_into(&self, id: String, size: u64, has_drill: bool) -> Result<Listed> {
        let entry = match self.manifest_sized(&id, size).await {
            Ok(manifest) => Entry::Complete {
                manifest: Box::new(manifest),
            },
            Err(error) if is_of_the_archive(&error) => Entry::Unreadable {
                error: error.detail().to_owned(),
            },
            Err(error) => return Err(error),
        };
        let drill = match has_drill {
            true => self.read_drill(&id).await?,
            false => None,
        };
        Ok(Listed {
            id,
            size,
            entry,
            drill,
        })
    }
}

/// Whether it is the archive that is wrong, and not the way to it.
fn is_of_the_archive(error: &Error) -> bool {
    use mainstay::ErrorKind::{BackupDamaged, BackupRefused};
    matches!(error.kind(), BackupDamaged | BackupRefused)
}
