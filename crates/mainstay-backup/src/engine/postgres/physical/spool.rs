//! The folder into which the log is received.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mainstay::{Error, ErrorKind, Result};

use super::lsn::{FileSize, Lsn, is_history};
use crate::failure::from_io;

/// What a file is called while it is being received.
const PARTIAL: &str = ".partial";
const LOCK: &str = "mainstay.lock";

/// The folder, ours alone for as long as this is there.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    size: FileSize,
    _lock: File,
}

impl Spool {
    /// Makes the folder if it is missing.
    ///
    /// # Errors
    /// When somebody else uses it.
    pub(super) fn open(folder: &Path, size: FileSize) -> Result<Self> {
        let doing = |what: &str| format!("{what} {}", folder.display());
        fs::create_dir_all(folder).map_err(|error| from_io(&doing("making the folder"), error))?;
        // The log has all data in it.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .map_err(|error| from_io(&doing("closing the folder to others"), error))?;
        let lock = File::create(folder.join(LOCK))
            .map_err(|error| from_io(&doing("writing into the folder"), error))?;
        if lock.try_lock().is_err() {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("another process receives the log into {}", folder.display()),
            )
            .with_hint("stop it, or name another folder"));
        }
        Ok(Self {
            folder: folder.to_owned(),
            size,
            _lock: lock,
        })
    }

    /// Has the program that receives the log begin with the file in which a position is, or with a
    /// later one if all files up to there are here.
    ///
    /// The program goes on behind the last whole file it finds. Where there is none, an empty one is
    /// put in front of the one it is to begin with.
    pub(super) fn prepare(&self, timeline: u32, from: Lsn) -> Result<()> {
        let (first, _) = self.size.file_of(from);
        let files = self.files()?;
        let whole: BTreeSet<u64> = files
            .iter()
            .filter(|file| file.timeline == timeline && !file.is_partial)
            .map(|file| file.number)
            .collect();
        let is_foreign = files.iter().any(|file| file.timeline != timeline);
        if !is_foreign && goes_on(&whole, first) {
            return Ok(());
        }
        for file in files {
            self.remove(&file)?;
        }
        let Some(before) = first.checked_sub(1) else {
            return Ok(());
        };
        let path = self.folder.join(self.size.name(timeline, before));
        File::create(&path)
            .and_then(|file| file.set_len(self.size.bytes()))
            .map_err(|error| from_io("preparing the folder for the log", error))
    }

    /// The timeline on which a file is here.
    pub(super) fn timeline_of(&self, number: u64) -> Result<Option<u32>> {
        let files = self.files()?.into_iter();
        Ok(files
            .filter(|file| file.number == number)
            .map(|file| file.timeline)
            .max())
    }

    /// A part of a file.
    pub(super) fn read(&self, timeline: u32, start: Lsn, end: Lsn) -> Result<Vec<u8>> {
        let (number, within) = self.size.file_of(start);
        let name = self.size.name(timeline, number);
        // It is renamed when it is whole, perhaps just now.
        let open = || {
            File::open(self.folder.join(format!("{name}{PARTIAL}")))
                .or_else(|_| File::open(self.folder.join(&name)))
                .or_else(|_| File::open(self.folder.join(format!("{name}{PARTIAL}"))))
        };
        let length = usize::try_from(end.0.saturating_sub(start.0)).unwrap_or(0);
        let read = || -> io::Result<Vec<u8>> {
            let mut file = open()?;
            file.seek(SeekFrom::Start(within))?;
            let mut bytes = vec![0; length];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|error| from_io(&format!("reading the received log {name}"), error))
    }

    /// The files that tell where timelines begin.
    pub(super) fn histories(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let mut out = Vec::new();
        for name in self.names()? {
            if is_history(&name) {
                let bytes = fs::read(self.folder.join(&name))
                    .map_err(|error| from_io("reading the received log", error))?;
                out.push((name, bytes));
            }
        }
        out.sort();
        Ok(out)
    }

    /// Removes the files that are before a position.
    pub(super) fn remove_before(&self, position: Lsn) -> Result<()> {
        let (first, _) = self.size.file_of(position);
        for file in self.files()? {
            // The last one stays, by which the program knows where to go on.
            if file.number + 1 < first {
                self.remove(&file)?;
            }
        }
        Ok(())
    }

    fn remove(&self, file: &SpoolFile) -> Result<()> {
        match fs::remove_file(self.folder.join(&file.name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(from_io("removing a received file of the log", error))
            }
            _ => Ok(()),
        }
    }

    fn names(&self) -> Result<Vec<String>> {
        let entries = fs::read_dir(&self.folder)
            .map_err(|error| from_io("reading the folder of the log", error))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.collect())
    }

    fn files(&self) -> Result<Vec<SpoolFile>> {
        let parsed = self.names()?.into_iter().filter_map(|name| {
            let whole = name.strip_suffix(PARTIAL);
            let (timeline, number) = self.size.parse(whole.unwrap_or(&name))?;
            Some(SpoolFile {
                timeline,
                number,
                is_partial: whole.is_some(),
                name,
            })
        });
        Ok(parsed.collect())
    }
}

#[derive(Debug)]
struct SpoolFile {
    name: String,
    timeline: u32,
    number: u64,
    is_partial: bool,
}

/// Whether the whole files that are there lead on from `first`, or up to it, without a hole.
fn goes_on(whole: &BTreeSet<u64>, first: u64) -> bool {
    let Some(&last) = whole.last() else {
        return false;
    };
    last + 1 == first || last >= first && (first..=last).all(|number| whole.contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spool(folder: &Path) -> Spool {
        Spool::open(folder, FileSize::new(1 << 20).unwrap()).unwrap()
    }

    fn names(spool: &Spool) -> Vec<String> {
        let mut names = spool.names().unwrap();
        names.retain(|name| name != LOCK);
        names.sort();
        names
    }

    #[test]
    fn files_that_lead_on_are_kept() {
        let set = |numbers: &[u64]| numbers.iter().copied().collect::<BTreeSet<u64>>();
        for (there, expected) in [
            (&[][..], false),
            (&[4], true),
            (&[3], false),
            (&[5], true),
            (&[5, 6, 7], true),
            (&[3, 4, 5, 6], true),
            (&[5, 7], false),
            (&[6], false),
        ] {
            assert_eq!(goes_on(&set(there), 5), expected, "{there:?}");
        }
    }

    #[test]
    fn the_program_is_told_where_to_begin() {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(folder.path());
        let at = Lsn(5 << 20 | 77);
        spool.prepare(1, at).unwrap();
        assert_eq!(names(&spool), ["000000010000000000000004"]);
        let made = fs::metadata(folder.path().join("000000010000000000000004")).unwrap();
        assert_eq!(made.len(), 1 << 20);
        // What has been received since is kept, and what leads elsewhere is not.
        fs::write(folder.path().join("000000010000000000000005"), "x").unwrap();
        spool.prepare(1, at).unwrap();
        assert_eq!(names(&spool).len(), 2);
        spool.prepare(2, at).unwrap();
        assert_eq!(names(&spool), ["000000020000000000000004"]);
        fs::write(folder.path().join("00000002.history"), "y").unwrap();
        assert_eq!(spool.histories().unwrap()[0].0, "00000002.history");
        assert_eq!(spool.timeline_of(4).unwrap(), Some(2));
        spool.remove_before(Lsn(6 << 20)).unwrap();
        assert_eq!(names(&spool), ["00000002.history"]);
    }

    #[test]
    fn parts_are_read_before_and_after_a_file_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(folder.path());
        let path = folder.path().join("000000010000000000000005.partial");
        fs::write(&path, b"0123456789").unwrap();
        let (start, end) = (Lsn((5 << 20) + 2), Lsn((5 << 20) + 6));
        assert_eq!(spool.read(1, start, end).unwrap(), b"2345");
        fs::rename(&path, folder.path().join("000000010000000000000005")).unwrap();
        assert_eq!(spool.read(1, start, end).unwrap(), b"2345");
        assert!(spool.read(1, start, Lsn((5 << 20) + 60)).is_err());
        assert!(Spool::open(folder.path(), FileSize::new(1 << 20).unwrap()).is_err());
    }
}
