//! Puts one migration in place of many.

use std::fs;
use std::path::{Path, PathBuf};

use mainstay::Result;

use super::{io, read, wrong};
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

/// Replaces all migrations up to a version by one, whose texts are given: those that make an empty
/// database what the old ones together make it.
///
/// The new one has that version, and says which it stands for. A database that has applied those
/// has nothing to do; one that has applied a part of them is refused until it has been brought to
/// that version by a release that still knows them.
///
/// # Errors
/// `CONFIGURATION_ERROR` when there is no such version, the name is not one or is that of the
/// newest replaced migration, a text lacks for a dialect that the old ones have, or the folder
/// cannot be read or written.
pub fn squash(folder: &Path, to: &str, name: &str, texts: &[SquashText]) -> Result<Squashed> {
    let there = read(folder)?;
    let all = there.set.migrations();
    let old: Vec<_> = all.iter().filter(|m| m.version <= to).collect();
    let (Some(first), Some(last)) = (old.first(), old.last()) else {
        return Err(wrong(format!("there is no migration up to {to}")));
    };
    if last.version != to {
        return Err(wrong(format!("there is no migration of version {to}")));
    }
    if !is_name(name) || name == last.name {
        return Err(wrong(format!(
            "{name:?} cannot be its name: it must be 1 to 200 lower-case letters, digits and \
             underscores, and not {:?}, by which the old one is told from it",
            last.name
        )));
    }
    covers(folder, &old_files(folder, &old)?, texts)?;
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
    let made = folder.join(format!("{to}_{name}"));
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
    let replaced: Vec<String> = old.iter().map(|migration| migration.label()).collect();
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
fn covers(folder: &Path, old: &[String], texts: &[SquashText]) -> Result<()> {
    let shared = texts.iter().any(|text| text.slug.is_none());
    for slug in SLOTS {
        let file = format!("up.{slug}.sql");
        let given = shared || texts.iter().any(|text| text.slug == Some(slug));
        if old.contains(&file) && !given {
            return Err(wrong(format!(
                "migrations in {} have {file}, and no text for it is given",
                folder.display()
            )));
        }
    }
    if texts.is_empty() {
        return Err(wrong("no text is given"));
    }
    Ok(())
}
