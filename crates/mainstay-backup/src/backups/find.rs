//! Which backup is meant.

use std::str::FromStr;

use mainstay::{Error, ErrorKind, Result};

use super::Backups;
use crate::archive::{Archive, Manifest};
use crate::plan::name::{self, ENDING};

/// Which backup is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Which {
    /// The newest complete one.
    #[default]
    Newest,
    /// The one whose name is this, or alone begins with it.
    Named(String),
}

impl FromStr for Which {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(match text {
            "newest" => Self::Newest,
            name => Self::Named(name.to_owned()),
        })
    }
}

impl Backups {
    /// The names of the backups there are, oldest first.
    pub(super) async fn ids(&self) -> Result<Vec<String>> {
        let listing = self.target.list(&self.label).await?;
        let start = self.label.len() + 1;
        let ids = listing
            .objects
            .iter()
            .filter_map(|object| object.name.get(start..)?.strip_suffix(ENDING))
            .filter(|id| name::begun_at(id).is_some());
        // In the order of their names, which is that of time.
        Ok(ids.map(str::to_owned).collect())
    }

    /// The name of the backup that is meant.
    pub(super) async fn find(&self, which: &Which) -> Result<String> {
        let mut ids = self.ids().await?;
        let Some(newest) = ids.last() else {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("there is no backup of {} in {}", self.label, self.target),
            )
            .with_hint("make one with backup create, or name the right --label and target"));
        };
        let wanted = match which {
            Which::Newest => return Ok(newest.clone()),
            Which::Named(name) => name.strip_suffix(ENDING).unwrap_or(name),
        };
        ids.retain(|id| id.starts_with(wanted));
        match ids.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(Error::new(
                ErrorKind::NotFound,
                format!("no backup of {} is called {wanted}", self.label),
            )
            .with_hint("backup list names them")),
            several => Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "{wanted} stands for {} backups: {}",
                    several.len(),
                    several.join(", ")
                ),
            )
            .with_hint("give more of the name")),
        }
    }

    /// What a backup says of itself.
    pub(super) async fn manifest_of(&self, id: &str) -> Result<Manifest> {
        Ok(self.archive(id).await?.manifest().clone())
    }

    /// The same, where the size of its archive is known.
    pub(super) async fn manifest_sized(&self, id: &str, size: u64) -> Result<Manifest> {
        let name = self.object(id, ENDING);
        let keys = self.keys.identities.as_ref();
        let archive = Archive::open_sized(&self.target, &name, size, keys).await?;
        Ok(archive.manifest().clone())
    }

    /// The archive of a backup, with its ends checked.
    pub(super) async fn archive(&self, id: &str) -> Result<Archive> {
        let name = self.object(id, ENDING);
        Archive::open(&self.target, &name, self.keys.identities.as_ref()).await
    }
}
