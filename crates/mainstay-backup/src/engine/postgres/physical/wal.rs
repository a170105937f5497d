//! Pieces of the log into files again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use chrono::{DateTime, Utc};
use mainstay::{Error, ErrorKind, Result};

use super::follow::FIRST;
use super::lsn::{FileSize, Lsn, is_history};
use super::position::{Piece, Position};
use crate::archive::segment::leading;
use crate::archive::{Log, Segment};
use crate::control::Control;
use crate::failure::from_io;

const DOING: &str = "writing a file of the log";

/// The pieces that lead to a moment, or to the end.
///
/// # Errors
/// `BACKUP_DAMAGED` when one is missing; when the moment is before the base or after the log.
pub(super) async fn pieces(
    log: &Log,
    base: &Position,
    to: Option<DateTime<Utc>>,
) -> Result<Vec<Segment>> {
    let segments = log.list().await?;
    let newest = segments.last().map_or(base.consistent_at, |last| last.to);
    if let Some(to) = to {
        if to < base.consistent_at {
            return Err(Error::new(
                ErrorKind::BackupRefused,
                format!(
                    "with this base, {} is the first moment that can be recovered to, and {to} is \
                     before it",
                    base.consistent_at
                ),
            )
            .with_hint("name an earlier base backup"));
        }
        if to > newest {
            return Err(Error::new(
                ErrorKind::BackupRefused,
                format!("the log ends with {newest}, and {to} is after it"),
            )
            .with_hint("name a moment up to then, or newest for all there is: --to newest"));
        }
    }
    Ok(leading(&segments, FIRST, to)?.to_vec())
}

/// Writes the files of the log that the pieces are of.
pub(super) async fn write(
    log: &Log,
    pieces: &[Segment],
    base: &Position,
    folder: &Path,
    control: &Control,
) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| from_io("making a folder for the log", error))?;
    let mut end = None;
    for piece in pieces {
        control.check()?;
        let (folder, size) = (folder.to_owned(), base.file_size);
        let now = log
            .read_with(piece, control.clone(), move |meta, input| {
                let piece = Piece::read(&meta.detail)?;
                put(&piece, input, &folder, size)?;
                Ok(piece)
            })
            .await?;
        expect_next(end, &now, base)?;
        end = Some(now.end());
    }
    Ok(())
}

/// Each piece begins where the one before it ended, or repeats what is before.
fn expect_next(before: Option<Lsn>, piece: &Piece, base: &Position) -> Result<()> {
    let Piece::Log { start, .. } = piece else {
        return Ok(());
    };
    let reached = before.unwrap_or(base.end);
    if *start <= reached {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::BackupDamaged,
        format!("the log has a hole from {reached} to {start}"),
    )
    .with_hint("recover to an earlier moment, or from a later backup"))
}

fn put(piece: &Piece, input: &mut dyn Read, folder: &Path, size: FileSize) -> Result<()> {
    let failed = |error| from_io(DOING, error);
    match piece {
        Piece::History { name, .. } => {
            if !is_history(name) {
                return Err(Error::new(
                    ErrorKind::BackupDamaged,
                    format!("{name} is no file of the log"),
                ));
            }
            let mut file = File::create(folder.join(name)).map_err(failed)?;
            io::copy(input, &mut file).map_err(failed)?;
        }
        Piece::Log {
            timeline, start, ..
        } => {
            let (number, within) = size.file_of(*start);
            let path = folder.join(size.name(*timeline, number));
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
                .map_err(failed)?;
            // A file of the log is always whole; what has not been written is zeros.
            if file.metadata().map_err(failed)?.len() != size.bytes() {
                file.set_len(size.bytes()).map_err(failed)?;
            }
            file.seek(SeekFrom::Start(within)).map_err(failed)?;
            let room = size.bytes() - within;
            let written = io::copy(&mut input.take(room + 1), &mut file).map_err(failed)?;
            if written > room {
                return Err(Error::new(
                    ErrorKind::BackupDamaged,
                    "a piece of the log is longer than its file",
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_files_again() {
        let folder = tempfile::tempdir().unwrap();
        let size = FileSize::new(1 << 20).unwrap();
        let piece = |start: u64, end: u64| Piece::Log {
            timeline: 1,
            start: Lsn(start),
            end: Lsn(end),
        };
        let file = 3 << 20;
        for (start, bytes) in [(file, "abc"), (file + 3, "def"), (file + 2, "CD")] {
            let end = start + bytes.len() as u64;
            put(
                &piece(start, end),
                &mut bytes.as_bytes(),
                folder.path(),
                size,
            )
            .unwrap();
        }
        let written = fs::read(folder.path().join("000000010000000000000003")).unwrap();
        assert_eq!(written.len(), 1 << 20);
        assert!(written.starts_with(b"abCDef\0\0"));
        let long = vec![1; 20];
        let at = file + (1 << 20) - 10;
        assert!(
            put(
                &piece(at, at + 10),
                &mut long.as_slice(),
                folder.path(),
                size
            )
            .is_err()
        );
        let history = |name: &str| Piece::History {
            name: name.into(),
            end: Lsn(0),
        };
        assert!(put(&history("../x"), &mut &b""[..], folder.path(), size).is_err());
        put(
            &history("00000002.history"),
            &mut &b"x"[..],
            folder.path(),
            size,
        )
        .unwrap();
    }
}
