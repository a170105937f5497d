//! Shipping the binary log, for as long as it is wanted.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::{Database, Error, ErrorKind, Result};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::scan::LogPosition;
use super::super::{MySql, close};
use super::ask;
use super::segment::{Detail, Mark, Spot};
use super::tail::Tail;
use crate::archive::{Log, Manifest, SegmentMeta};
use crate::control::Control;

/// How often the server is asked how far its log is.
pub(super) const TICK: Duration = Duration::from_millis(200);

/// Where nothing happens, so many intervals later it is said that nothing has happened.
const QUIET: u32 = 60;

/// A segment has so many bytes of the log at most.
const PART: u64 = 8 << 20;

/// For so long the reader may stand still while the server's log goes on.
const STUCK: Duration = Duration::from_secs(30);

/// So many times in a row the reader may end without having read anything.
const ENDS: u32 = 5;

/// How long to wait before trying again.
const PAUSE: Duration = Duration::from_secs(1);

/// What has been shipped, and what is to be.
#[derive(Debug)]
struct Progress {
    /// Shipped up to here.
    done: Spot,
    /// All that was acknowledged before is in what is shipped.
    covered: DateTime<Utc>,
    /// The number of the next segment.
    sequence: u64,
    /// Marks that are read and not shipped.
    marks: Vec<(DateTime<Utc>, Spot)>,
    /// Where it will be once the segment that is being sent is in the target.
    sending: Option<(Spot, DateTime<Utc>)>,
    /// After a failure it is shown at once that it goes on, although nothing may have happened.
    is_due: bool,
}

impl MySql {
    /// Ships the server's binary log from a base backup on, or from where it was left, until
    /// `control` is cancelled. Then what is there by then is shipped, and there is no error.
    ///
    /// At most `interval` after it was acknowledged a change is in the log, plus the time to write a
    /// segment. `told` has the newest moment to which can be recovered. A server that cannot be
    /// reached for a while is waited for, and so is room in the target; `waiting` is told why.
    ///
    /// # Errors
    /// `CONFIGURATION_ERROR` when the server writes no binary log, or statements instead of rows;
    /// `NOT_FOUND` when it does not have the place any more from which to go on, so that a new base
    /// is needed; `ACCESS_DENIED`, `CREDENTIALS_REFUSED`; those of the target.
    pub(crate) async fn follow(
        &self,
        base: &Manifest,
        log: &Log,
        interval: Duration,
        control: &Control,
        told: &watch::Sender<Option<DateTime<Utc>>>,
        waiting: &(dyn Fn(&Error) + Send + Sync),
    ) -> Result<()> {
        let mut id = [0; 4];
        self.entropy.fill(&mut id);
        // Far from the numbers that people give to servers.
        let id = 0x4000_0000 | (u32::from_le_bytes(id) & 0x3fff_ffff);
        let mut ends = 0;
        let mut known: Option<Progress> = None;
        while !control.is_cancelled() {
            let mut progress = match known.take() {
                Some(progress) => progress.settled(base, log).await?,
                None => left_at(base, log).await?,
            };
            let before = progress.done.clone();
            let ended = self
                .read_on(&mut progress, log, interval, control, told, id)
                .await;
            let Err(error) = ended else { break };
            ends = if progress.done == before { ends + 1 } else { 0 };
            let passes = matches!(
                error.kind(),
                ErrorKind::Unreachable
                    | ErrorKind::ConnectionLost
                    | ErrorKind::TooManyConnections
                    | ErrorKind::CircuitOpen
                    | ErrorKind::PoolTimeout
                    | ErrorKind::Deadline
                    | ErrorKind::DiskFull
            );
            let may_pass = passes || (error.kind() == ErrorKind::Database && ends < ENDS);
            if !may_pass || control.is_cancelled() {
                return Err(error);
            }
            known = Some(progress);
            waiting(&error);
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// The newest moment to which can be recovered. `None` before anything has been shipped.
    ///
    /// # Errors
    /// Those of the target.
    pub(crate) async fn newest(log: &Log) -> Result<Option<DateTime<Utc>>> {
        let segments = log.list().await?;
        Ok(segments.last().map(|segment| segment.to))
    }

    /// Reads and ships with one connection and one run of the program.
    async fn read_on(
        &self,
        progress: &mut Progress,
        log: &Log,
        interval: Duration,
        control: &Control,
        told: &watch::Sender<Option<DateTime<Utc>>>,
        id: u32,
    ) -> Result<()> {
        let db = self.connect().await?;
        let checked = async {
            ask::check_settings(&db, &self.name).await?;
            ask::check_there(&db, &progress.done).await
        };
        let done = match checked.await {
            Ok(()) => match Tail::start(self, &progress.done, id) {
                Ok(mut tail) => {
                    let shipping = Shipping {
                        db: &db,
                        log,
                        interval,
                        told,
                    };
                    shipping.run(&mut tail, progress, control).await
                }
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        close(db).await;
        done
    }
}

/// What shipping needs all the time.
struct Shipping<'a> {
    db: &'a Database,
    log: &'a Log,
    interval: Duration,
    told: &'a watch::Sender<Option<DateTime<Utc>>>,
}

impl Shipping<'_> {
    async fn run(&self, tail: &mut Tail, progress: &mut Progress, control: &Control) -> Result<()> {
        let tick = TICK.min(self.interval / 2);
        let mut shipped = Instant::now();
        loop {
            // Asked before the mark is made: it then has all that was there when it was asked to stop.
            let is_last = control.is_cancelled();
            let next = Instant::now() + tick;
            let (at, end) = ask::mark(self.db).await?;
            self.reach(tail, progress, &end).await?;
            progress.marks.push((at, end.clone()));
            let is_new = end != progress.done;
            let waited = shipped.elapsed() + tick;
            let is_due = std::mem::take(&mut progress.is_due);
            if is_last
                || is_due
                || waited >= self.interval * QUIET
                || (is_new && waited >= self.interval)
            {
                self.ship(tail, progress, &end).await?;
                shipped = Instant::now();
            }
            if is_last {
                return Ok(());
            }
            sleep_until(next).await;
        }
    }

    /// Waits until the program has read up to a place. What it has read meanwhile is shipped, where
    /// that is much.
    async fn reach(&self, tail: &mut Tail, progress: &mut Progress, to: &Spot) -> Result<()> {
        let mut last = None;
        let mut since = Instant::now();
        loop {
            let end = tail.end(&to.file)?;
            if end.is_some_and(|end| end >= to.position) {
                return Ok(());
            }
            if let Some(error) = tail.ended() {
                return Err(error);
            }
            // While the file is not there yet, those before it are read.
            let seen = (
                end,
                tail.end(&progress.done.file)?,
                tail.files(&progress.done.file, &to.file)?,
            );
            if last.as_ref() != Some(&seen) {
                last = Some(seen);
                since = Instant::now();
                self.ship_much(tail, progress, to).await?;
            } else if since.elapsed() > STUCK {
                return Err(Error::new(
                    ErrorKind::ConnectionLost,
                    format!("the binary log was not read on for {STUCK:?}"),
                ));
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ships files that are whole, and parts that are as large as a segment may be.
    async fn ship_much(&self, tail: &Tail, progress: &mut Progress, to: &Spot) -> Result<()> {
        self.ship_whole(tail, progress, to).await?;
        while let Some(end) = tail.end(&progress.done.file)?
            && end >= progress.done.position + PART
        {
            let until = progress.done.position + PART;
            self.part(tail, progress, until).await?;
        }
        Ok(())
    }

    /// Ships all files but the last one there is up to a place, and enters that one.
    async fn ship_whole(&self, tail: &Tail, progress: &mut Progress, to: &Spot) -> Result<()> {
        let files = tail.files(&progress.done.file, &to.file)?;
        for (at, file) in files.iter().enumerate() {
            if *file != progress.done.file {
                progress.enter(tail, file)?;
            }
            // With another one behind it, this one is whole.
            if at + 1 < files.len() {
                self.rest_of(tail, progress, file).await?;
            }
        }
        Ok(())
    }

    /// Ships everything up to a place that has been read.
    async fn ship(&self, tail: &Tail, progress: &mut Progress, to: &Spot) -> Result<()> {
        self.ship_whole(tail, progress, to).await?;
        loop {
            let until = to.position.min(progress.done.position + PART);
            self.part(tail, progress, until).await?;
            if until == to.position {
                return Ok(());
            }
        }
    }

    /// The rest of a file after which there is another.
    async fn rest_of(&self, tail: &Tail, progress: &mut Progress, file: &str) -> Result<()> {
        let end = tail.end(file)?.unwrap_or(progress.done.position);
        while progress.done.position < end {
            let until = end.min(progress.done.position + PART);
            self.part(tail, progress, until).await?;
        }
        tail.forget(file);
        Ok(())
    }

    /// Ships one part of the file that is being shipped, with the marks in it.
    async fn part(&self, tail: &Tail, progress: &mut Progress, until: u64) -> Result<()> {
        let Spot { file, position } = progress.done.clone();
        let (bytes, header) = tail.read(&file, position, until)?;
        let marks = progress.marks_of(&file, until);
        let to = marks.last().map_or(progress.covered, |(at, _)| *at);
        let detail = Detail {
            file,
            start: position,
            end: until,
            header,
            marks: marks
                .iter()
                .map(|(at, spot)| Mark {
                    at: at.timestamp_micros(),
                    position: spot.position,
                })
                .collect(),
        };
        let meta = SegmentMeta {
            sequence: progress.sequence,
            from: progress.covered,
            to,
            detail: serde_json::to_value(detail).map_err(Error::unexpected)?,
        };
        let after = Spot {
            file: progress.done.file.clone(),
            position: until,
        };
        progress.sending = Some((after, to));
        self.log.append(meta, bytes).await?;
        progress.sent();
        progress.marks.retain(|mark| !marks.contains(mark));
        self.told.send_replace(Some(to));
        Ok(())
    }
}

impl Progress {
    /// The segment that was being sent is in the target.
    fn sent(&mut self) {
        if let Some((after, to)) = self.sending.take() {
            self.done = after;
            self.covered = to;
            self.sequence += 1;
        }
    }

    /// Where it is after a failure: whether the last segment is in the target may not be known. It
    /// is told by the names there, since what is in an encrypted one cannot be read here.
    async fn settled(mut self, base: &Manifest, log: &Log) -> Result<Self> {
        let segments = log.list().await?;
        let last = segments.last().map_or(0, |segment| segment.sequence);
        if last == self.sequence && self.sending.is_some() {
            self.sent();
        } else if last + 1 != self.sequence {
            return left_at(base, log).await;
        }
        self.sending = None;
        self.marks.clear();
        self.is_due = true;
        Ok(self)
    }

    /// The marks in a file up to a position.
    fn marks_of(&self, file: &str, until: u64) -> Vec<(DateTime<Utc>, Spot)> {
        let marks = self.marks.iter();
        let marks = marks.filter(|(_, spot)| spot.file == file && spot.position <= until);
        marks.cloned().collect()
    }

    /// The next file is shipped from its beginning.
    fn enter(&mut self, tail: &Tail, file: &str) -> Result<()> {
        if let Some(position) = tail.start_of(file)? {
            self.done = Spot {
                file: file.to_owned(),
                position,
            };
        }
        Ok(())
    }
}

/// The place of a base backup in the log.
pub(super) fn place_of(base: &Manifest) -> Result<Spot> {
    let position = base.position.clone().ok_or_else(|| {
        Error::new(
            ErrorKind::BackupRefused,
            format!(
                "backup {} does not say where in the binary log it stands",
                base.id
            ),
        )
        .with_hint("set log_bin and binlog_format = ROW on the server, and take a new backup")
    })?;
    let position: LogPosition = serde_json::from_value(position).map_err(|error| {
        Error::new(
            ErrorKind::BackupRefused,
            format!(
                "the place of backup {} in the log cannot be read: {error}",
                base.id
            ),
        )
    })?;
    Ok(Spot {
        file: position.file,
        position: position.position,
    })
}

/// Where shipping was left, or the base if it was never begun.
async fn left_at(base: &Manifest, log: &Log) -> Result<Progress> {
    let mut progress = Progress {
        done: place_of(base)?,
        covered: base.taken_at,
        sequence: 1,
        marks: Vec::new(),
        sending: None,
        is_due: false,
    };
    if let Some(last) = log.list().await?.last() {
        let detail = |meta: SegmentMeta, _: &mut dyn std::io::Read| Detail::of(&meta.detail);
        let detail = log.read_with(last, Control::new(), detail).await?;
        progress.done = Spot {
            file: detail.file,
            position: detail.end,
        };
        progress.covered = last.to;
        progress.sequence = last.sequence + 1;
    }
    Ok(progress)
}
