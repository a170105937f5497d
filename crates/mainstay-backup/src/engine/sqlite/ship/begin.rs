//! Where following begins: at a moment that is copied, or where it ended before.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mainstay::{Error, ErrorKind, Result};

use super::follower::Follower;
use super::hold::Hold;
use super::log::{Head, LogFile};
use super::position::{FORMAT, Position};
use super::reader::{Limits, Reader};
use crate::engine::sqlite::moment::Moment;
use crate::engine::sqlite::{Sqlite, files};

/// A moment whose state is copied, and behind which a log is followed.
#[derive(Debug)]
pub(crate) struct Base {
    pub(in crate::engine::sqlite) path: PathBuf,
    pub(in crate::engine::sqlite) moment: Moment,
    position: Position,
}

impl Base {
    /// The moment.
    pub(crate) fn taken_at(&self) -> DateTime<Utc> {
        self.moment.taken_at
    }

    /// Where in the log it is, for the manifest.
    pub(crate) fn position(&self) -> serde_json::Value {
        self.position.to_json()
    }
}

/// What became of going on where another follower was.
#[derive(Debug)]
pub(crate) enum Resumed {
    Follower(Box<Follower>),
    /// Something may be missing in between, and why.
    Gap(String),
}

/// Begins to follow, from a moment on that is copied.
pub(in crate::engine::sqlite) fn begin(
    engine: &Sqlite,
    limits: Limits,
) -> Result<(Base, Follower)> {
    let path = files::existing(&engine.path)?;
    let hold = Hold::begin(&path, engine.busy_timeout())?;
    let mut log = LogFile::of(&path);
    let begun = hold.without_writers(engine.busy_timeout(), |hold| {
        let moment = Moment::without_writers(&path, &*engine.clock)?;
        Ok((moment, position(hold, &mut log)?))
    })?;
    let (moment, position) = begun.ok_or_else(|| {
        Error::new(
            ErrorKind::WriteConflict,
            format!("{}: another process keeps writing", path.display()),
        )
        .with_hint("try again, or raise busy_timeout")
    })?;
    let reader = Reader::new(hold, log, position, limits, Arc::clone(&engine.clock));
    let base = Base {
        path,
        moment,
        position,
    };
    Ok((base, Follower::start(reader)?))
}

/// Goes on where a segment ended, if the log still has all that followed.
pub(in crate::engine::sqlite) fn resume(
    engine: &Sqlite,
    from: &serde_json::Value,
    limits: Limits,
) -> Result<Resumed> {
    let from = Position::parse(from)?;
    let path = files::existing(&engine.path)?;
    let hold = Hold::begin(&path, engine.busy_timeout())?;
    let mut log = LogFile::of(&path);
    // It is held, so whatever is in it now stays.
    let there = match (log.head()?, from.at) {
        (Head::Is(header), Some(at)) if header.salt == at.salt => {
            let committed = hold.probe()?.frames;
            committed >= at.frame && log.place(&header, at.frame)? == Some(at)
        }
        _ => false,
    };
    if !there {
        return Ok(Resumed::Gap(
            "the log has started again since it was last read".to_owned(),
        ));
    }
    let reader = Reader::new(hold, log, from, limits, Arc::clone(&engine.clock));
    Ok(Resumed::Follower(Box::new(Follower::start(reader)?)))
}

/// Where the log is, while nobody writes.
fn position(hold: &Hold, log: &mut LogFile) -> Result<Position> {
    let probe = hold.probe()?;
    let at = match log.head()? {
        Head::Is(header) => log.place(&header, probe.frames)?,
        _ => None,
    };
    if at.is_none() && probe.frames > 0 {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!("the log of {} cannot be read", hold.path().display()),
        )
        .with_hint(
            "stop the service, keep a copy of the file with its -wal, and look at the disk",
        ));
    }
    Ok(Position {
        format: FORMAT,
        page_size: hold.page_size()?,
        at,
    })
}
