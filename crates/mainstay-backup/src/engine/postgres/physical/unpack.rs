//! A base backup into a folder.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use mainstay::{Error, ErrorKind, Result};
use tar::{Archive, EntryType};

use crate::control::Control;
use crate::failure::from_io;

/// Makes the folder, which must not be there or be empty: nothing is ever written over.
pub(super) fn make_folder(folder: &Path) -> Result<()> {
    let doing = |what: &str| format!("{what} {}", folder.display());
    fs::create_dir_all(folder).map_err(|error| from_io(&doing("making the folder"), error))?;
    let mut entries =
        fs::read_dir(folder).map_err(|error| from_io(&doing("reading the folder"), error))?;
    if entries.next().is_some() {
        return Err(Error::new(
            ErrorKind::Configuration,
            format!("the folder {} is not empty", folder.display()),
        )
        .with_hint("name a folder that is empty or not there: nothing is recovered over data"));
    }
    // The server refuses a folder that others may read.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
        .map_err(|error| from_io(&doing("closing the folder to others"), error))
}

/// Unpacks a base into a folder. Nothing is written outside of it: the library refuses names that
/// lead out, and links are not made at all, since a base of a single tablespace has none.
pub(super) fn unpack(input: &mut dyn Read, folder: &Path, control: &Control) -> Result<()> {
    let doing = &format!("unpacking the base backup into {}", folder.display());
    let mut archive = Archive::new(input);
    archive.set_preserve_mtime(false);
    archive.set_overwrite(false);
    for entry in archive.entries().map_err(|error| from_io(doing, error))? {
        control.check()?;
        let mut entry = entry.map_err(|error| from_io(doing, error))?;
        let kind = entry.header().entry_type();
        let is_plain = matches!(kind, EntryType::Regular | EntryType::Directory);
        let is_inside = is_plain && {
            entry
                .unpack_in(folder)
                .map_err(|error| from_io(doing, error))?
        };
        if !is_inside {
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            return Err(Error::new(
                ErrorKind::BackupRefused,
                format!("the base backup has {name}, which is no file or folder within it"),
            ));
        }
    }
    // The end of an archive is two empty blocks; what follows would be read for nothing.
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink())
        .map_err(|error| from_io(doing, error))?;
    if folder.join("PG_VERSION").is_file() && folder.join("global/pg_control").is_file() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::BackupDamaged,
        "the base backup is not the data folder of a server",
    ))
}

#[cfg(test)]
mod tests {
    use tar::{Builder, Header};

    use super::*;

    fn with(name: &str, kind: EntryType) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (name, kind) in [
            ("PG_VERSION", EntryType::Regular),
            ("global/pg_control", EntryType::Regular),
            (name, kind),
        ] {
            let mut header = Header::new_ustar();
            header.set_entry_type(kind);
            header.set_mode(0o600);
            header.set_size(if kind == EntryType::Regular { 2 } else { 0 });
            // As it is: the library would refuse to write some of them.
            header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            if kind == EntryType::Symlink {
                header.set_link_name("/etc").unwrap();
            }
            header.set_cksum();
            let data: &[u8] = if kind == EntryType::Regular {
                b"15"
            } else {
                b""
            };
            builder.append(&header, data).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn nothing_leaves_the_folder() {
        let base = tempfile::tempdir().unwrap();
        for (number, (name, kind, is_allowed)) in [
            ("base/1/2", EntryType::Regular, true),
            ("pg_wal", EntryType::Directory, true),
            ("../escaped", EntryType::Regular, false),
            ("base/../../escaped", EntryType::Regular, false),
            ("pg_tblspc/1", EntryType::Symlink, false),
            ("hard", EntryType::Link, false),
        ]
        .into_iter()
        .enumerate()
        {
            let folder = base.path().join(number.to_string());
            make_folder(&folder).unwrap();
            let bytes = with(name, kind);
            let unpacked = unpack(&mut bytes.as_slice(), &folder, &Control::new());
            assert_eq!(unpacked.is_ok(), is_allowed, "{name}: {unpacked:?}");
            assert!(!base.path().join("escaped").exists());
            // A second time it would be written over.
            assert!(make_folder(&folder).is_err());
        }
    }

    #[test]
    fn what_is_no_data_folder_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let empty = Builder::new(Vec::new()).into_inner().unwrap();
        let error = unpack(&mut empty.as_slice(), base.path(), &Control::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BackupDamaged);
        let whole = with("base/1", EntryType::Regular);
        let half = &whole[..1700];
        assert!(unpack(&mut &half[..], base.path(), &Control::new()).is_err());
    }
}
