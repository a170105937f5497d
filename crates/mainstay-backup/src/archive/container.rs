//! What archives and segments of logs have in common: ends that are read and checked before anything
//! else is, and data between them.

use std::io::Read;
use std::ops::Range;

use age::{DecryptError, Decryptor};
use mainstay::Result;
use zstd::stream::read::Decoder;

use super::chunks::Expected;
use super::fault;
use super::keys::Identities;
use super::layout::{self, CHUNK_HEAD, ChunkHead, ChunkKind, HEADER, Header, TRAILER, Trailer};
use super::manifest::{Contents, FORMAT, Facts};
use super::reader::{Reader, WINDOW};
use crate::control::Control;
use crate::failure;
use crate::target::Target;

/// What is read at the end at once: trailer and manifest of most archives.
const TAIL: u64 = 64 << 10;
/// More than what a manifest of [`MANIFEST_LIMIT`](layout::MANIFEST_LIMIT) unpacks to.
const CONTENTS_LIMIT: u64 = 256 << 20;

/// Something whose header, trailer and manifest were read and found whole.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    name: String,
    facts: Facts,
    header: Header,
    trailer: Trailer,
    /// The general part of its manifest, as JSON.
    general: Vec<u8>,
    /// `None` where it is encrypted and no key was given.
    contents: Option<Contents>,
    /// What opens it, where it is encrypted and that was given.
    identities: Option<Identities>,
}

impl Container {
    /// Reads the ends of an object of this size.
    pub(crate) async fn open(
        target: &Target,
        name: &str,
        size: u64,
        identities: Option<&Identities>,
    ) -> Result<Self> {
        let told = |error| failure::at(&format!("{target}: {name}"), error);
        if size == 0 {
            return Err(told(fault::truncated(0)));
        }
        let tail_at = size.saturating_sub(TAIL);
        let first = target.read_range(name, 0..size.min(HEADER as u64)).await?;
        let tail = target.read_range(name, tail_at..size).await?;
        let ends = Ends::read(&first, &tail, size).map_err(told)?;
        let range = ends.manifest();
        let parts = match range.start.checked_sub(tail_at) {
            Some(skip) => {
                let skip = usize::try_from(skip).expect("it lies within the tail");
                tail.slice(skip..tail.len() - TRAILER)
            }
            None => target.read_range(name, range).await?,
        };
        Self::from_parts(format!("{target}: {name}"), ends, &parts, identities).map_err(told)
    }

    /// All of it is at hand.
    pub(crate) fn from_bytes(
        name: String,
        bytes: &[u8],
        identities: Option<&Identities>,
    ) -> Result<Self> {
        let read = || {
            let first = &bytes[..bytes.len().min(HEADER)];
            let ends = Ends::read(first, bytes, bytes.len() as u64)?;
            let Range { start, end } = ends.manifest();
            let within = "it lies within the bytes at hand";
            let start = usize::try_from(start).expect(within);
            let end = usize::try_from(end).expect(within);
            Self::from_parts(name.clone(), ends, &bytes[start..end], identities)
        };
        read().map_err(|error| failure::at(&name, error))
    }

    /// `parts` are the bytes that [`Ends::manifest`] named.
    fn from_parts(
        name: String,
        ends: Ends,
        parts: &[u8],
        identities: Option<&Identities>,
    ) -> Result<Self> {
        let Ends { header, trailer } = ends;
        if blake3::hash(parts).as_bytes() != &trailer.manifest_hash {
            return Err(fault::manifest("its hash differs"));
        }
        let (general_head, general, rest) = part(&header, ChunkKind::General, None, parts)?;
        let next = Some(general_head.index.wrapping_add(1));
        let (_, contents, rest) = part(&header, ChunkKind::Contents, next, rest)?;
        if !rest.is_empty() {
            return Err(fault::manifest("there is more behind it"));
        }
        let facts = facts(general)?;
        if facts.is_encrypted != header.is_encrypted
            || facts.chunks != general_head.index
            || Some(trailer.manifest_at) != facts.stored_bytes.checked_add(HEADER as u64)
        {
            return Err(fault::manifest("it does not fit header and trailer"));
        }
        let contents = match (header.is_encrypted, identities) {
            (true, None) => None,
            (true, Some(identities)) => Some(unpack(&unseal(contents, identities)?)?),
            (false, _) => Some(unpack(contents)?),
        };
        if let Some(contents) = &contents {
            if contents.general != blake3::hash(general).to_hex().as_str() {
                return Err(fault::exchanged("the two parts of the manifest differ"));
            }
            if contents.data != facts.hash {
                return Err(fault::exchanged("the manifest is of other data"));
            }
        }
        Ok(Self {
            name,
            facts,
            header,
            trailer,
            general: general.to_vec(),
            contents,
            identities: identities.filter(|_| header.is_encrypted).cloned(),
        })
    }

    /// The general part of its manifest.
    pub(crate) fn general<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.general)
            .map_err(|why| failure::at(&self.name, fault::manifest(why)))
    }

    /// The rest of the manifest, unless it is encrypted and no key was given.
    pub(crate) fn contents(&self) -> Option<&Contents> {
        self.contents.as_ref()
    }

    /// How errors call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether its data can be read: it is not encrypted, or a key was given.
    pub(crate) fn is_open(&self) -> bool {
        self.contents.is_some()
    }

    /// Where the data stands.
    pub(crate) fn data(&self) -> Range<u64> {
        HEADER as u64..self.trailer.manifest_at
    }

    /// Reads the data: `input` gives the bytes of [`data`](Self::data). Blocking, as the whole of
    /// reading is.
    ///
    /// # Errors
    /// `BACKUP_REFUSED` when it is encrypted and no key was given. Here, as in each read,
    /// `BACKUP_DAMAGED` with the chunk that is.
    pub(crate) fn reader<R: Read>(&self, input: R, control: Control) -> Result<Reader<R>> {
        if !self.is_open() {
            return Err(failure::at(&self.name, fault::key_missing()));
        }
        let expected = Expected {
            salt: self.header.salt,
            chunks: self.facts.chunks,
            hash: self.facts.hash.clone(),
            end: self.trailer.manifest_at,
        };
        Reader::new(
            self.name.clone(),
            input,
            expected,
            self.facts.raw_bytes,
            self.identities.as_ref(),
            control,
        )
    }
}

/// Header and trailer of an archive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    header: Header,
    trailer: Trailer,
}

impl Ends {
    /// Reads them: `first` are the first bytes of `size`, at least as many as the header has if there
    /// are so many, `last` the last ones.
    pub(crate) fn read(first: &[u8], last: &[u8], size: u64) -> Result<Self> {
        let Some(header) = first.first_chunk::<HEADER>() else {
            return Err(match layout::begins(first) {
                true => fault::truncated(size),
                false => fault::no_archive(),
            });
        };
        if !layout::begins(header) && !layout::ends(last) {
            return Err(fault::no_archive());
        }
        let decoded = Header::decode(header)?;
        let Some(trailer) = last.last_chunk::<TRAILER>() else {
            return Err(fault::truncated(size));
        };
        Ok(Self {
            header: decoded,
            trailer: Trailer::decode(header, trailer, size)?,
        })
    }

    /// Where the manifest's chunks stand.
    pub(crate) fn manifest(&self) -> Range<u64> {
        self.trailer.manifest_at..self.trailer.length - TRAILER as u64
    }
}

/// The chunk of the manifest that `bytes` begin with: its head, its payload, and what follows.
fn part<'a>(
    header: &Header,
    kind: ChunkKind,
    index: Option<u64>,
    bytes: &'a [u8],
) -> Result<(ChunkHead, &'a [u8], &'a [u8])> {
    let missing = || fault::manifest("a part of it is missing");
    let (head, rest) = bytes
        .split_first_chunk::<CHUNK_HEAD>()
        .ok_or_else(missing)?;
    let head = ChunkHead::decode(head);
    let (payload, rest) = rest
        .split_at_checked(head.length as usize)
        .ok_or_else(missing)?;
    if !head.fits(&header.salt, kind, index.unwrap_or(head.index), payload) {
        return Err(fault::manifest("the hash of a part differs"));
    }
    Ok((head, payload, rest))
}

fn facts(general: &[u8]) -> Result<Facts> {
    /// What every format there will be has.
    #[derive(serde::Deserialize)]
    struct Version {
        format: u32,
    }
    let version: Version = serde_json::from_slice(general).map_err(fault::manifest)?;
    if version.format > FORMAT {
        return Err(fault::newer(version.format));
    }
    serde_json::from_slice(general).map_err(fault::manifest)
}

fn unseal(sealed: &[u8], identities: &Identities) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let opened = Decryptor::new_buffered(sealed)
        .and_then(|sealed| sealed.decrypt(identities.iter()))
        .and_then(|mut reader| Ok(reader.read_to_end(&mut bytes)?));
    match opened {
        Ok(_) => Ok(bytes),
        Err(DecryptError::NoMatchingKeys) => Err(fault::wrong_key()),
        Err(why) => Err(fault::manifest(why)),
    }
}

fn unpack(packed: &[u8]) -> Result<Contents> {
    let mut bytes = Vec::new();
    let unpacked = Decoder::with_buffer(packed).and_then(|mut decoder| {
        decoder.window_log_max(WINDOW)?;
        decoder.take(CONTENTS_LIMIT).read_to_end(&mut bytes)
    });
    unpacked.map_err(fault::manifest)?;
    serde_json::from_slice(&bytes).map_err(fault::manifest)
}
