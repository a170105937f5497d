//! The user a server of our own runs as.

use std::fs;
use std::os::unix::fs::lchown;
use std::path::Path;
use std::process::Command;

use mainstay::{Error, ErrorKind, Result};

use crate::failure::from_io;

/// The users that own servers on usual systems.
const NAMES: [&str; 2] = ["postgres", "_postgresql"];

/// PostgreSQL does not run as root, and rightly so.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    ids: Option<(u32, u32)>,
}

impl Account {
    /// Our own, or the server's usual one when we are root.
    pub(super) fn choose() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { ids: None });
        }
        for name in NAMES {
            if let (Some(user), Some(group)) = (id("-u", name), id("-g", name)) {
                return Ok(Self {
                    ids: Some((user, group)),
                });
            }
        }
        Err(Error::new(
            ErrorKind::Configuration,
            "a PostgreSQL server does not run as root, and there is no user named postgres",
        )
        .with_hint("recover as the user the server is to run as"))
    }

    pub(super) fn ids(self) -> Option<(u32, u32)> {
        self.ids
    }

    /// Gives a file or folder to the user.
    pub(super) fn give(self, path: &Path) -> Result<()> {
        let Some((user, group)) = self.ids else {
            return Ok(());
        };
        lchown(path, Some(user), Some(group)).map_err(|error| {
            from_io(
                &format!("giving {} to the server's user", path.display()),
                error,
            )
        })
    }

    /// Gives a folder and all that is in it.
    pub(super) fn give_all(self, path: &Path) -> Result<()> {
        if self.ids.is_none() {
            return Ok(());
        }
        self.give(path)?;
        let metadata =
            fs::symlink_metadata(path).map_err(|error| from_io("reading a folder", error))?;
        if metadata.is_dir() {
            let entries = fs::read_dir(path).map_err(|error| from_io("reading a folder", error))?;
            for entry in entries {
                let entry = entry.map_err(|error| from_io("reading a folder", error))?;
                self.give_all(&entry.path())?;
            }
        }
        Ok(())
    }
}

fn id(flag: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([flag, name]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    // Root under another name would not do.
    text.trim().parse().ok().filter(|id| *id != 0)
}
