//! What was read of a log, as it is shipped.

use chrono::{DateTime, Utc};
use mainstay::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::position::{At, FORMAT, Position, require_format};
use crate::archive::SegmentMeta;

/// Frames that follow one another, of one log or of several.
#[derive(Debug)]
pub(super) struct Batch {
    page_size: u32,
    runs: Vec<Run>,
    groups: Vec<Group>,
    /// The frames as they stand in the log.
    bytes: Vec<u8>,
    frames: u64,
    /// Behind the last frame.
    end: Position,
    /// When the last commit was seen, in this one or those before.
    newest: DateTime<Utc>,
}

/// Frames of one log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    /// In front of the first one.
    pub(super) at: At,
    pub(super) frames: u64,
}

/// Commits that were first seen at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Group {
    /// How many frames of the segment there are up to the end of the last of them.
    pub(super) frames: u64,
    pub(super) at: DateTime<Utc>,
}

/// What is said of a segment's frames. Frames behind the last group are the beginning of one that
/// ends in a later segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Detail {
    format: u32,
    pub(super) page_size: u32,
    pub(super) runs: Vec<Run>,
    pub(super) groups: Vec<Group>,
    pub(super) end: Position,
}

impl Detail {
    pub(super) fn parse(json: &serde_json::Value) -> Result<Self> {
        let damaged = |what: String| {
            Error::new(ErrorKind::BackupDamaged, what)
                .with_hint("recover to an earlier moment, or from another backup")
        };
        let parsed: Self = serde_json::from_value(json.clone())
            .map_err(|error| damaged(format!("a segment of the log of SQLite: {error}")))?;
        require_format(parsed.format)?;
        let frames: u64 = parsed.runs.iter().map(|run| run.frames).sum();
        let ends: Vec<u64> = parsed.groups.iter().map(|group| group.frames).collect();
        if !ends.is_sorted() || ends.last().is_some_and(|last| *last > frames) {
            return Err(damaged(
                "a segment's commits are not in its frames".to_owned(),
            ));
        }
        Ok(parsed)
    }
}

impl Batch {
    /// Nothing yet, from a position on.
    pub(super) fn new(from: Position, newest: DateTime<Utc>) -> Self {
        Self {
            page_size: from.page_size,
            runs: Vec::new(),
            groups: Vec::new(),
            bytes: Vec::new(),
            frames: 0,
            end: from,
            newest,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames == 0
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// More frames, which follow on `from` and end at `to`.
    pub(super) fn add(&mut self, from: At, to: At, bytes: &[u8]) {
        let frames = to.frame - from.frame;
        self.frames += frames;
        self.bytes.extend_from_slice(bytes);
        self.end.at = Some(to);
        match self.runs.last_mut() {
            Some(run) if run.at.salt == from.salt => run.frames += frames,
            _ => self.runs.push(Run { at: from, frames }),
        }
    }

    /// What was added up to here was committed, as was seen then.
    pub(super) fn commit(&mut self, at: DateTime<Utc>) {
        // A clock that was set back does not change the order.
        self.newest = self.newest.max(at);
        self.groups.push(Group {
            frames: self.frames,
            at: self.newest,
        });
    }

    /// Takes all of it; what comes next follows on it.
    pub(super) fn take(&mut self) -> Self {
        let next = Self::new(self.end, self.newest);
        std::mem::replace(self, next)
    }

    /// As a segment of the archive's log. One that only has a part of a commit is put where the last
    /// whole one was.
    pub(super) fn into_segment(self, sequence: u64) -> (SegmentMeta, Vec<u8>) {
        let from = self.groups.first().map_or(self.newest, |group| group.at);
        let detail = Detail {
            format: FORMAT,
            page_size: self.page_size,
            runs: self.runs,
            groups: self.groups,
            end: self.end,
        };
        let meta = SegmentMeta {
            sequence,
            from,
            to: self.newest,
            detail: serde_json::to_value(detail).expect("numbers and times can be written as JSON"),
        };
        (meta, self.bytes)
    }
}
