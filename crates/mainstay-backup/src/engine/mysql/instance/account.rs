//! Who a private server runs as, and who may sign in.

use std::fs::{self, OpenOptions};
use std::io::{Error, Result, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::engine::tools::Launch;

/// The users under which a server is run where this process is root, under which none runs.
const NAMES: &[&str] = &["mysql", "nobody"];

/// The user and group of the system under which a server runs, if that is not this process's own.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine::mysql) struct Account(Option<(u32, u32)>);

impl Account {
    /// The account for a server with its files in a folder, which is made where there is none.
    pub(in crate::engine::mysql) fn choose(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        // Whoever makes a file owns it.
        let probe = tempfile::NamedTempFile::new_in(folder)?;
        if probe.as_file().metadata()?.uid() != 0 {
            return Ok(Self(None));
        }
        let accounts = fs::read_to_string("/etc/passwd")?;
        let found = NAMES.iter().find_map(|name| {
            let mut lines = accounts.lines();
            let line = lines.find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        });
        if found.is_none() {
            return Err(Error::other(format!(
                "a server does not run as root, and none of the users {} exists",
                NAMES.join(", ")
            )));
        }
        Ok(Self(found))
    }

    /// Gives it a file, or a folder without what is in it.
    pub(in crate::engine::mysql) fn give(self, path: &Path) -> Result<()> {
        match self.0 {
            Some((user, group)) => lchown(path, Some(user), Some(group)),
            None => Ok(()),
        }
    }

    /// Gives it a folder and all that is in it.
    pub(in crate::engine::mysql) fn give_all(self, path: &Path) -> Result<()> {
        self.give(path)?;
        if fs::symlink_metadata(path)?.is_dir() {
            for entry in fs::read_dir(path)? {
                self.give_all(&entry?.path())?;
            }
        }
        Ok(())
    }

    /// Has a program run under it.
    pub(super) fn launch(self, launch: Launch) -> Launch {
        match self.0 {
            Some((user, group)) => launch.account(user, group),
            None => launch,
        }
    }

    pub(super) fn apply(self, command: &mut Command) {
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
    }
}

/// Writes a new file that only its owner can read.
pub(super) fn write_private(path: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

/// A text as it stands in SQL, where each statement has one line.
pub(in crate::engine::mysql) fn literal(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('\'', "''");
    format!("'{}'", text.replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_written_so_that_they_are_read_back() {
        assert_eq!(literal("it's a \\ b"), "'it''s a \\\\ b'");
        assert_eq!(literal("a\nb"), "'a\\nb'");
    }
}
