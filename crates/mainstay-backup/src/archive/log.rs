//! What follows a backup, in segments, for recovery to a point in time.
//!
//! A segment is a container like an archive: the same chunks, hashes and encryption. Its manifest has
//! its number, its times and the backup it goes with, so that a segment under another's name is found.

use std::io::{Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mainstay::{Entropy, Error, Result};

use super::container::Container;
use super::fault;
use super::keys::Keys;
use super::segment::{self, Segment, SegmentManifest, SegmentMeta};
use super::writer::{Options, Writer};
use crate::control::Control;
use crate::failure::{self, from_io};
use crate::pipe;
use crate::target::Target;

/// Segments up to so many bytes are fetched with one request.
const SMALL: u64 = 4 << 20;

/// The log that goes with a backup. Cloning gives another handle on the same.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    target: Target,
    label: String,
    base: String,
    keys: Keys,
    entropy: Arc<dyn Entropy>,
}

impl Log {
    /// The log of the backup `base` of this label. Nothing is read or written yet.
    pub(crate) fn new(
        target: &Target,
        label: &str,
        base: &str,
        keys: Keys,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            target: target.clone(),
            label: label.to_owned(),
            base: base.to_owned(),
            keys,
            entropy,
        }
    }

    /// The folder of its segments in the target.
    pub(crate) fn folder(&self) -> String {
        format!("{}/{}.log", self.label, self.base)
    }

    /// Adds a segment. When this returns it is in the target, whole and durable.
    ///
    /// # Errors
    /// What the target fails with. The segment is not there then.
    pub(crate) async fn append(&self, meta: SegmentMeta, bytes: Vec<u8>) -> Result<Segment> {
        let length = bytes.len() as u64;
        self.append_from(meta, Some(length), Cursor::new(bytes), Control::new())
            .await
    }

    /// Adds a segment whose bytes are read from `input`, on a thread for blocking work. `expected` is
    /// about how many there are, if that is known.
    ///
    /// # Errors
    /// What the target or `input` fails with. The segment is not there then.
    pub(crate) async fn append_from(
        &self,
        meta: SegmentMeta,
        expected: Option<u64>,
        input: impl Read + Send + 'static,
        control: Control,
    ) -> Result<Segment> {
        let file = segment::file_name(meta.sequence, meta.from, meta.to);
        let name = format!("{}/{file}", self.folder());
        let log = self.clone();
        let sent = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&sent);
        let (sequence, from, to) = (meta.sequence, meta.from, meta.to);
        pipe::upload(&self.target, &name, expected, move |sink| {
            log.write(meta, input, Counting { sink, sent }, control)
        })
        .await?;
        Ok(Segment {
            sequence,
            from,
            to,
            size: counted.load(Ordering::Relaxed),
            name,
        })
    }

    fn write<S: super::Sink>(
        &self,
        meta: SegmentMeta,
        mut input: impl Read,
        sink: S,
        control: Control,
    ) -> Result<()> {
        let options = Options {
            // Most are small: a thread more would cost more than it gives.
            workers: 0,
            recipients: self.keys.recipients.clone(),
            ..Options::default()
        };
        let mut writer = Writer::new(sink, &options, self.entropy.as_ref(), control)?;
        let doing = "writing a segment of the log";
        std::io::copy(&mut input, &mut writer).map_err(|why| from_io(doing, why))?;
        let general = |facts| SegmentManifest {
            label: self.label.clone(),
            base: self.base.clone(),
            sequence: meta.sequence,
            from: meta.from,
            to: meta.to,
            facts,
        };
        writer.finish_with(general, meta.detail.clone())?;
        Ok(())
    }

    /// The segments there are, in the order of their numbers. Only names are read.
    ///
    /// # Errors
    /// What the target fails with.
    pub(crate) async fn list(&self) -> Result<Vec<Segment>> {
        self.list_after(None).await
    }

    /// The segments with numbers beyond that of `after`.
    ///
    /// # Errors
    /// What the target fails with.
    pub(crate) async fn list_after(&self, after: Option<&Segment>) -> Result<Vec<Segment>> {
        let after = after.map(|segment| segment.name.as_str());
        let found = self.target.walk(&self.folder(), after).await?;
        let parsed = found
            .iter()
            .filter_map(|object| segment::parse(&object.name, object.size));
        let mut segments: Vec<_> = parsed.collect();
        segments.sort_by_key(|segment| segment.sequence);
        Ok(segments)
    }

    /// A segment's detail and bytes, all of them in memory.
    ///
    /// # Errors
    /// As for [`read_with`](Self::read_with).
    pub(crate) async fn read(&self, segment: &Segment) -> Result<(SegmentMeta, Vec<u8>)> {
        let read = |meta, input: &mut dyn Read| {
            let mut bytes = Vec::new();
            let read = input.read_to_end(&mut bytes);
            read.map_err(|why| from_io("reading a segment of the log", why))?;
            Ok((meta, bytes))
        };
        self.read_with(segment, Control::new(), read).await
    }

    /// Runs blocking work on a segment's detail and bytes, which are checked before the work sees
    /// them.
    ///
    /// # Errors
    /// `NOT_FOUND` when it is gone, `BACKUP_DAMAGED` when it is damaged or another segment, another
    /// log's too, stands in its place, `BACKUP_REFUSED` when it cannot be opened; what the target or
    /// the work fails with.
    pub(crate) async fn read_with<T: Send + 'static>(
        &self,
        segment: &Segment,
        control: Control,
        work: impl FnOnce(SegmentMeta, &mut dyn Read) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Segment { name, size, .. } = segment;
        let keys = self.keys.identities.as_ref();
        if *size <= SMALL && *size > 0 {
            let bytes = self.target.read_range(name, 0..*size).await?;
            let called = format!("{}: {name}", self.target);
            let opened = Container::from_bytes(called, &bytes, keys)?;
            let meta = self.meta(segment, &opened)?;
            let data = opened.data();
            let data = bytes.slice(data.start as usize..data.end as usize);
            let work = move || work(meta, &mut opened.reader(Cursor::new(data), control)?);
            let done = tokio::task::spawn_blocking(work).await;
            return done.unwrap_or_else(|why| Err(Error::unexpected(why)));
        }
        let opened = Container::open(&self.target, name, *size, keys).await?;
        let meta = self.meta(segment, &opened)?;
        pipe::download(&self.target, name, opened.data(), move |input| {
            work(meta, &mut opened.reader(input, control)?)
        })
        .await
    }

    /// What the segment says of itself, if that is what its name says.
    fn meta(&self, segment: &Segment, opened: &Container) -> Result<SegmentMeta> {
        let Some(contents) = opened.contents() else {
            return Err(failure::at(opened.name(), fault::key_missing()));
        };
        let told: SegmentManifest = opened.general()?;
        let is_it = told.label == self.label
            && told.base == self.base
            && told.sequence == segment.sequence
            && told.from == segment.from
            && told.to == segment.to;
        if !is_it {
            let what = format!(
                "it is segment {} of the log of {}/{}",
                told.sequence, told.label, told.base
            );
            return Err(failure::at(opened.name(), fault::exchanged(&what)));
        }
        Ok(SegmentMeta {
            sequence: told.sequence,
            from: told.from,
            to: told.to,
            detail: contents.position.clone().unwrap_or_default(),
        })
    }

    /// Removes a segment, as damage would.
    #[cfg(test)]
    pub(crate) async fn remove(&self, segment: &Segment) -> Result<()> {
        self.target.delete(&segment.name).await
    }
}

/// Counts what goes through to a sink.
struct Counting<S> {
    sink: S,
    sent: Arc<AtomicU64>,
}

impl<S: super::Sink> super::Sink for Counting<S> {
    fn put(&mut self, bytes: bytes::Bytes) -> Result<()> {
        let more = bytes.len() as u64;
        self.sent.fetch_add(more, Ordering::Relaxed);
        self.sink.put(bytes)
    }
}
