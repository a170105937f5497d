//! Places in a log.

use mainstay::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::frame::{Chain, Checksum, Header, Salt};

/// The form in which positions and segments are written down.
pub(super) const FORMAT: u32 = 1;

/// A place behind a commit, with all that is needed to tell what follows on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) format: u32,
    pub(super) page_size: u32,
    /// `None`: there was no log, or one without a byte.
    pub(super) at: Option<At>,
}

/// A place in one log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct At {
    pub(super) salt: Salt,
    pub(super) is_big_endian: bool,
    /// How many frames are in front of it.
    pub(super) frame: u64,
    /// Over all in front of it.
    pub(super) checksum: Checksum,
}

impl Position {
    /// Reads what was written down.
    pub(super) fn parse(json: &serde_json::Value) -> Result<Self> {
        let parsed: Self = serde_json::from_value(json.clone()).map_err(|error| {
            Error::new(
                ErrorKind::BackupDamaged,
                format!("the position in the log of SQLite cannot be read: {error}"),
            )
            .with_hint("recover from another backup")
        })?;
        require_format(parsed.format)?;
        Ok(parsed)
    }

    pub(super) fn to_json(self) -> serde_json::Value {
        serde_json::to_value(self).expect("numbers can be written as JSON")
    }

    /// How the log that has this header follows on what was read; `None`: it does not.
    ///
    /// A log that starts again has the next salt. One that was emptied in between may have any:
    /// whoever writes first draws it. `may_begin`: all that was in the log was read when it could be
    /// emptied, and it cannot have been emptied again with something in it.
    pub(super) fn follow(&self, header: &Header, may_begin: bool) -> Option<At> {
        if header.page_size != self.page_size {
            return None;
        }
        let Some(at) = self.at else {
            return Some(At::beginning(header));
        };
        if header.salt == at.salt {
            return Some(at);
        }
        let is_next = header.salt.0 == at.salt.0.wrapping_add(1);
        (is_next || may_begin).then(|| At::beginning(header))
    }
}

/// Refuses what a newer version wrote.
pub(super) fn require_format(format: u32) -> Result<()> {
    if format == FORMAT {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::BackupRefused,
        format!("the log is of format {format}, and this version reads {FORMAT}"),
    )
    .with_hint("use the version of Mainstay that wrote it, or a later one"))
}

impl At {
    pub(super) fn beginning(header: &Header) -> Self {
        Self {
            salt: header.salt,
            is_big_endian: header.is_big_endian,
            frame: 0,
            checksum: header.checksum,
        }
    }

    pub(super) fn chain(&self) -> Chain {
        Chain {
            is_big_endian: self.is_big_endian,
            salt: self.salt,
            checksum: self.checksum,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(salt: u32) -> Header {
        Header {
            is_big_endian: false,
            page_size: 4096,
            salt: (salt, 77),
            checksum: (1, 2),
        }
    }

    fn position(salt: u32) -> Position {
        Position {
            format: FORMAT,
            page_size: 4096,
            at: Some(At {
                frame: 9,
                ..At::beginning(&header(salt))
            }),
        }
    }

    #[test]
    fn a_log_follows_on_itself_and_on_the_one_before() {
        let frame = |from: u32, to: u32, may_begin| {
            let at = position(from).follow(&header(to), may_begin);
            at.map(|at| at.frame)
        };
        assert_eq!(frame(5, 5, false), Some(9));
        assert_eq!(frame(5, 6, false), Some(0));
        assert_eq!(frame(u32::MAX, 0, false), Some(0));
        for other in [4, 7, 1000] {
            assert_eq!(frame(5, other, false), None, "{other}");
            assert_eq!(frame(5, other, true), Some(0), "{other}");
        }
        assert_eq!(frame(5, 5, true), Some(9));
        // The first salt alone does not make it the same.
        let mut other = header(5);
        other.salt.1 = 78;
        assert_eq!(position(5).follow(&other, false), None);
        other = header(6);
        other.page_size = 512;
        assert_eq!(position(5).follow(&other, true), None);
        let nowhere = Position {
            at: None,
            ..position(5)
        };
        assert_eq!(
            nowhere.follow(&header(9), false),
            Some(At::beginning(&header(9)))
        );
    }

    #[test]
    fn it_is_written_down_and_read() {
        let position = position(5);
        let mut json = position.to_json();
        assert_eq!(Position::parse(&json).expect("read"), position);
        json["format"] = 2.into();
        let newer = Position::parse(&json).expect_err("newer");
        assert_eq!(newer.kind(), ErrorKind::BackupRefused);
        let other = Position::parse(&serde_json::json!({"lsn": "0/1"})).expect_err("another's");
        assert_eq!(other.kind(), ErrorKind::BackupDamaged);
    }
}
