//! Raw bytes in, an archive out.

use std::io::{self, Write};

use age::stream::StreamWriter;
use blake3::Hasher;
use bytes::Bytes;
use mainstay::{Entropy, Error, ErrorKind, Result};
use serde::Serialize;
use serde_json::Value;
use zstd::stream::raw::CParameter;
use zstd::stream::write::Encoder;

use super::chunker::{Chunker, Cut};
use super::keys::Recipients;
use super::layout::{
    CHUNK_HEAD, ChunkHead, ChunkKind, HEADER, Header, MANIFEST_LIMIT, TRAILER, Trailer,
};
use super::manifest::{Contents, FORMAT, Facts, Manifest, Table};
use super::sink::Sink;
use crate::control::Control;
use crate::failure::{from_io, into_io};

/// How an archive is written.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The level of zstd, from 1, fast, to [`MAX_LEVEL`](Self::MAX_LEVEL), small.
    pub(crate) level: i32,
    /// Threads that compress beside the one that writes; 0 compresses on that one.
    pub(crate) workers: u32,
    /// Whom it is encrypted to, if to anyone.
    pub(crate) recipients: Option<Recipients>,
}

impl Options {
    /// Beyond it zstd needs windows of more than 8 MiB, in memory here and at every restore.
    pub(crate) const MAX_LEVEL: i32 = 19;
}

impl Default for Options {
    fn default() -> Self {
        Self {
            level: 1,
            workers: 1,
            recipients: None,
        }
    }
}

/// Compresses, encrypts and cuts what is written to it into the chunks of an archive.
///
/// Without [`finish`](Self::finish) there is no archive: what was put into the sink until then has no
/// end, and every reader refuses it.
pub(crate) struct Writer<S: Sink> {
    encoder: Encoder<'static, Layer<S>>,
    recipients: Option<Recipients>,
    control: Control,
    raw: u64,
    /// Once a write has failed no later one and no end can make it good.
    failed: Option<Error>,
}

enum Layer<S: Sink> {
    Plain(Box<Chunker<S>>),
    Sealed(Box<StreamWriter<Chunker<S>>>),
}

impl<S: Sink> Writer<S> {
    /// Begins an archive.
    ///
    /// # Errors
    /// `CONFIGURATION_ERROR` for a level that does not exist; what the sink fails with.
    pub(crate) fn new(
        sink: S,
        options: &Options,
        entropy: &dyn Entropy,
        control: Control,
    ) -> Result<Self> {
        if !(1..=Options::MAX_LEVEL).contains(&options.level) {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "the level of compression is 1 to {}, not {}",
                    Options::MAX_LEVEL,
                    options.level
                ),
            ));
        }
        let mut salt = [0; 16];
        entropy.fill(&mut salt);
        let header = Header {
            is_encrypted: options.recipients.is_some(),
            salt,
        };
        let chunker = Chunker::new(sink, header)?;
        let layer = match &options.recipients {
            None => Layer::Plain(Box::new(chunker)),
            Some(recipients) => {
                let sealed = recipients.encryptor()?.wrap_output(chunker);
                Layer::Sealed(Box::new(
                    sealed.map_err(|why| from_io("encrypting the archive", why))?,
                ))
            }
        };
        let encoder = encoder(layer, options)
            .map_err(|why| from_io("setting the compression of the archive up", why))?;
        Ok(Self {
            encoder,
            recipients: options.recipients.clone(),
            control,
            raw: 0,
            failed: None,
        })
    }

    /// The bytes that were written to it so far, before compression.
    #[cfg(test)]
    pub(crate) fn raw_bytes(&self) -> u64 {
        self.raw
    }

    /// Ends the archive with its manifest, and gives it back with what is known only now: format,
    /// lengths, number of chunks, hash, and whether it is encrypted. The sink comes back too.
    ///
    /// # Errors
    /// What a write failed with, even if the one who wrote went on; what the sink fails with.
    pub(crate) fn finish(self, mut manifest: Manifest) -> Result<(Manifest, S)> {
        let recipients = self.recipients.clone();
        let (cut, facts) = self.cut()?;
        manifest.format = facts.format;
        manifest.raw_bytes = facts.raw_bytes;
        manifest.stored_bytes = facts.stored_bytes;
        manifest.chunks = facts.chunks;
        manifest.hash = facts.hash;
        manifest.is_encrypted = facts.is_encrypted;
        let general = json(&manifest.general())?;
        let rest = (manifest.position.clone(), manifest.tables.clone());
        let sink = end(cut, general, rest, recipients.as_ref())?;
        Ok((manifest, sink))
    }

    /// Ends it with a manifest of another kind: `general` makes what anyone may read of what is known
    /// of the data, and has these facts in it; `detail` is for who has a key.
    ///
    /// # Errors
    /// As for [`finish`](Self::finish).
    pub(crate) fn finish_with<G: Serialize>(
        self,
        general: impl FnOnce(Facts) -> G,
        detail: Value,
    ) -> Result<S> {
        let recipients = self.recipients.clone();
        let (cut, facts) = self.cut()?;
        let general = json(&general(facts))?;
        end(
            cut,
            general,
            (Some(detail), Vec::new()),
            recipients.as_ref(),
        )
    }

    /// Ends the data.
    fn cut(self) -> Result<(Cut<S>, Facts)> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.control.check()?;
        let layer = self
            .encoder
            .finish()
            .map_err(|why| from_io("compressing the archive", why))?;
        let chunker = match layer {
            Layer::Plain(chunker) => *chunker,
            Layer::Sealed(sealed) => sealed
                .finish()
                .map_err(|why| from_io("encrypting the archive", why))?,
        };
        let cut = chunker.finish()?;
        let facts = Facts {
            format: FORMAT,
            raw_bytes: self.raw,
            stored_bytes: cut.at - HEADER as u64,
            chunks: cut.chunks,
            hash: cut.hash.clone(),
            is_encrypted: cut.header.is_encrypted,
        };
        Ok((cut, facts))
    }
}

fn encoder<S: Sink>(layer: Layer<S>, options: &Options) -> io::Result<Encoder<'static, Layer<S>>> {
    let mut encoder = Encoder::new(layer, options.level)?;
    encoder.include_checksum(true)?;
    if options.workers > 0 {
        encoder.multithread(options.workers)?;
        // Left to itself zstd keeps several windows per thread, tens of megabytes.
        encoder.set_parameter(CParameter::JobSize(JOB))?;
    }
    Ok(encoder)
}

/// The bytes a compressing thread takes at a time.
const JOB: u32 = 2 << 20;

/// The chunks of the manifest, and the trailer.
fn end<S: Sink>(
    mut cut: Cut<S>,
    general: Vec<u8>,
    (position, tables): (Option<Value>, Vec<Table>),
    recipients: Option<&Recipients>,
) -> Result<S> {
    let contents = json(&Contents {
        general: blake3::hash(&general).to_hex().to_string(),
        data: cut.hash.clone(),
        position,
        tables,
    })?;
    let contents = zstd::bulk::compress(&contents, Options::default().level)
        .map_err(|why| from_io("compressing the manifest", why))?;
    let contents = match recipients {
        Some(recipients) => seal(recipients, &contents)?,
        None => contents,
    };
    let mut hasher = Hasher::new();
    let mut length = 0;
    let parts = [
        (ChunkKind::General, cut.chunks, general),
        (ChunkKind::Contents, cut.chunks + 1, contents),
    ];
    for (kind, index, payload) in parts {
        let head = ChunkHead::of(&cut.header.salt, kind, index, &payload).encode();
        hasher.update(&head).update(&payload);
        length += (CHUNK_HEAD + payload.len()) as u64;
        cut.sink.put(Bytes::copy_from_slice(&head))?;
        cut.sink.put(Bytes::from(payload))?;
    }
    if length > MANIFEST_LIMIT {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "the manifest would have {length} bytes, and at most {MANIFEST_LIMIT} are read"
            ),
        ));
    }
    let trailer = Trailer {
        manifest_at: cut.at,
        length: cut.at + length + TRAILER as u64,
        manifest_hash: *hasher.finalize().as_bytes(),
    };
    let trailer = trailer.encode(&cut.header.encode());
    cut.sink.put(Bytes::copy_from_slice(&trailer))?;
    Ok(cut.sink)
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(Error::unexpected)
}

fn seal(recipients: &Recipients, bytes: &[u8]) -> Result<Vec<u8>> {
    let sealed = || {
        let encryptor = recipients.encryptor().map_err(into_io)?;
        let mut writer = encryptor.wrap_output(Vec::new())?;
        writer.write_all(bytes)?;
        writer.finish()
    };
    sealed().map_err(|why| from_io("encrypting the manifest", why))
}

impl<S: Sink> Write for Writer<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(error) = &self.failed {
            return Err(into_io(error.clone()));
        }
        let written = match self.control.check() {
            Ok(()) => self
                .encoder
                .write(bytes)
                .map_err(|why| from_io("writing the archive", why)),
            Err(error) => Err(error),
        };
        match written {
            Ok(written) => {
                self.raw += written as u64;
                self.control.add(written as u64);
                Ok(written)
            }
            Err(error) => {
                self.failed = Some(error.clone());
                Err(into_io(error))
            }
        }
    }

    /// Does nothing: chunks are put as they fill, and the rest by [`finish`](Writer::finish).
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: Sink> Write for Layer<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(chunker) => chunker.write(bytes),
            Self::Sealed(sealed) => sealed.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
