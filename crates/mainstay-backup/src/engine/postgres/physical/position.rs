//! What a base backup and a piece of the log say of themselves.

use chrono::{DateTime, Utc};
use mainstay::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::lsn::{FileSize, Lsn};
use crate::archive::{Kind, Manifest};

/// Where a base backup stands in the server's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The server's own mark, made when its data folder was.
    pub(crate) system: String,
    /// The version of the server, without the minor one: only the same reads its files.
    pub(crate) major: u32,
    pub(crate) timeline: u32,
    /// Recovery begins here.
    pub(crate) start: Lsn,
    /// Recovery has to come here, for the files to make sense.
    pub(crate) end: Lsn,
    pub(crate) file_size: FileSize,
    /// The first moment that can be recovered to.
    pub(crate) consistent_at: DateTime<Utc>,
}

/// The first moment that can be recovered to with a base.
///
/// # Errors
/// When the backup is not one of files.
pub(crate) fn usable_from(base: &Manifest) -> Result<DateTime<Utc>> {
    Position::of(base).map(|position| position.consistent_at)
}

impl Position {
    /// Reads it from a backup's manifest.
    ///
    /// # Errors
    /// When the backup is not one of files.
    pub(crate) fn of(manifest: &Manifest) -> Result<Self> {
        if manifest.kind != Kind::Physical {
            return Err(Error::new(
                ErrorKind::BackupRefused,
                format!("the backup {} was not taken as files", manifest.id),
            )
            .with_hint("recovery to a moment needs a physical backup as its base"));
        }
        let position = manifest.position.clone().unwrap_or_default();
        serde_json::from_value(position).map_err(|source| {
            Error::new(
                ErrorKind::BackupDamaged,
                format!(
                    "the backup {} does not say where it stands: {source}",
                    manifest.id
                ),
            )
            .with_source(source)
        })
    }
}

/// What a piece of the log is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub(crate) enum Piece {
    /// A part of a file of the log; an empty one says that nothing has happened.
    Log { timeline: u32, start: Lsn, end: Lsn },
    /// A whole file that tells where a timeline begins.
    History { name: String, end: Lsn },
}

impl Piece {
    pub(crate) fn read(detail: &serde_json::Value) -> Result<Self> {
        serde_json::from_value(detail.clone()).map_err(|source| {
            Error::new(
                ErrorKind::BackupDamaged,
                format!("a piece of the log does not say what it is: {source}"),
            )
            .with_source(source)
        })
    }

    pub(crate) fn detail(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The log is there up to here once this piece is.
    pub(crate) fn end(&self) -> Lsn {
        match self {
            Self::Log { end, .. } | Self::History { end, .. } => *end,
        }
    }
}

/// How far the server's log was at a moment: what was acknowledged before it stands before there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) at: DateTime<Utc>,
    pub(crate) written: Lsn,
}

/// The last moment of which all is there when the log is there up to `end`.
pub(crate) fn covered(samples: &[Sample], end: Lsn) -> Option<DateTime<Utc>> {
    samples
        .iter()
        .filter(|sample| sample.written <= end)
        .map(|sample| sample.at)
        .max()
}

/// The start and end of a base backup, from what `pg_basebackup` tells of it.
pub(crate) fn told(said: &str) -> Option<(u32, Lsn, Lsn)> {
    let behind = |mark: &str| {
        let at = said.find(mark)? + mark.len();
        said[at..].split_whitespace().next()
    };
    let start = behind("write-ahead log start point: ")?.parse().ok()?;
    let end = behind("write-ahead log end point: ")?.parse().ok()?;
    let timeline = behind(" on timeline ")?.parse().ok()?;
    Some((timeline, start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_tells_where_a_backup_stands() {
        let said = "pg_basebackup: initiating base backup, waiting for checkpoint to complete\n\
                    pg_basebackup: checkpoint completed\n\
                    pg_basebackup: write-ahead log start point: 0/2000028 on timeline 3\n\
                    pg_basebackup: write-ahead log end point: 0/2000138\n\
                    pg_basebackup: base backup completed";
        let expected = (
            3,
            "0/2000028".parse().unwrap(),
            "0/2000138".parse().unwrap(),
        );
        assert_eq!(told(said), Some(expected));
        assert_eq!(told("pg_basebackup: base backup completed"), None);
    }

    #[test]
    fn a_moment_is_covered_once_what_was_written_before_it_is_there() {
        let sample = |seconds, written| Sample {
            at: DateTime::from_timestamp(seconds, 0).unwrap(),
            written: Lsn(written),
        };
        let samples = [sample(1, 10), sample(2, 20), sample(3, 20), sample(4, 30)];
        let at = |end| covered(&samples, Lsn(end)).map(|at| at.timestamp());
        assert_eq!(at(9), None);
        assert_eq!(at(19), Some(1));
        assert_eq!(at(20), Some(3));
        assert_eq!(at(99), Some(4));
    }

    #[test]
    fn pieces_are_read_back() {
        let piece = Piece::Log {
            timeline: 1,
            start: Lsn(1),
            end: Lsn(1 << 33),
        };
        assert_eq!(Piece::read(&piece.detail()).unwrap(), piece);
        assert_eq!(
            piece.detail().to_string(),
            r#"{"end":"2/0","start":"0/1","timeline":1,"what":"log"}"#
        );
        assert!(Piece::read(&serde_json::json!({"what": "other"})).is_err());
    }
}
