//! A state from a copy and what followed.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use mainstay::{Error, ErrorKind, Result};

use super::batch::Detail;
use super::frame::{FRAME_HEADER, Frame};
use super::position::Position;
use crate::archive::{Log, segment};
use crate::control::Control;
use crate::engine::Place;
use crate::engine::sqlite::error::of_io;
use crate::engine::sqlite::{files, path_of};
use crate::failure::from_io;

/// Where a database says in its header whether it has a log, and how it says that it has none.
const MODE: (u64, [u8; 2]) = (18, [1, 1]);

/// How far a recovery went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replayed {
    /// When the last commit that was put on top of the copy was seen; `None`: there was none.
    pub(crate) newest: Option<DateTime<Utc>>,
    /// Whether something that was committed after the moment was seen, so that nothing in front of
    /// it is missing. `false`: this is all there is.
    pub(crate) is_complete: bool,
}

/// Puts what a log has up to a moment, or all of it, on top of a copy that was restored to a place.
///
/// # Errors
/// When the log has a gap in front of the moment, or is damaged; when the disk is full; when it was
/// stopped.
pub(crate) async fn recover(
    log: &Log,
    place: &Place,
    position: &serde_json::Value,
    to: Option<DateTime<Utc>>,
    control: &Control,
) -> Result<Replayed> {
    let segments = log.list().await?;
    let needed = segment::leading(&segments, 1, to)?;
    control.begin("replaying", Some(needed.iter().map(|one| one.size).sum()));
    let mut replay = Replay::begin(place, position, to)?;
    for one in needed {
        control.check()?;
        let of_work = control.clone();
        let work = move |meta: crate::archive::SegmentMeta, input: &mut dyn Read| {
            replay.segment(&meta.detail, input, &of_work)?;
            Ok(replay)
        };
        replay = log.read_with(one, control.clone(), work).await?;
        control.add(one.size);
        if replay.is_complete {
            break;
        }
    }
    // One that begins later says so by its name.
    let is_complete = needed.len() < segments.len();
    let work = tokio::task::spawn_blocking(move || replay.finish()).await;
    let replayed = work.map_err(Error::unexpected)??;
    Ok(Replayed {
        is_complete: replayed.is_complete || is_complete,
        ..replayed
    })
}

/// A copy that is brought forward.
#[derive(Debug)]
pub(crate) struct Replay {
    path: PathBuf,
    file: File,
    position: Position,
    to: Option<DateTime<Utc>>,
    /// Frames of a commit that is not complete yet.
    begun: Option<File>,
    /// The pages of the database after the last commit.
    pages: Option<u32>,
    newest: Option<DateTime<Utc>>,
    is_complete: bool,
}

impl Replay {
    /// On the copy in a place, which nobody has open.
    ///
    /// # Errors
    /// When `position` is none of this engine's, or the file cannot be opened.
    pub(crate) fn begin(
        place: &Place,
        position: &serde_json::Value,
        to: Option<DateTime<Utc>>,
    ) -> Result<Self> {
        let path = path_of(place)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|error| of_io("cannot open", &path, error))?;
        Ok(Self {
            path,
            file,
            position: Position::parse(position)?,
            to,
            begun: None,
            pages: None,
            newest: None,
            is_complete: false,
        })
    }

    /// The next segment. Blocking.
    ///
    /// # Errors
    /// When it does not follow on what was there before, or is damaged.
    pub(crate) fn segment(
        &mut self,
        detail: &serde_json::Value,
        input: &mut dyn Read,
        control: &Control,
    ) -> Result<()> {
        let detail = Detail::parse(detail)?;
        let mut groups = detail.groups.iter();
        let mut group = groups.next();
        let mut bytes = vec![0; FRAME_HEADER + detail.page_size as usize];
        let mut count = 0;
        if self.is_beyond(group.map(|group| group.at)) {
            return Ok(());
        }
        if let Some(group) = group
            && group.frames == 0
        {
            // What the segments before had was all of it.
            return Err(damaged("a segment begins with the end of a commit"));
        }
        if group.is_some() {
            self.put_begun(bytes.len())?;
        }
        for run in &detail.runs {
            let follows = match self.position.at {
                Some(at) if at.salt == run.at.salt => run.at == at,
                _ => run.at.frame == 0,
            };
            if !follows || detail.page_size != self.position.page_size {
                return Err(damaged(
                    "a segment does not follow on what is in front of it",
                ));
            }
            let mut at = run.at;
            let mut chain = at.chain();
            for _ in 0..run.frames {
                control.check()?;
                input
                    .read_exact(&mut bytes)
                    .map_err(|error| from_io("reading a segment of the log", error))?;
                let frame = chain
                    .next(&bytes)
                    .ok_or_else(|| damaged("a frame's checksum is wrong"))?;
                count += 1;
                at.frame += 1;
                match group {
                    Some(_) => self.put(frame, &bytes[FRAME_HEADER..])?,
                    None => self.keep(&bytes)?,
                }
                if let Some(ended) = group.filter(|group| group.frames == count) {
                    if frame.commit == 0 {
                        return Err(damaged("a commit has no end"));
                    }
                    self.newest = Some(ended.at);
                    group = groups.next();
                    if self.is_beyond(group.map(|group| group.at)) {
                        return Ok(());
                    }
                }
            }
            at.checksum = chain.checksum;
            self.position.at = Some(at);
        }
        Ok(())
    }

    /// Whether the next commit is one that is not wanted any more.
    fn is_beyond(&mut self, at: Option<DateTime<Utc>>) -> bool {
        self.is_complete |= at.zip(self.to).is_some_and(|(at, to)| at > to);
        self.is_complete
    }

    fn put(&mut self, frame: Frame, page: &[u8]) -> Result<()> {
        if frame.page == 0 {
            return Err(damaged("a frame has no page"));
        }
        let at = u64::from(frame.page - 1) * page.len() as u64;
        self.file
            .seek(SeekFrom::Start(at))
            .and_then(|_| self.file.write_all(page))
            .map_err(|error| of_io("cannot write", &self.path, error))?;
        if frame.commit > 0 {
            self.pages = Some(frame.commit);
        }
        Ok(())
    }

    /// Keeps a frame of a commit whose end is in a later segment, and may not be wanted.
    fn keep(&mut self, bytes: &[u8]) -> Result<()> {
        let (folder, _) = files::parts(&self.path)?;
        let io = |error| of_io("cannot write beside", &self.path, error);
        let begun = match &mut self.begun {
            Some(begun) => begun,
            none => none.insert(tempfile::tempfile_in(folder).map_err(io)?),
        };
        begun.write_all(bytes).map_err(io)
    }

    /// Puts what was kept.
    fn put_begun(&mut self, size: usize) -> Result<()> {
        let Some(mut begun) = self.begun.take() else {
            return Ok(());
        };
        let io = |error| of_io("cannot read beside", &self.path, error);
        let length = begun.stream_position().map_err(io)?;
        begun.rewind().map_err(io)?;
        let mut bytes = vec![0; size];
        for _ in 0..length / size as u64 {
            begun
                .read_exact(&mut bytes)
                .map_err(|error| of_io("cannot read beside", &self.path, error))?;
            let (header, page) = bytes.split_at(FRAME_HEADER);
            self.put(Frame::of(header), page)?;
        }
        Ok(())
    }

    /// Completes the file, through to the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn finish(mut self) -> Result<Replayed> {
        let io = |error| of_io("cannot write", &self.path, error);
        if let Some(pages) = self.pages {
            let length = u64::from(pages) * u64::from(self.position.page_size);
            self.file.set_len(length).map_err(io)?;
            // Nothing follows that would be in a log.
            let (at, none) = MODE;
            self.file
                .seek(SeekFrom::Start(at))
                .and_then(|_| self.file.write_all(&none))
                .map_err(io)?;
        }
        self.file.sync_all().map_err(io)?;
        Ok(Replayed {
            newest: self.newest,
            is_complete: self.is_complete,
        })
    }
}

fn damaged(what: &'static str) -> Error {
    Error::new(ErrorKind::BackupDamaged, what)
        .with_hint("recover to an earlier moment, or from another backup")
}
