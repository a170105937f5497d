//! A disk so small that it can be filled.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A tmpfs of a few megabytes, or shared memory where a container has little of it. Dropping it
/// unmounts it.
#[derive(Debug)]
pub(crate) enum SmallDisk {
    Mounted(TempDir),
    Shared(PathBuf),
}

/// At most so much is filled, in kilobytes.
const MOST: u64 = 128 * 1024;

impl SmallDisk {
    pub(crate) fn make() -> Result<Self, String> {
        let folder = tempfile::Builder::new()
            .prefix("mainstay-disk-")
            .tempdir()
            .map_err(|error| format!("no temporary folder: {error}"))?;
        if mount(folder.path()) {
            return Ok(Self::Mounted(folder));
        }
        // Containers may not mount, but have a small one of their own.
        let shared = PathBuf::from("/dev/shm");
        match size(&shared) {
            Some(kilobytes) if kilobytes <= MOST => Ok(Self::Shared(shared)),
            _ => Err(
                "a small disk takes the right to mount a tmpfs, or a /dev/shm of at most \
                      128 MB"
                    .to_owned(),
            ),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Mounted(folder) => folder.path(),
            Self::Shared(path) => path,
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Self::Mounted(folder) = self {
            // Lazily: a handle that was not closed must not keep it.
            quiet(Command::new("umount").arg("-l").arg(folder.path()));
        }
    }
}

fn mount(path: &Path) -> bool {
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", "size=16m", "mainstay-faults"]);
    quiet(command.arg(path))
}

fn quiet(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// The size of the file system at a path, in kilobytes.
fn size(path: &Path) -> Option<u64> {
    let output = Command::new("df").arg("-kP").arg(path).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().nth(1)?.split_whitespace().nth(1)?.parse().ok()
}
