//! The log fetched back, cut at a moment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use mainstay::{Error, ErrorKind, Result};

use super::events;
use super::follow::place_of;
use super::segment::{Detail, Search, Spot, number};
use crate::archive::{Log, Manifest, segment};
use crate::control::Control;
use crate::failure::from_io;

/// Files of a binary log, from a base backup to a moment.
#[derive(Debug, Default)]
pub(super) struct Replay {
    /// In their order.
    pub(super) files: Vec<PathBuf>,
    /// Where in the last one the moment is.
    pub(super) stop: u64,
}

/// A file that is being put together: the parts behind its header, without what stands before.
#[derive(Debug)]
struct Part {
    name: String,
    path: PathBuf,
    header: u64,
    start: u64,
    end: u64,
}

impl Part {
    /// Where in the file a position of the server's is.
    fn offset(&self, position: u64) -> u64 {
        self.header + position.clamp(self.start, self.end) - self.start
    }

    fn is(&self, spot: &Spot) -> bool {
        self.name == spot.file
    }
}

/// Fetches the log of a base up to a moment into a folder.
///
/// # Errors
/// `BACKUP_REFUSED` when the moment is before the base or after the newest one; `BACKUP_DAMAGED` when
/// segments are missing or damaged; those of the target.
pub(super) async fn fetch(
    base: &Manifest,
    log: &Log,
    to: DateTime<Utc>,
    folder: &Path,
    control: &Control,
) -> Result<Replay> {
    if to < base.taken_at {
        return Err(refused(format!(
            "{to} is before {}, the moment of backup {}",
            base.taken_at, base.id
        ))
        .with_hint("recover from an earlier backup"));
    }
    let segments = log.list().await?;
    let newest = segments.last().map(|segment| segment.to);
    let beyond = || {
        refused(match newest {
            Some(newest) => format!("the log goes up to {newest}, and not to {to}"),
            None => format!("backup {} has no log", base.id),
        })
        .with_hint("name a moment up to then, or newest for all there is: --to newest")
    };
    if newest.is_none_or(|newest| newest < to) {
        return Err(beyond());
    }
    let mut state = (Vec::<Part>::new(), Search::new(to, place_of(base)?));
    for segment in segment::leading(&segments, 1, Some(to))? {
        control.check()?;
        let folder = folder.to_owned();
        let (parts, search) = state;
        let size = segment.size;
        let (parts, search, is_found) = log
            .read_with(segment, control.clone(), move |meta, input| {
                take(Detail::of(&meta.detail)?, input, &folder, parts, search)
            })
            .await?;
        control.add(size);
        state = (parts, search);
        if is_found {
            break;
        }
    }
    let (parts, search) = state;
    let high = search.high.clone().ok_or_else(beyond)?;
    tokio::task::spawn_blocking(move || cut(&parts, &search, &high))
        .await
        .map_err(Error::unexpected)?
}

fn refused(detail: String) -> Error {
    Error::new(ErrorKind::BackupRefused, detail)
}

/// Adds a segment to the file it belongs to. Says whether the moment is in it.
fn take(
    detail: Detail,
    input: &mut dyn Read,
    folder: &Path,
    mut parts: Vec<Part>,
    mut search: Search,
) -> Result<(Vec<Part>, Search, bool)> {
    let told = |why: io::Error| from_io("fetching the binary log", why);
    let follows = match parts.last() {
        Some(last) if last.name == detail.file => last.end == detail.start,
        Some(last) => number(&last.name) < number(&detail.file),
        // The search has not seen a mark yet: it stands where the base does.
        None if detail.file == search.low.file => detail.start == search.low.position,
        None => number(&search.low.file) < number(&detail.file),
    };
    if !follows {
        return Err(Error::new(
            ErrorKind::BackupDamaged,
            format!(
                "the log is not complete: before {} at {} something is missing",
                detail.file, detail.start
            ),
        )
        .with_hint("recover to an earlier moment, or from a later backup"));
    }
    // The header is in front of each part; the first one's is the file's.
    let path = folder.join(format!("{:09}", number(&detail.file).unwrap_or_default()));
    let is_new = parts.last().is_none_or(|last| last.name != detail.file);
    let mut file = OpenOptions::new()
        .create(is_new)
        .append(true)
        .open(&path)
        .map_err(told)?;
    let mut header = input.take(detail.header);
    if is_new {
        io::copy(&mut header, &mut file).map_err(told)?;
        parts.push(Part {
            name: detail.file.clone(),
            path,
            header: detail.header,
            start: detail.start,
            end: detail.start,
        });
    } else {
        io::copy(&mut header, &mut io::sink()).map_err(told)?;
    }
    let copied = io::copy(header.into_inner(), &mut file).map_err(told)?;
    if copied != detail.end - detail.start {
        return Err(Error::new(
            ErrorKind::BackupDamaged,
            format!(
                "a segment of {} has {copied} bytes and should have others",
                detail.file
            ),
        ));
    }
    if let Some(last) = parts.last_mut() {
        last.end = detail.end;
    }
    let is_found = search.pass(&detail);
    Ok((parts, search, is_found))
}

/// Finds where to stop: at the first transaction that began at the moment or later, or at the place
/// that has all of before.
fn cut(parts: &[Part], search: &Search, high: &Spot) -> Result<Replay> {
    let second = search.first_second_after();
    let told = |why: io::Error| from_io("reading the binary log", why);
    let mut files = Vec::new();
    let mut stop = 0;
    for part in parts {
        if number(&part.name) > number(&high.file) {
            break;
        }
        files.push(part.path.clone());
        let from = if part.is(&search.low) {
            part.offset(search.low.position)
        } else {
            part.header
        };
        let to = part.offset(if part.is(high) {
            high.position
        } else {
            part.end
        });
        stop = to;
        if number(&part.name) < number(&search.low.file) {
            continue;
        }
        let mut file = BufReader::new(File::open(&part.path).map_err(told)?);
        if let Some(at) = events::first_since(&mut file, from, to, second).map_err(told)? {
            stop = at;
            break;
        }
    }
    Ok(Replay { files, stop })
}

/// A folder for the files, which nobody else reads.
pub(super) fn folder(beside: &Path) -> Result<tempfile::TempDir> {
    fs::create_dir_all(beside)
        .and_then(|()| {
            tempfile::Builder::new()
                .prefix("replay-")
                .tempdir_in(beside)
        })
        .map_err(|why| from_io("making a folder for the binary log", why))
}
