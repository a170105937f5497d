//! Makes a new, empty migration.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use mainstay::Result;

use super::error::{io, wrong};
use super::files::read;
use crate::migration::is_name;

/// Makes the folder of a new migration, with an empty text for each way and dialect; without
/// dialects, with texts that all dialects share. Makes the folder of all migrations, too, if it is
/// missing. `now` is the migration's version, to the second.
///
/// # Errors
/// `CONFIGURATION_ERROR` when the name is not one, when a migration is as new as this one would be,
/// when the folder cannot be read or written.
pub fn create(folder: &Path, name: &str, now: DateTime<Utc>, dialects: &[&str]) -> Result<PathBuf> {
    if !is_name(name) {
        return Err(wrong(format!(
            "{name:?} is no migration's name: it must be 1 to 200 lower-case letters, digits and \
             underscores"
        )));
    }
    fs::create_dir_all(folder).map_err(|source| io("cannot make the folder", folder, source))?;
    let version = now.format("%Y%m%d%H%M%S").to_string();
    let there = read(folder)?;
    if let Some(newest) = there.set.migrations().last()
        && *newest.version >= *version
    {
        return Err(wrong(format!(
            "a migration made now, {version}, would not be newer than {}",
            newest.label()
        ))
        .with_hint("look at the clock of this machine, and at the versions of the migrations"));
    }
    let made = folder.join(format!("{version}_{name}"));
    fs::create_dir(&made).map_err(|source| io("cannot make the folder", &made, source))?;
    let title = name.replace('_', " ");
    for (way, remark) in [
        ("up", "what is to be done"),
        (
            "down",
            "what undoes it, or: mainstay: irreversible because REASON",
        ),
    ] {
        let files = match dialects {
            [] => vec![format!("{way}.sql")],
            some => some
                .iter()
                .map(|slug| format!("{way}.{slug}.sql"))
                .collect(),
        };
        for file in files {
            let path = made.join(file);
            fs::write(&path, format!("-- {title}: {remark}\n"))
                .map_err(|source| io("cannot write", &path, source))?;
        }
    }
    Ok(made)
}
