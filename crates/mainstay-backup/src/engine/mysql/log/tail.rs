//! The program that reads the server's log, and what it has read.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use mainstay::{Error, ErrorKind, Result};
use tempfile::TempDir;

use super::super::{MySql, programs};
use super::events;
use super::segment::{Spot, number};
use crate::control::Control;
use crate::engine::tools::{Pipe, Program, Running};
use crate::failure::from_io;

/// Reads binary logs.
pub(super) const BINLOG: Program = Program {
    names: &["mariadb-binlog"],
    // Its own number, which is no server's.
    marks: &["from ", "Ver "],
    package: "mariadb-client",
    elsewhere: "elsewhere the client programs of MariaDB",
};

/// More than the format of a file ever has.
const HEADER: u64 = 64 * 1024;

/// The log from a place on, as far as it has been read into files of ours.
#[derive(Debug)]
pub(super) struct Tail {
    running: Option<Running>,
    folder: TempDir,
    /// Where it was begun.
    first: Spot,
}

impl Tail {
    /// Begins to read. `id` tells this reader from all replicas of the server.
    pub(super) fn start(engine: &MySql, from: &Spot, id: u32) -> Result<Self> {
        let dialect = mainstay::schema::Dialect::MariaDb;
        let found = engine.places.find(&BINLOG, "that of MariaDB", |_| true)?;
        let folder = tempfile::Builder::new()
            .prefix("mainstay-binlog-")
            .tempdir()
            .map_err(|why| from_io("making a folder for the binary log", why))?;
        let running = programs::launch(&found, &engine.config, dialect)
            .args(["--read-from-remote-server", "--raw", "--stop-never"])
            .arg(format!("--stop-never-slave-server-id={id}"))
            .arg(format!("--start-position={}", from.position))
            .arg(format!("--result-file={}/", folder.path().display()))
            .arg(&from.file)
            // Of its own: to stop is no reason to lose what has been read.
            .start(Pipe::Neither, &Control::new())?;
        Ok(Self {
            running: Some(running),
            folder,
            first: from.clone(),
        })
    }

    /// Why it has ended, if it has. It never does so by itself.
    pub(super) fn ended(&mut self) -> Option<Error> {
        let ended = self.running.take_if(|running| running.has_ended())?;
        Some(match ended.finish() {
            Ok(said) => Error::new(
                ErrorKind::ConnectionLost,
                format!("the server ended the reading of its binary log: {said}"),
            ),
            Err(error) if is_gone(error.detail()) => super::ask::gone(&self.first),
            Err(error) => programs::hinted(error, super::ask::RIGHTS),
        })
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// How long the header of a file is, and how long the file is. `None` where it has not come.
    fn lengths(&self, file: &str) -> Result<Option<(u64, u64)>> {
        let opened = match File::open(self.path(file)) {
            Ok(opened) => opened,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(from_io("reading the binary log", why)),
        };
        let mut start = Vec::new();
        let read = (&opened).take(HEADER).read_to_end(&mut start);
        let length = read.and_then(|_| opened.metadata()).map(|data| data.len());
        let length = length.map_err(|why| from_io("reading the binary log", why))?;
        let header = events::header_length(&start);
        Ok(header.map(|header| (header as u64, length)))
    }

    /// The server's position at which the part of a file begins that is here.
    fn begin(&self, file: &str, header: u64) -> u64 {
        if file == self.first.file {
            self.first.position
        } else {
            header
        }
    }

    /// How far a file has been read, as the server counts. `None` where it has not come.
    pub(super) fn end(&self, file: &str) -> Result<Option<u64>> {
        let lengths = self.lengths(file)?;
        Ok(lengths.map(|(header, length)| self.begin(file, header) + length - header))
    }

    /// The files from this one on up to another, in their order.
    pub(super) fn files(&self, from: &str, to: &str) -> Result<Vec<String>> {
        let entries = fs::read_dir(self.folder.path());
        let entries = entries.map_err(|why| from_io("listing the binary log", why))?;
        let mut found: Vec<(u64, String)> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                Some((number(&name)?, name))
            })
            .filter(|(at, _)| (number(from)..=number(to)).contains(&Some(*at)))
            .collect();
        found.sort_unstable();
        Ok(found.into_iter().map(|(_, name)| name).collect())
    }

    /// Where the first event of a file stands, as the server counts. `None` where it has not come.
    pub(super) fn start_of(&self, file: &str) -> Result<Option<u64>> {
        let lengths = self.lengths(file)?;
        Ok(lengths.map(|(header, _)| self.begin(file, header)))
    }

    /// The header of a file and a part of it, and how long the header is.
    pub(super) fn read(&self, file: &str, from: u64, to: u64) -> Result<(Vec<u8>, u64)> {
        let Some((header, _)) = self.lengths(file)? else {
            return Err(Error::new(
                ErrorKind::Unexpected,
                format!("{file} of the binary log is gone"),
            ));
        };
        let mut bytes = vec![0; (header + to - from) as usize];
        let (start, part) = bytes.split_at_mut(header as usize);
        let offset = header + from - self.begin(file, header);
        let read = File::open(self.path(file)).and_then(|mut opened| {
            opened.read_exact(start)?;
            opened.seek(SeekFrom::Start(offset))?;
            opened.read_exact(part)
        });
        read.map_err(|why| from_io("reading the binary log", why))?;
        Ok((bytes, header))
    }

    /// A file that is shipped is not needed any more.
    pub(super) fn forget(&self, file: &str) {
        // Otherwise it goes with the folder.
        let _ = fs::remove_file(self.path(file));
    }
}

/// Whether the server says that it does not have the place any more.
fn is_gone(said: &str) -> bool {
    [
        "Could not find first log file",
        "purged",
        "impossible position",
    ]
    .iter()
    .any(|words| said.contains(words))
}
