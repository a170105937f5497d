//! The bytes of an archive: where what stands, and what is hashed.
//!
//! ```text
//! header    64 bytes: magic, format, flags, salt, hash
//! chunk     48 bytes: kind, length, index, hash; then the payload, at most 1 MiB
//! ...       data chunks, then one with what anyone may read of the manifest, and one with the rest
//! trailer   96 bytes: where the manifest begins, length of all, hash of the manifest's chunks, hash
//! ```
//!
//! Numbers are little-endian. The hash of a chunk covers the archive's salt, the chunk's kind, length
//! and index, and its payload: a chunk that is changed, moved, repeated or of another archive does not
//! fit. The hash of the trailer covers the header too. No byte is outside of some hash.

use blake3::Hasher;

use super::fault;
use super::manifest::FORMAT;
use mainstay::Result;

/// The bytes of the header.
pub(crate) const HEADER: usize = 64;
/// The bytes in front of each chunk's payload.
pub(crate) const CHUNK_HEAD: usize = 48;
/// The bytes of the trailer.
pub(crate) const TRAILER: usize = 96;
/// The bytes of a data chunk's payload; only the last has fewer.
pub(crate) const CHUNK: usize = 1 << 20;
/// More than the manifest's chunks ever have. Hundreds of thousands of tables fit.
pub(crate) const MANIFEST_LIMIT: u64 = 32 << 20;

// Not text, so that no program that turns line ends round takes it for such.
const MAGIC: &[u8; 8] = b"\x93MNSTAY\n";
const END: &[u8; 8] = b"YATSNM\x93\n";
const ENCRYPTED: u32 = 1;

/// What stands at the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) is_encrypted: bool,
    /// Random, and part of every chunk's hash.
    pub(crate) salt: [u8; 16],
}

/// Whether bytes are at the beginning of an archive.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Whether bytes are at the end of an archive.
pub(crate) fn ends(bytes: &[u8]) -> bool {
    bytes.ends_with(END)
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut out = [0; HEADER];
        out[..8].copy_from_slice(MAGIC);
        out[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        let flags = if self.is_encrypted { ENCRYPTED } else { 0 };
        out[12..16].copy_from_slice(&flags.to_le_bytes());
        out[16..32].copy_from_slice(&self.salt);
        let hash = blake3::hash(&out[..32]);
        out[32..].copy_from_slice(hash.as_bytes());
        out
    }

    /// Reads the first bytes of something that begins as an archive does.
    ///
    /// Magic, format and hash stand at the same place in every format there will be.
    pub(crate) fn decode(bytes: &[u8; HEADER]) -> Result<Self> {
        if !begins(bytes) || blake3::hash(&bytes[..32]).as_bytes() != &bytes[32..] {
            return Err(fault::header());
        }
        let format = u32_at(bytes, 8);
        if format > FORMAT {
            return Err(fault::newer(format));
        }
        let flags = u32_at(bytes, 12);
        if format == 0 || flags & !ENCRYPTED != 0 {
            return Err(fault::header());
        }
        Ok(Self {
            is_encrypted: flags & ENCRYPTED != 0,
            salt: bytes[16..32].try_into().expect("16 bytes are 16 bytes"),
        })
    }
}

/// What a chunk is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChunkKind {
    /// A piece of the compressed stream.
    Data = 1,
    /// What anyone may read of the manifest.
    General = 2,
    /// The rest of the manifest, encrypted if the data is.
    Contents = 3,
}

/// What stands in front of a chunk's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChunkHead {
    /// The number of a [`ChunkKind`], unless it is damaged.
    pub(crate) kind: u32,
    pub(crate) length: u32,
    pub(crate) index: u64,
    pub(crate) hash: [u8; 32],
}

impl ChunkHead {
    /// The head of this payload.
    pub(crate) fn of(salt: &[u8; 16], kind: ChunkKind, index: u64, payload: &[u8]) -> Self {
        let mut head = Self {
            kind: kind as u32,
            length: u32::try_from(payload.len()).expect("a chunk is far smaller than 4 GiB"),
            index,
            hash: [0; 32],
        };
        head.hash = head.hash_over(salt, payload);
        head
    }

    pub(crate) fn encode(&self) -> [u8; CHUNK_HEAD] {
        let mut out = [0; CHUNK_HEAD];
        out[..4].copy_from_slice(&self.kind.to_le_bytes());
        out[4..8].copy_from_slice(&self.length.to_le_bytes());
        out[8..16].copy_from_slice(&self.index.to_le_bytes());
        out[16..].copy_from_slice(&self.hash);
        out
    }

    pub(crate) fn decode(bytes: &[u8; CHUNK_HEAD]) -> Self {
        Self {
            kind: u32_at(bytes, 0),
            length: u32_at(bytes, 4),
            index: u64_at(bytes, 8),
            hash: hash_at(bytes, 16),
        }
    }

    /// Whether this is the head of that payload, and stands where it was written.
    pub(crate) fn fits(
        &self,
        salt: &[u8; 16],
        kind: ChunkKind,
        index: u64,
        payload: &[u8],
    ) -> bool {
        self.kind == kind as u32
            && self.index == index
            && self.length as usize == payload.len()
            && self.hash == self.hash_over(salt, payload)
    }

    fn hash_over(&self, salt: &[u8; 16], payload: &[u8]) -> [u8; 32] {
        let mut hasher = Hasher::new();
        hasher.update(salt);
        hasher.update(&self.kind.to_le_bytes());
        hasher.update(&self.length.to_le_bytes());
        hasher.update(&self.index.to_le_bytes());
        hasher.update(payload);
        *hasher.finalize().as_bytes()
    }
}

/// The hash over the hashes of all data chunks.
#[derive(Debug, Clone)]
pub(crate) struct Root(Hasher);

impl Root {
    pub(crate) fn new(salt: &[u8; 16]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(salt);
        Self(hasher)
    }

    pub(crate) fn add(&mut self, head: &ChunkHead) {
        self.0.update(&head.hash);
    }

    pub(crate) fn hex(&self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}

/// What stands at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trailer {
    /// Where the manifest's chunks begin, and the data ends.
    pub(crate) manifest_at: u64,
    /// Of the whole archive.
    pub(crate) length: u64,
    /// Over the manifest's chunks.
    pub(crate) manifest_hash: [u8; 32],
}

impl Trailer {
    pub(crate) fn encode(&self, header: &[u8; HEADER]) -> [u8; TRAILER] {
        let mut out = [0; TRAILER];
        out[..8].copy_from_slice(&self.manifest_at.to_le_bytes());
        out[8..16].copy_from_slice(&self.length.to_le_bytes());
        out[16..48].copy_from_slice(&self.manifest_hash);
        // Eight bytes are free, and zero.
        let hash = hash_both(header, &out[..56]);
        out[56..88].copy_from_slice(&hash);
        out[88..].copy_from_slice(END);
        out
    }

    /// Reads the last bytes of an archive of this length.
    pub(crate) fn decode(
        header: &[u8; HEADER],
        bytes: &[u8; TRAILER],
        length: u64,
    ) -> Result<Self> {
        if !ends(bytes) {
            return Err(fault::truncated(length));
        }
        if hash_both(header, &bytes[..56]) != hash_at(bytes, 56) {
            return Err(fault::trailer());
        }
        let trailer = Self {
            manifest_at: u64_at(bytes, 0),
            length: u64_at(bytes, 8),
            manifest_hash: hash_at(bytes, 16),
        };
        if trailer.length != length {
            return Err(fault::length(trailer.length, length));
        }
        let most = length.saturating_sub(TRAILER as u64);
        if trailer.manifest_at < HEADER as u64 || trailer.manifest_at > most {
            return Err(fault::trailer());
        }
        if most - trailer.manifest_at > MANIFEST_LIMIT {
            return Err(fault::trailer());
        }
        Ok(trailer)
    }
}

fn hash_both(header: &[u8], trailer: &[u8]) -> [u8; 32] {
    let mut hasher = Hasher::new();
    hasher.update(header);
    hasher.update(trailer);
    *hasher.finalize().as_bytes()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes are 4 bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes are 8 bytes"))
}

fn hash_at(bytes: &[u8], at: usize) -> [u8; 32] {
    bytes[at..at + 32]
        .try_into()
        .expect("32 bytes are 32 bytes")
}
