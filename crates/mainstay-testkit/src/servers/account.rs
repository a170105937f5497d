//! The account a server runs as.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::error::ServerError;

/// An unprivileged account for a server, needed only when the tests run as root: both servers refuse
/// to run as root, and rightly so.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    ids: Option<(u32, u32)>,
}

impl Account {
    /// The account for a server whose files are in `folder`, which the caller has just made:
    /// the caller's own, or for root the first of `names` that exists.
    pub(super) fn choose(folder: &Path, names: &[&str]) -> Result<Self, ServerError> {
        // The owner of a folder one has just made is oneself.
        if fs::metadata(folder)?.uid() != 0 {
            return Ok(Self { ids: None });
        }
        for name in names {
            if let (Some(uid), Some(gid)) = (id("-u", name), id("-g", name)) {
                return Ok(Self {
                    ids: Some((uid, gid)),
                });
            }
        }
        Err(ServerError::new(format!(
            "a database server does not run as root, and none of the users {} exists; run the \
             tests as another user, or add one of these",
            names.join(", ")
        )))
    }

    /// Makes `command` run as this account.
    pub(super) fn apply(self, command: &mut Command) {
        if let Some((uid, gid)) = self.ids {
            command.uid(uid).gid(gid);
        }
    }

    /// Gives `path`, and what is in it, to this account.
    pub(super) fn give(self, path: &Path) -> Result<(), ServerError> {
        let Some((uid, gid)) = self.ids else {
            return Ok(());
        };
        lchown(path, Some(uid), Some(gid))?;
        if fs::symlink_metadata(path)?.is_dir() {
            for entry in fs::read_dir(path)? {
                self.give(&entry?.path())?;
            }
        }
        Ok(())
    }
}

fn id(flag: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([flag, name]).output().ok()?;
    if !output.status.success() {
        return None;
    }
    // Root under another name would defeat the purpose.
    String::from_utf8(output.stdout)
        .ok()?
        .trim()
        .parse()
        .ok()
        .filter(|id| *id != 0)
}
