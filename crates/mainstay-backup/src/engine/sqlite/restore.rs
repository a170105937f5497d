//! A new file from a backup.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use mainstay::{Error, ErrorKind, Result};

use super::error::of_io;
use super::files;
use crate::archive::{Engine, Kind, Manifest};
use crate::control::Control;
use crate::failure::from_io;

const PIECE: usize = 1024 * 1024;

/// What a database begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Writes the file, through to the disk.
pub(super) fn restore(
    target: &Path,
    manifest: &Manifest,
    input: &mut dyn Read,
    place: &Path,
    control: &Control,
) -> Result<()> {
    if manifest.engine != Engine::Sqlite || manifest.kind != Kind::Physical {
        return Err(Error::new(
            ErrorKind::BackupRefused,
            format!(
                "the backup {} is not one of a SQLite file, but of {}",
                manifest.id, manifest.engine
            ),
        )
        .with_hint("restore it to a database of its own engine; `mainstay copy` moves the rows"));
    }
    let (folder, _) = files::parts(place)?;
    files::require_room(folder, manifest.raw_bytes, "the restored database")?;
    control.begin("restoring", Some(manifest.raw_bytes));
    let written = write(target, input, place, control);
    if written.is_err() {
        // The place itself is its maker's.
        let _ = std::fs::remove_file(place);
    }
    let length = written?;
    if length != manifest.raw_bytes {
        let _ = std::fs::remove_file(place);
        return Err(Error::new(
            ErrorKind::BackupDamaged,
            format!(
                "the backup {} has {length} bytes instead of {}",
                manifest.id, manifest.raw_bytes
            ),
        )
        .with_hint("restore another backup"));
    }
    files::sync_folder(folder)
}

fn write(target: &Path, input: &mut dyn Read, place: &Path, control: &Control) -> Result<u64> {
    let io = |error| of_io("cannot write", place, error);
    let mut file = create(place).map_err(io)?;
    let mut piece = vec![0; PIECE];
    let mut length = 0;
    loop {
        control.check()?;
        let read = input
            .read(&mut piece)
            .map_err(|error| from_io("the backup cannot be read", error))?;
        if read == 0 {
            break;
        }
        let head = &piece[..read.min(MAGIC.len())];
        if length == 0 && !MAGIC.starts_with(head) {
            return Err(Error::new(
                ErrorKind::BackupDamaged,
                "the backup does not begin as a SQLite database does",
            )
            .with_hint("restore another backup"));
        }
        file.write_all(&piece[..read]).map_err(io)?;
        length += read as u64;
        control.add(read as u64);
    }
    file.sync_all().map_err(io)?;
    like(target, place, &file);
    Ok(length)
}

fn create(place: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(place)
}

/// The new file gets the mode and, as far as the process may do that, the owner of the old. Where
/// there is no old one, it is its owner's alone.
fn like(target: &Path, place: &Path, file: &File) {
    let Some(old) = files::locate(target)
        .and_then(|path| {
            path.metadata()
                .map_err(|error| of_io("cannot look at", &path, error))
        })
        .ok()
    else {
        return;
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        if let Err(error) = fchown(file, Some(old.uid()), Some(old.gid())) {
            tracing::warn!(
                target: "mainstay::backup",
                %error, path = %place.display(),
                "the restored database has another owner than the old one"
            );
        }
    }
    // After the owner, whose change takes some bits away.
    if let Err(error) = file.set_permissions(old.permissions()) {
        tracing::warn!(
            target: "mainstay::backup",
            %error, path = %place.display(),
            "the restored database has another mode than the old one"
        );
    }
}
