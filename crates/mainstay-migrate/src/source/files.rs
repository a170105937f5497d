//! Reads a folder of migrations.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mainstay::Result;

use super::error::{io, wrong};
use crate::dialect::SLOTS;
use crate::migration::{ByDialect, Direction, MigrationSet, Stored, is_name, is_version};

/// The most bytes that one file may have.
pub const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// The most bytes that all files of a folder may have together.
pub const MOST_BYTES_IN_ALL: u64 = 256 * 1024 * 1024;

/// The most migrations that a folder may have.
pub const MOST_MIGRATIONS: usize = 10_000;

/// A folder that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// Its migrations.
    pub set: MigrationSet,
    /// Files that nothing reads, each in words.
    pub warnings: Vec<String>,
}

impl MigrationSet {
    /// The migrations of a folder, as [`read`] reads it.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn from_folder(path: impl AsRef<std::path::Path>) -> Result<Self> {
        Ok(read(path.as_ref())?.set)
    }
}

/// Reads a folder of migrations.
///
/// That a migration has no text for a dialect is told when that dialect is needed: many
/// applications speak one only.
///
/// # Errors
/// `CONFIGURATION_ERROR` when the folder is not there, a folder in it is badly named, two have the
/// same version, a migration has no text at all, or a file is not UTF-8, is larger than
/// [`MOST_BYTES`], or looks like a migration's and is none.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let one = folder.path().join("20260101000000_create_notes");
/// std::fs::create_dir(&one)?;
/// std::fs::write(one.join("up.sql"), "CREATE TABLE notes (id BIGINT PRIMARY KEY)")?;
/// let found = mainstay_migrate::source::read(folder.path())?;
/// assert_eq!(found.set.migrations()[0].name, "create_notes");
/// assert!(found.warnings.is_empty());
/// # Ok(())
/// # }
/// ```
pub fn read(path: &Path) -> Result<Folder> {
    let entries = fs::read_dir(path).map_err(|source| {
        io("cannot read the folder of migrations", path, source)
            .with_hint("name the folder that has the migrations")
    })?;
    let mut warnings = Vec::new();
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| io("cannot read the folder", path, source))?;
        let Ok(name) = entry.file_name().into_string() else {
            return Err(wrong(format!(
                "{} has an entry whose name is not UTF-8",
                path.display()
            )));
        };
        // Of editors, of version control.
        if name.starts_with('.') {
            continue;
        }
        if entry.path().is_dir() {
            names.push(name);
        } else {
            warnings.push(format!(
                "{} is passed over: a migration is a folder",
                entry.path().display()
            ));
        }
    }
    if names.len() > MOST_MIGRATIONS {
        return Err(wrong(format!(
            "{} has {} migrations; at most {MOST_MIGRATIONS} are read",
            path.display(),
            names.len()
        ))
        .with_hint("squash old ones"));
    }
    names.sort();
    let mut migrations: Vec<Stored> = Vec::new();
    let mut bytes = 0;
    for folder in names {
        let (version, name) = parts(&folder).ok_or_else(|| {
            wrong(format!(
                "{} is no migration's name",
                path.join(&folder).display()
            ))
            .with_hint(
                "name it by 14 digits, YYYYMMDDhhmmss, an underscore, and lower-case letters, \
                 digits and underscores: 20260214093000_add_nickname",
            )
        })?;
        if let Some(before) = migrations.last()
            && before.version == version
        {
            return Err(wrong(format!(
                "{} has two migrations of version {version}: {} and {name}",
                path.display(),
                before.name
            ))
            .with_hint("give one of them another version"));
        }
        let (up, down) = texts(&path.join(&folder), &mut bytes, &mut warnings)?;
        migrations.push(Stored {
            version: version.to_owned(),
            name: name.to_owned(),
            up,
            down,
        });
    }
    warnings.sort();
    Ok(Folder {
        path: path.to_owned(),
        set: MigrationSet::of_folder(migrations),
        warnings,
    })
}

/// The version and the name in the name of a folder.
pub(super) fn parts(folder: &str) -> Option<(&str, &str)> {
    let (version, name) = folder.split_once('_')?;
    (is_version(version) && is_name(name)).then_some((version, name))
}

/// The texts of one migration, up and down.
fn texts(
    folder: &Path,
    bytes: &mut u64,
    warnings: &mut Vec<String>,
) -> Result<(ByDialect, ByDialect)> {
    let mut shared: [Option<Arc<str>>; 2] = [None, None];
    let mut own: [ByDialect; 2] = Default::default();
    let entries =
        fs::read_dir(folder).map_err(|source| io("cannot read the folder", folder, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| io("cannot read the folder", folder, source))?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let way = [Direction::Up, Direction::Down]
            .iter()
            .position(|direction| name.split('.').next() == Some(direction.as_str()));
        let Some(way) = way else {
            warnings.push(format!("{} is passed over", path.display()));
            continue;
        };
        let middle = name
            .split_once('.')
            .and_then(|(_, rest)| rest.strip_suffix("sql"));
        let slot = match middle {
            Some("") => None,
            Some(dialect) => match SLOTS
                .iter()
                .position(|slug| dialect.strip_suffix('.') == Some(slug))
            {
                Some(slot) => Some(slot),
                None => return Err(misnamed(&path)),
            },
            None => return Err(misnamed(&path)),
        };
        let text: Arc<str> = text(&path, bytes)?.into();
        match slot {
            None => shared[way] = Some(text),
            Some(slot) => own[way][slot] = Some(text),
        }
    }
    for (own, shared) in own.iter_mut().zip(&shared) {
        for text in own.iter_mut().filter(|text| text.is_none()) {
            text.clone_from(shared);
        }
    }
    let [up, down] = own;
    if up.iter().all(Option::is_none) {
        return Err(wrong(format!(
            "{} has neither up.sql nor an up file of a dialect",
            folder.display()
        ))
        .with_hint(format!(
            "write up.sql, or up.{}.sql for one engine",
            SLOTS.join(".sql, up.")
        )));
    }
    Ok((up, down))
}

fn misnamed(path: &Path) -> mainstay::Error {
    wrong(format!(
        "{} looks like a migration's file and would not be read",
        path.display()
    ))
    .with_hint(format!(
        "the files are up.sql and down.sql, or with a dialect: {}; MariaDB's is mysql",
        SLOTS.map(|slug| format!("up.{slug}.sql")).join(", ")
    ))
}

fn text(path: &Path, bytes: &mut u64) -> Result<String> {
    let file =
        fs::File::open(path).map_err(|source| io("cannot read the migration", path, source))?;
    let mut raw = Vec::new();
    // One more than it may have: a file that grows, or is no regular one, ends here too.
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut raw)
        .map_err(|source| io("cannot read the migration", path, source))?;
    let length = raw.len() as u64;
    if length > MOST_BYTES {
        return Err(wrong(format!(
            "{} is larger than {} MB",
            path.display(),
            MOST_BYTES / 1024 / 1024
        ))
        .with_hint("load data by other means than a migration"));
    }
    *bytes += length;
    if *bytes > MOST_BYTES_IN_ALL {
        return Err(wrong(format!(
            "the migrations together are larger than {} MB",
            MOST_BYTES_IN_ALL / 1024 / 1024
        ))
        .with_hint("squash old ones"));
    }
    String::from_utf8(raw).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let good = &error.as_bytes()[..at];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        wrong(format!("{} line {line} is not UTF-8", path.display())).with_hint("save it as UTF-8")
    })
}
