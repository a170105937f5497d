//! The log's file, read.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use mainstay::Result;

use super::frame::{FRAME_HEADER, HEADER, Header, claims};
use super::position::At;
use crate::engine::sqlite::error::of_io;
use crate::engine::sqlite::files;

/// The log of a database.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: Option<File>,
}

/// What stands at the beginning of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// There is no file, or none with a byte.
    Empty,
    /// It is being written.
    Unclear,
    Is(Header),
}

impl LogFile {
    pub(super) fn of(database: &Path) -> Self {
        Self {
            path: files::beside(database, "-wal"),
            file: None,
        }
    }

    /// What stands at its beginning now.
    pub(super) fn head(&mut self) -> Result<Head> {
        let mut bytes = [0; HEADER];
        let read = self.read_at(0, &mut bytes);
        match read.map_err(|error| of_io("cannot read", &self.path, error))? {
            0 => Ok(Head::Empty),
            HEADER => Ok(Header::parse(&bytes).map_or(Head::Unclear, Head::Is)),
            _ => Ok(Head::Unclear),
        }
    }

    /// Reads frames into a buffer of whole ones, behind the first `frame`. Returns the bytes.
    pub(super) fn frames(
        &mut self,
        frame: u64,
        page_size: u32,
        buffer: &mut [u8],
    ) -> Result<usize> {
        let at = HEADER as u64 + frame * (FRAME_HEADER as u64 + u64::from(page_size));
        self.read_at(at, buffer)
            .map_err(|error| of_io("cannot read", &self.path, error))
    }

    /// The place behind so many frames of the log that has this header, which are all committed.
    /// `None`: they are not there.
    pub(super) fn place(&mut self, header: &Header, frames: u64) -> Result<Option<At>> {
        let beginning = At::beginning(header);
        if frames == 0 {
            return Ok(Some(beginning));
        }
        let mut bytes = [0; FRAME_HEADER];
        let read = self.frames(frames - 1, header.page_size, &mut bytes)?;
        let (salt, checksum) = claims(&bytes);
        let is_there = read == FRAME_HEADER && salt == header.salt;
        Ok(is_there.then_some(At {
            frame: frames,
            checksum,
            ..beginning
        }))
    }

    /// Fills the buffer as far as the file goes.
    fn read_at(&mut self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(file) = self.open()? else {
            return Ok(0);
        };
        file.seek(SeekFrom::Start(at))?;
        let mut length = 0;
        while length < buffer.len() {
            match file.read(&mut buffer[length..]) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(length)
    }

    fn open(&mut self) -> io::Result<Option<&mut File>> {
        if self.file.is_none() {
            match File::open(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.file.as_mut())
    }

    /// Whether the file that is read is still the one at its path.
    pub(super) fn is_in_place(&self) -> Result<bool> {
        let Some(file) = &self.file else {
            return Ok(true);
        };
        let io = |error| of_io("cannot look at", &self.path, error);
        let ours = file.metadata().map_err(io)?;
        match self.path.metadata() {
            Ok(there) => Ok(identity(&ours) == identity(&there)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(io(error)),
        }
    }
}

/// Tells files apart, whatever they are called.
#[cfg(unix)]
pub(super) fn identity(found: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

/// Elsewhere an open file can be neither deleted nor replaced.
#[cfg(not(unix))]
pub(super) fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}
