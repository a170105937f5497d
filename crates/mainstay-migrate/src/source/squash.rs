//! Puts one migration in place of many.

use std::fs;
use std::path::{Path, PathBuf};

use mainstay::Result;

use super::error::{io, wrong};
use super::files::read;
use crate::dialect::SLOTS;
use crate::directive::directives;
use crate::migration::{Direction, is_name};

/// What the new migration does, for one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SquashText {
    /// The dialect in file names: `sqlite`, `postgres`, `mysql`. `None` for a text that all read.
    pub slug: Option<&'static str>,
    /// The SQL.
    pub sql: String,
}

/// What squashing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Squashed {
    /// The folder of the new migration.
    pub made: PathBuf,
    /// The names of the folders that it replaces, which are gone.
    pub replaced: Vec<String>,
}

/// What squashing would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SquashPlan {
    /// The folder of the new migration.
    pub made: PathBuf,
    /// The names of the folders that it replaces, oldest first.
    pub replaced: Vec<String>,
    /// The version of the oldest migration that it stands for, earlier squashes included.
    pub oldest: String,
    /// The engines, by the word in file names, that one of the old ones has a text of its own for,
    /// and that the new one needs a text for.
    pub engines: Vec<&'static str>,
}

/// What replacing all migrations up to a version by one would do. Reads only.
///
/// # Errors
/// `CONFIGURATION_ERROR` when there is no such version or it is the only one, the name is not one
/// or is that of the newest replaced migration, or the folder cannot be read.
pub fn squash_plan(folder: &Path, to: &str, name: &str) -> Result<SquashPlan> {
    let there = read(folder)?;
    let all = there.set.migrations();
    let old: Vec<_> = all.iter().filter(|m| m.version <= to).collect();
    let (Some(first), Some(last)) = (old.first(), old.last()) else {
        return Err(wrong(format!("there is no migration up to {to}")));
    };
    if last.version != to {
        return Err(wrong(format!("there is no migration of version {to}")));
    }
    if old.len() < 2 {
        return Err(wrong(format!(
            "there is nothing to squash: up to {to} there is only {}",
            last.label()
        )));
    }
    if !is_name(name) || name == last.name {
        return Err(wrong(format!(
            "{name:?} cannot be its name: it must be 1 to 200 lower-case letters, digits and \
             underscores, and not {:?}, by which the old one is told from it",
            last.name
        )));
    }
    // What an earlier squash stands for, this one stands for too.
    let mut oldest = first.version.to_owned();
    for (slot, _) in SLOTS.iter().enumerate() {
        let dialect = crate::dialect::of_slot(slot);
        if let Ok(Some(text)) = there.set.text(first.version, Direction::Up, dialect)
            && let Ok(found) = directives(dialect, text)
            && let Some(replaces) = found.replaces
        {
            oldest = oldest.min(replaces.first);
        }
    }
    let files = old_files(folder, &old)?;
    let has = |slug: &&str| files.contains(&format!("up.{slug}.sql"));
    Ok(SquashPlan {
        made: folder.join(format!("{to}_{name}")),
        replaced: old.iter().map(|migration| migration.label()).collect(),
        oldest,
        engines: SLOTS.into_iter().filter(has).collect(),
    })
}

/// Replaces all migrations up to a version by one, whose texts are given: those that make an empty
/// database what the old ones together make it.
///
/// The new one has that version, and says which it stands for. A database that has applied those
/// has nothing to do; one that has applied a part of them is refused until it has been brought to
/// that version by a release that still knows them.
///
/// # Errors
/// `CONFIGURATION_ERROR` as [`squash_plan`]; when a text lacks for a dialect that the old ones
/// have, or the folder cannot be written.
pub fn squash(folder: &Path, to: &str, name: &str, texts: &[SquashText]) -> Result<Squashed> {
    let SquashPlan {
        made,
        replaced,
        oldest,
        engines,
    } = squash_plan(folder, to, name)?;
    covers(folder, &engines, texts)?;
    // Written aside and then renamed, so that it is there as a whole or not at all.
    let aside = folder.join(format!(".{to}_{name}.new"));
    if aside.exists() {
        fs::remove_dir_all(&aside).map_err(|source| io("cannot remove", &aside, source))?;
    }
    fs::create_dir(&aside).map_err(|source| io("cannot make the folder", &aside, source))?;
    for text in texts {
        let file = match text.slug {
            Some(slug) => format!("up.{slug}.sql"),
            None => "up.sql".to_owned(),
        };
        let path = aside.join(file);
        let content = format!(
            "-- mainstay: replaces {oldest}..{to}\n\
             -- mainstay: irreversible because it stands for all migrations up to {to}\n\n{}\n",
            text.sql.trim()
        );
        fs::write(&path, content).map_err(|source| io("cannot write", &path, source))?;
    }
    fs::rename(&aside, &made).map_err(|source| io("cannot rename", &aside, source))?;
    for label in &replaced {
        let path = folder.join(label);
        fs::remove_dir_all(&path).map_err(|source| io("cannot remove", &path, source))?;
    }
    Ok(Squashed { made, replaced })
}

/// The names of the up files that the old migrations have.
fn old_files(folder: &Path, old: &[&crate::MigrationRef<'_>]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for migration in old {
        let path = folder.join(migration.label());
        let entries =
            fs::read_dir(&path).map_err(|source| io("cannot read the folder", &path, source))?;
        for entry in entries {
            let entry = entry.map_err(|source| io("cannot read the folder", &path, source))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// Refuses when an engine that the old migrations serve would have no text.
fn covers(folder: &Path, engines: &[&str], texts: &[SquashText]) -> Result<()> {
    if texts.is_empty() {
        return Err(wrong("no text is given"));
    }
    let given = |slug: &str| {
        let fits = |text: &SquashText| text.slug.is_none_or(|of| of == slug);
        texts.iter().any(fits)
    };
    match engines.iter().find(|slug| !given(slug)) {
        None => Ok(()),
        Some(slug) => Err(wrong(format!(
            "migrations in {} have up.{slug}.sql, and no text for it is given",
            folder.display()
        ))),
    }
}
