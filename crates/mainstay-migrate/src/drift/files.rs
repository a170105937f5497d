//! A draft as a migration's folder.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use mainstay::schema::Dialect;
use mainstay::{Error, ErrorKind, Result};

use crate::MigrationSet;
use crate::diff::Draft;
use crate::migration::Direction;
use crate::source;

/// A drafted migration: what it does, what undoes it, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drafted<'a> {
    /// What it does, in lower case with underscores.
    pub name: &'a str,
    /// For which engine.
    pub dialect: Dialect,
    /// The SQL that does it.
    pub up: &'a Draft,
    /// The SQL that undoes it.
    pub down: &'a Draft,
    /// What it was drafted from, for the first line of the files: `drafted from the entities`.
    pub origin: &'a str,
}

/// The migration of a set that a draft of this name for this dialect belongs to: the newest, when
/// it has this name and texts for other dialects alone. There, the drafts for the engines of an
/// application meet in one migration.
pub fn unfinished(set: &MigrationSet, name: &str, dialect: Dialect) -> Option<String> {
    let newest = set.migrations().last().map(|m| (m.name, m.version))?;
    let (found, version) = newest;
    let missing = set.text(version, Direction::Up, dialect).is_err();
    (found == name && missing).then(|| version.to_owned())
}

/// A set without a migration of this version.
pub fn without(set: &MigrationSet, version: &str) -> MigrationSet {
    set.only(|other| other != version)
}

/// A set with only the migrations up to a version.
pub fn up_to(set: &MigrationSet, version: &str) -> MigrationSet {
    set.only(|other| other <= version)
}

/// Writes a drafted migration into the folder of all migrations: into a new one whose version is
/// `now`, or into that of `version`. Returns its folder.
///
/// # Errors
/// `CONFIGURATION_ERROR` as for [`source::create`]; when a file is there already.
pub fn write(
    folder: &Path,
    drafted: &Drafted<'_>,
    version: Option<&str>,
    now: DateTime<Utc>,
) -> Result<PathBuf> {
    let slug = drafted.dialect.slug();
    let made = match version {
        Some(version) => folder.join(format!("{version}_{}", drafted.name)),
        None => source::create(folder, drafted.name, now, &[slug])?,
    };
    let title = drafted.name.replace('_', " ");
    for (way, draft) in [("up", drafted.up), ("down", drafted.down)] {
        let path = made.join(format!("{way}.{slug}.sql"));
        if version.is_some() && path.exists() {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("{} is there already", path.display()),
            ));
        }
        let text = format!(
            "-- {title}: {}; read it before it runs\n\n{draft}",
            drafted.origin
        );
        fs::write(&path, text).map_err(|source| {
            Error::new(
                ErrorKind::Configuration,
                format!("cannot write {}: {source}", path.display()),
            )
            .with_source(source)
        })?;
    }
    Ok(made)
}
