//! Reads what is new in a log, and tells when it was committed; lets the log start again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::{Clock, Error, Result};
use tokio::time::Instant;

use super::batch::Batch;
use super::frame::{FRAME_HEADER, Header};
use super::hold::{BETWEEN, Hold, Probe};
use super::log::{Head, LogFile};
use super::position::{At, Position};

/// Frames that are read at once.
const PIECE: u64 = 64;

/// How long writers of others are waited for, to keep them out for a moment: no longer than it may
/// take until the next look for commits. There is another time.
const WRITERS: Duration = Duration::from_millis(20);

/// How long writers are kept out at most when others are at moving the log, or read from it.
const OTHERS: Duration = Duration::from_millis(15);

/// How far a log may grow, and what is read ahead of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Beyond so many bytes the log is made to start again.
    pub(crate) start_again: u64,
    /// So many bytes are read ahead.
    pub(crate) ahead: usize,
    /// Beyond so many bytes it is no longer followed: the archive does not keep up, and the service
    /// needs its disk.
    pub(crate) give_up: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start_again: 8 << 20,
            ahead: 8 << 20,
            give_up: 1 << 30,
        }
    }
}

/// Why what is in the log does not follow on what was read.
pub(super) type Gap = String;

/// Reads the log of a database.
#[derive(Debug)]
pub(super) struct Reader {
    hold: Hold,
    log: LogFile,
    limits: Limits,
    clock: Arc<dyn Clock>,
    /// Up to where it was read.
    position: Position,
    /// Since then its file was seen without a byte.
    was_empty: bool,
    /// What was seen to be committed and is not read yet: so many frames of the log, and when.
    seen: VecDeque<(u64, DateTime<Utc>)>,
    /// The frames there were when another transaction had begun beside the one that holds, and
    /// whether that one reads nothing of the log.
    another: Option<(u64, bool)>,
    /// The transaction that holds reads nothing of the log, which may start again once.
    rests: bool,
    /// The frames there were when it began.
    renewed_at: u64,
    /// The frames there were when the log was last to start again.
    tried_at: u64,
    /// The longest time that writers were kept out.
    pub(super) longest: Duration,
}

impl Reader {
    /// Behind a place in a log that is held. All that follows on that place is in the log.
    pub(super) fn new(
        hold: Hold,
        log: LogFile,
        position: Position,
        limits: Limits,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            hold,
            log,
            limits,
            clock,
            position,
            was_empty: false,
            seen: VecDeque::new(),
            another: None,
            rests: false,
            renewed_at: 0,
            tried_at: 0,
            longest: Duration::ZERO,
        }
    }

    /// Nothing read yet, from where it is.
    pub(super) fn batch(&self, newest: DateTime<Utc>) -> Batch {
        Batch::new(self.position, newest)
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether all that was seen is read.
    pub(super) fn has_all(&self) -> bool {
        self.seen.is_empty()
    }

    /// Reads what is new. `Some`: it does not follow on what was read before, and why.
    pub(super) fn tick(&mut self, batch: &mut Batch) -> Result<Option<Gap>> {
        told(self.work(batch))
    }

    /// Sees what is committed by now, and leaves it to be read later.
    pub(super) fn watch(&mut self) -> Result<Option<Gap>> {
        let seen = self.is_in_place().and_then(|()| self.look());
        told(seen.map(drop))
    }

    fn is_in_place(&self) -> Result<(), Stop> {
        match self.hold.is_in_place() && self.log.is_in_place()? {
            true => Ok(()),
            false => Err(Stop::Gap(
                "another file is at the database's path".to_owned(),
            )),
        }
    }

    fn work(&mut self, batch: &mut Batch) -> Result<(), Stop> {
        self.is_in_place()?;
        let Some(probe) = self.look()? else {
            return Ok(());
        };
        self.read(batch)?;
        self.renew(probe, batch)?;
        self.start_again(probe, batch)
    }

    /// Sees what is committed by now. `None`: the log is just starting again.
    fn look(&mut self) -> Result<Option<Probe>, Stop> {
        // A log's header is written before its first commit is known. So with the same header before
        // and after, the commits are of that log, or there are none.
        let before = self.log.head()?;
        let probe = self.hold.probe()?;
        let now = self.clock.now();
        if before != self.log.head()? {
            return Ok(None);
        }
        match before {
            Head::Unclear => return Ok(None),
            Head::Empty => self.was_empty = true,
            Head::Is(_) if probe.frames == 0 => {}
            Head::Is(header) => self.see(&header, probe.frames, now)?,
        }
        Ok(Some(probe))
    }

    fn see(&mut self, header: &Header, frames: u64, now: DateTime<Utc>) -> Result<(), Stop> {
        let may_begin = self.was_empty || self.rests;
        let Some(at) = self.position.follow(header, may_begin) else {
            return Err(Stop::Gap(
                "the log is not the one that was read, nor the one that comes after it".to_owned(),
            ));
        };
        if self.position.at != Some(at) {
            if !self.seen.is_empty() {
                return Err(Stop::Gap(
                    "the log started again before it was read".to_owned(),
                ));
            }
            self.position.at = Some(at);
            (self.renewed_at, self.tried_at) = (0, 0);
        }
        self.was_empty = false;
        let known = self.seen.back().map_or(at.frame, |(frames, _)| *frames);
        if frames < known {
            return Err(Stop::Gap("the log is shorter than before".to_owned()));
        }
        if frames > known {
            self.seen.push_back((frames, now));
        }
        let size = frames * self.frame_size();
        if size > self.limits.give_up {
            return Err(Stop::Gap(format!(
                "the archive does not keep up: the log has {} MB that are kept for it",
                size >> 20
            )));
        }
        Ok(())
    }

    fn frame_size(&self) -> u64 {
        FRAME_HEADER as u64 + u64::from(self.position.page_size)
    }

    /// Reads what was seen, as far as there is room.
    fn read(&mut self, batch: &mut Batch) -> Result<(), Stop> {
        let mut buffer = Vec::new();
        while let (Some((until, seen_at)), Some(at)) = (self.seen.front(), self.position.at) {
            if at.frame == *until {
                batch.commit(*seen_at);
                self.seen.pop_front();
                continue;
            }
            if batch.len() >= self.limits.ahead {
                break;
            }
            let count = PIECE.min(until - at.frame);
            let is_end = at.frame + count == *until;
            buffer.resize((count * self.frame_size()) as usize, 0);
            let length = self
                .log
                .frames(at.frame, self.position.page_size, &mut buffer)?;
            let to = match length == buffer.len() {
                true => checked(at, &buffer, self.frame_size() as usize, is_end),
                false => None,
            };
            let Some(to) = to else {
                return Err(Stop::Gap(format!(
                    "the log is damaged behind frame {}",
                    at.frame
                )));
            };
            batch.add(at, to, &buffer);
            self.position.at = Some(to);
        }
        Ok(())
    }

    /// The frames up to which everything was seen.
    fn known(&self) -> u64 {
        let read = self.position.at.map_or(0, |at| at.frame);
        self.seen.back().map_or(read, |(frames, _)| *frames)
    }

    /// Holds no more of the log than it has to, so that others can move it and start it again.
    fn renew(&mut self, probe: Probe, batch: &mut Batch) -> Result<(), Stop> {
        let can_rest = probe.frames > 0 && probe.moved == probe.frames;
        if self.another.is_none() && (self.known() > self.renewed_at || (can_rest && !self.rests)) {
            self.hold.begin_another()?;
            let before = self.known();
            // Until it is known what was there when it had begun, the other one goes on.
            let Some(after) = self.look()? else {
                self.another = Some((u64::MAX, false));
                return Ok(());
            };
            let rests = can_rest && before == probe.frames && after.frames == probe.frames;
            self.another = Some((self.known(), rests));
            self.read(batch)?;
        }
        self.let_go()
    }

    /// Ends the transaction that holds, if another one has begun and all in front of that is read.
    fn let_go(&mut self) -> Result<(), Stop> {
        let read = self.position.at.map_or(0, |at| at.frame);
        match self.another {
            Some((u64::MAX, _)) => {
                // What was unclear is known by the next look.
                self.another = Some((self.known(), false));
            }
            Some((until, rests)) if read >= until => {
                self.hold.let_go()?;
                (self.another, self.rests, self.renewed_at) = (None, rests, until);
            }
            _ => {}
        }
        Ok(())
    }

    /// Where the log has become long, keeps writers out while the rest of it is read and moved.
    fn start_again(&mut self, probe: Probe, batch: &mut Batch) -> Result<(), Stop> {
        let limit = self.limits.start_again / self.frame_size();
        let is_due = probe.frames >= limit.max(self.tried_at + limit / 4);
        if !is_due || self.rests || !self.seen.is_empty() || self.another.is_some() {
            return Ok(());
        }
        // The more is moved before, the shorter writers wait.
        self.hold.move_frames()?;
        if !self.hold.stop_writers(WRITERS)? {
            return Ok(());
        }
        self.tried_at = probe.frames;
        let begun = Instant::now();
        let done = self.rest(batch);
        self.hold.let_writers_on()?;
        self.longest = self.longest.max(begun.elapsed());
        done
    }

    /// While nobody writes: reads and moves all there is, and reads nothing of the log any more.
    fn rest(&mut self, batch: &mut Batch) -> Result<(), Stop> {
        if self.look()?.is_none() {
            return Ok(());
        }
        self.read(batch)?;
        if !self.seen.is_empty() {
            return Ok(());
        }
        let frames = self.known();
        self.hold.begin_another()?;
        self.hold.let_go()?;
        (self.rests, self.renewed_at) = (false, frames);
        // Others may be at it, or read from the log still.
        let begun = Instant::now();
        while !self.hold.move_all(frames)? {
            if begun.elapsed() > OTHERS {
                return Ok(());
            }
            std::thread::sleep(BETWEEN);
        }
        self.hold.begin_another()?;
        self.hold.let_go()?;
        self.rests = true;
        Ok(())
    }
}

/// Why the work on a log ends.
enum Stop {
    Gap(Gap),
    Error(Error),
}

fn told(done: Result<(), Stop>) -> Result<Option<Gap>> {
    match done {
        Ok(()) => Ok(None),
        Err(Stop::Gap(gap)) => Ok(Some(gap)),
        Err(Stop::Error(error)) => Err(error),
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// The place behind frames that follow on one another, the last one with a commit if it has to.
fn checked(at: At, bytes: &[u8], size: usize, ends_commit: bool) -> Option<At> {
    let mut chain = at.chain();
    let mut last = None;
    let mut frame = at.frame;
    for bytes in bytes.chunks_exact(size) {
        last = Some(chain.next(bytes)?);
        frame += 1;
    }
    let is_right = !ends_commit || last.is_some_and(|last| last.commit > 0);
    is_right.then_some(At {
        frame,
        checksum: chain.checksum,
        ..at
    })
}
