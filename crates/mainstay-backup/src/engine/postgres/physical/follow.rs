//! Putting the log beside a base backup, as it grows.

use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mainstay::{Error, ErrorKind, Result};
use tokio::time::{Instant, sleep};

use super::super::super::tools::{Pipe, Running};
use super::super::{Postgres, programs};
use super::lsn::{FileSize, Lsn};
use super::position::{Piece, Position, Sample, covered};
use super::source::{Facts, Source};
use super::spool::Spool;
use crate::archive::segment::leading;
use crate::archive::{Log, Manifest, SegmentMeta};
use crate::control::Control;

/// The number of a log's first piece.
pub(super) const FIRST: u64 = 1;

/// While nothing happens, that is written down so often.
const NOTHING: TimeDelta = TimeDelta::seconds(30);
/// So long is waited after a failure that may pass.
const PAUSE: Duration = Duration::from_secs(1);
/// So often is looked whether the end has been received, when it is stopped, and for so long.
const LAST_TICK: Duration = Duration::from_millis(20);
const LAST_LIMIT: Duration = Duration::from_secs(10);
/// More moments than that are not kept in mind.
const SAMPLES: usize = 4096;

/// How the log is followed.
#[derive(Debug, Clone)]
pub(crate) struct Follow {
    /// A folder on this machine for what has been received and is not in the target yet. It is used
    /// by one at a time.
    pub(crate) spool: PathBuf,
    /// An acknowledged transaction is in the target within this time.
    pub(crate) interval: Duration,
}

/// What happens while the log is followed.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// A piece is in the target: all that was acknowledged before this moment is there.
    Shipped { to: DateTime<Utc>, bytes: u64 },
    /// Something failed that may pass. It is tried again.
    Waiting(&'a Error),
}

/// How far the target is.
#[derive(Debug, Clone)]
struct Shipped {
    next: u64,
    timeline: u32,
    end: Lsn,
    to: DateTime<Utc>,
    histories: Vec<String>,
}

/// The newest moment that can be recovered to with this log: `None` while nothing is in it.
///
/// # Errors
/// What the target fails with; `BACKUP_DAMAGED` when the log has a hole.
pub(crate) async fn newest(log: &Log) -> Result<Option<DateTime<Utc>>> {
    let segments = log.list().await?;
    Ok(leading(&segments, FIRST, None)?.last().map(|last| last.to))
}

impl Postgres {
    /// Puts the server's log into `log`, as it grows, until `stop` is ready. `base` is the backup it
    /// goes with.
    ///
    /// Failures that may pass, of the server and of the target, are told and waited for. When this is
    /// dropped, the program that receives the log is ended, and the server keeps nothing for us.
    ///
    /// # Errors
    /// Those that do not pass: `BACKUP_DAMAGED` when the server has removed what comes next, so that
    /// a new base is needed; missing rights, refused credentials, a missing program.
    pub(crate) async fn follow(
        &self,
        base: &Manifest,
        log: &Log,
        follow: &Follow,
        stop: impl Future<Output = ()> + Send,
        mut tell: impl FnMut(Event<'_>) + Send,
    ) -> Result<()> {
        let position = Position::of(base)?;
        let spool = Spool::open(&follow.spool, position.file_size)?;
        let mut stop = std::pin::pin!(stop);
        let mut shipped = None;
        loop {
            let mut run = Run {
                engine: self,
                position: &position,
                log,
                spool: &spool,
                follow,
                tell: &mut tell,
            };
            match run.follow(&mut shipped, stop.as_mut()).await {
                Ok(()) => return Ok(()),
                Err(error) if passes(&error) => tell(Event::Waiting(&error)),
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = stop.as_mut() => return Ok(()),
            }
        }
    }
}

/// Whether a failure may pass by itself.
fn passes(error: &Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::AccessDenied
            | ErrorKind::CredentialsRefused
            | ErrorKind::Configuration
            | ErrorKind::BackupRefused
            | ErrorKind::BackupDamaged
            | ErrorKind::Unsupported
            | ErrorKind::DatabaseMissing
            | ErrorKind::Tls
    )
}

struct Run<'a> {
    engine: &'a Postgres,
    position: &'a Position,
    log: &'a Log,
    spool: &'a Spool,
    follow: &'a Follow,
    tell: &'a mut (dyn FnMut(Event<'_>) + Send),
}

impl Run<'_> {
    /// Follows until `stop` or a failure.
    async fn follow(
        &mut self,
        shipped: &mut Option<Shipped>,
        stop: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Result<()> {
        let shipped = match shipped {
            Some(shipped) => shipped,
            None => shipped.insert(Shipped::read(self.log, self.position).await?),
        };
        let engine = self.engine;
        let source = Source::open(&engine.config, engine.entropy.as_ref()).await?;
        let followed = self.follow_from(&source, shipped, stop).await;
        source.close().await;
        followed
    }

    async fn follow_from(
        &mut self,
        source: &Source,
        shipped: &mut Shipped,
        mut stop: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Result<()> {
        source.expect_rights().await?;
        let facts = source.facts().await?;
        expect_same(self.position, &facts)?;
        self.spool.prepare(shipped.timeline, shipped.end)?;
        let mut running = Some(self.receive(source, &facts)?);
        let mut samples: Vec<Sample> = Vec::new();
        let tick = self.follow.interval.mul_f32(0.75);
        // Up to where it has to come when it is stopped, and until when that is waited for.
        let mut last: Option<(Lsn, Instant)> = None;
        loop {
            if running.as_ref().is_none_or(Running::has_ended) {
                return Err(ended(running.take()));
            }
            let progress = source.progress(self.position.file_size).await?;
            if !progress.is_kept {
                source.keep().await?;
            }
            remember(&mut samples, progress.sample);
            if let Some(received) = progress.received {
                self.ship(shipped, &samples, received).await?;
                samples.retain(|sample| sample.at > shipped.to);
                self.spool.remove_before(shipped.end)?;
                if let Err(error) = source.let_go(received.min(shipped.end)).await {
                    // It is further already, or will be with the next try.
                    tracing::debug!(target: "mainstay::backup", %error, "the slot was not advanced");
                }
            }
            match last {
                Some((end, until)) if shipped.end >= end || Instant::now() >= until => {
                    return Ok(());
                }
                Some(_) => sleep(LAST_TICK).await,
                // At the end, what has been acknowledged by then is taken along.
                None => tokio::select! {
                    () = sleep(tick) => {}
                    () = stop.as_mut() => {
                        let now = source.progress(self.position.file_size).await?;
                        last = Some((now.sample.written, Instant::now() + LAST_LIMIT));
                    }
                },
            }
        }
    }

    /// Starts the program that receives the log.
    fn receive(&self, source: &Source, facts: &Facts) -> Result<Running> {
        let engine = self.engine;
        let program = programs::pg_receivewal(&engine.places, &facts.server)?;
        programs::launch(&program, &engine.config, engine.database())
            .env("PGAPPNAME", source.name())
            .arg("--directory")
            .arg(&self.follow.spool)
            .args(["--synchronous", "--no-loop", "--status-interval=1"])
            .start(Pipe::Neither, &Control::new())
    }

    /// Puts what has been received into the target.
    async fn ship(
        &mut self,
        shipped: &mut Shipped,
        samples: &[Sample],
        received: Lsn,
    ) -> Result<()> {
        let size = self.position.file_size;
        self.ship_histories(shipped).await?;
        while shipped.end < received {
            let (number, _) = size.file_of(shipped.end);
            let Some(timeline) = self.spool.timeline_of(number)? else {
                // It is not here yet: the program has just begun.
                return Ok(());
            };
            let file = size.start_of(number);
            // A new timeline repeats the file in which the old one ends.
            let start = if timeline == shipped.timeline {
                shipped.end
            } else {
                file
            };
            let end = received.min(size.start_of(number + 1));
            let bytes = self.spool.read(timeline, start, end)?;
            let to = covered(samples, end).map_or(shipped.to, |to| to.max(shipped.to));
            let piece = Piece::Log {
                timeline,
                start,
                end,
            };
            self.append(shipped, &piece, to, bytes).await?;
            shipped.timeline = timeline;
            shipped.end = end;
        }
        // All is there: so it is for a later moment, too.
        if let Some(to) = covered(samples, shipped.end)
            && to - shipped.to >= NOTHING
        {
            let piece = Piece::Log {
                timeline: shipped.timeline,
                start: shipped.end,
                end: shipped.end,
            };
            self.append(shipped, &piece, to, Vec::new()).await?;
        }
        Ok(())
    }

    async fn ship_histories(&mut self, shipped: &mut Shipped) -> Result<()> {
        for (name, bytes) in self.spool.histories()? {
            if shipped.histories.contains(&name) {
                continue;
            }
            let piece = Piece::History {
                name: name.clone(),
                end: shipped.end,
            };
            self.append(shipped, &piece, shipped.to, bytes).await?;
            shipped.histories.push(name);
        }
        Ok(())
    }

    async fn append(
        &mut self,
        shipped: &mut Shipped,
        piece: &Piece,
        to: DateTime<Utc>,
        bytes: Vec<u8>,
    ) -> Result<()> {
        let meta = SegmentMeta {
            sequence: shipped.next,
            from: shipped.to,
            to,
            detail: piece.detail(),
        };
        let length = bytes.len() as u64;
        self.log.append(meta, bytes).await?;
        shipped.next += 1;
        shipped.to = to;
        (self.tell)(Event::Shipped { to, bytes: length });
        Ok(())
    }
}

impl Shipped {
    /// How far the target is, or the base if nothing is there yet.
    async fn read(log: &Log, base: &Position) -> Result<Self> {
        let size: FileSize = base.file_size;
        let (first, _) = size.file_of(base.end);
        let mut out = Self {
            next: FIRST,
            timeline: base.timeline,
            end: size.start_of(first),
            to: base.consistent_at,
            histories: Vec::new(),
        };
        let segments = log.list().await?;
        let segments = leading(&segments, FIRST, None)?;
        if let Some(last) = segments.last() {
            out.next = last.sequence + 1;
            out.to = last.to;
        }
        for segment in segments.iter().rev() {
            let (meta, _) = log.read(segment).await?;
            match Piece::read(&meta.detail)? {
                Piece::Log { timeline, end, .. } => {
                    out.timeline = timeline;
                    out.end = end;
                    break;
                }
                Piece::History { name, .. } => out.histories.push(name),
            }
        }
        Ok(out)
    }
}

fn expect_same(base: &Position, facts: &Facts) -> Result<()> {
    if base.system == facts.system && base.file_size == facts.file_size {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::BackupRefused,
        "the base backup is of another server: its log does not go with it",
    )
    .with_hint("take a base backup of this server first"))
}

/// Why the program that receives the log has ended.
fn ended(running: Option<Running>) -> Error {
    let finished = running.map(Running::finish);
    let Some(Err(error)) = finished else {
        return Error::new(
            ErrorKind::ConnectionLost,
            "the server ended the connection by which its log is received",
        );
    };
    if error.detail().contains("has already been removed") {
        return Error::new(
            ErrorKind::BackupDamaged,
            format!(
                "the server no longer has what comes next in its log: {}",
                error.detail()
            ),
        )
        .with_hint(
            "take a new base backup; a larger wal_keep_size on the server keeps its log for longer \
             while nobody follows it",
        )
        .with_source(error);
    }
    error
}

fn remember(samples: &mut Vec<Sample>, sample: Sample) {
    if samples.len() >= SAMPLES {
        // Every second one does: moments are known less exactly, and none wrongly.
        let mut number = 0;
        samples.retain(|_| {
            number += 1;
            number % 2 == 0
        });
    }
    samples.push(sample);
}
