//! Chunks, checked and joined to a stream again.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mainstay::{Error, Result};

use super::fault;
use super::layout::{CHUNK, CHUNK_HEAD, ChunkHead, ChunkKind, HEADER, Root};
use crate::failure::{from_io, into_io};

/// Reads chunks and gives their payloads as one stream. A byte is given only once its chunk was
/// checked, and those of the last one only once the hash over all chunks was.
#[derive(Debug)]
pub(crate) struct Chunks<R> {
    input: R,
    expected: Expected,
    payload: Vec<u8>,
    /// How much of the payload was given.
    given: usize,
    index: u64,
    at: u64,
    root: Root,
    is_done: Arc<AtomicBool>,
}

/// What the chunks have to be.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    pub(crate) salt: [u8; 16],
    pub(crate) chunks: u64,
    /// The hash over the hashes of all.
    pub(crate) hash: String,
    /// Where the last one ends.
    pub(crate) end: u64,
}

impl<R: Read> Chunks<R> {
    /// `input` begins behind the archive's header.
    pub(crate) fn new(input: R, expected: Expected) -> Self {
        Self {
            input,
            payload: Vec::with_capacity(CHUNK),
            given: 0,
            index: 0,
            at: HEADER as u64,
            root: Root::new(&expected.salt),
            is_done: Arc::new(AtomicBool::new(false)),
            expected,
        }
    }

    /// Whether all that there is was checked and given.
    pub(crate) fn done(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_done)
    }

    fn next(&mut self) -> Result<()> {
        let Expected { chunks, end, .. } = self.expected;
        let start = self.at;
        let left = end - start;
        let mut head = [0; CHUNK_HEAD];
        if left <= CHUNK_HEAD as u64 {
            return Err(self.damaged(start..end, "there is no room for it"));
        }
        self.fill_head(&mut head)?;
        let head = ChunkHead::decode(&head);
        let most = (left - CHUNK_HEAD as u64).min(CHUNK as u64);
        let length = u64::from(head.length);
        let body = start + CHUNK_HEAD as u64;
        if length == 0 || length > most {
            return Err(self.damaged(start..body, "its length cannot be right"));
        }
        let length = usize::try_from(length).expect("a chunk has at most a mebibyte");
        self.fill_payload(length)?;
        let stop = body + length as u64;
        let salt = &self.expected.salt;
        if !head.fits(salt, ChunkKind::Data, self.index, &self.payload) {
            let is_other = head.index != self.index
                && head.fits(salt, ChunkKind::Data, head.index, &self.payload);
            let what = match is_other {
                true => format!("chunk {} stands in its place", head.index.saturating_add(1)),
                false => "its hash differs".to_owned(),
            };
            return Err(self.damaged(start..stop, &what));
        }
        self.root.add(&head);
        self.index += 1;
        self.at = stop;
        if self.index == chunks {
            if stop != end {
                return Err(self.damaged(start..end, "there is more behind it"));
            }
            if self.root.hex() != self.expected.hash {
                return Err(fault::exchanged("the chunks are not those of the manifest"));
            }
        }
        Ok(())
    }

    fn fill_head(&mut self, head: &mut [u8; CHUNK_HEAD]) -> Result<()> {
        let read = self.input.read_exact(head);
        read.map_err(|why| self.cut_off(why, self.at))
    }

    fn fill_payload(&mut self, length: usize) -> Result<()> {
        // The buffer keeps its room, so this allocates nothing.
        self.payload.resize(length, 0);
        self.given = 0;
        let read = self.input.read_exact(&mut self.payload);
        read.map_err(|why| {
            self.payload.clear();
            self.cut_off(why, self.at + CHUNK_HEAD as u64)
        })
    }

    fn cut_off(&self, why: io::Error, at: u64) -> Error {
        match why.kind() {
            io::ErrorKind::UnexpectedEof => {
                fault::ends_early(self.index + 1, self.expected.chunks, at)
            }
            _ => from_io("reading the archive", why),
        }
    }

    fn damaged(&self, bytes: Range<u64>, what: &str) -> Error {
        fault::chunk(self.index + 1, self.expected.chunks, bytes, what)
    }
}

impl<R: Read> Read for Chunks<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given == self.payload.len() {
            if self.index == self.expected.chunks {
                return Ok(0);
            }
            if let Err(error) = self.next() {
                self.payload.clear();
                self.given = 0;
                return Err(into_io(error));
            }
        }
        let left = &self.payload[self.given..];
        let taken = left.len().min(out.len());
        out[..taken].copy_from_slice(&left[..taken]);
        self.given += taken;
        if self.index == self.expected.chunks && self.given == self.payload.len() {
            self.is_done.store(true, Ordering::Relaxed);
        }
        Ok(taken)
    }
}
