//! A stream, cut into chunks.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use mainstay::Result;

use super::layout::{CHUNK, CHUNK_HEAD, ChunkHead, ChunkKind, HEADER, Header, Root};
use super::sink::Sink;
use crate::failure::into_io;

/// Cuts what is written to it into chunks, and puts each into the sink with its hash.
#[derive(Debug)]
pub(crate) struct Chunker<S> {
    sink: S,
    header: Header,
    /// A chunk in the making: room for its head, and the payload so far.
    buffer: BytesMut,
    index: u64,
    root: Root,
    /// The bytes that were put into the sink.
    at: u64,
}

/// What there is to say of the data when all of it is in chunks.
#[derive(Debug)]
pub(crate) struct Cut<S> {
    pub(crate) sink: S,
    pub(crate) header: Header,
    pub(crate) chunks: u64,
    pub(crate) hash: String,
    /// Where the data ends.
    pub(crate) at: u64,
}

impl<S: Sink> Chunker<S> {
    /// Begins an archive: puts its header.
    pub(crate) fn new(mut sink: S, header: Header) -> Result<Self> {
        sink.put(Bytes::copy_from_slice(&header.encode()))?;
        Ok(Self {
            sink,
            header,
            buffer: empty(),
            index: 0,
            root: Root::new(&header.salt),
            at: HEADER as u64,
        })
    }

    /// Puts what is left as the last chunk.
    pub(crate) fn finish(mut self) -> Result<Cut<S>> {
        if self.buffer.len() > CHUNK_HEAD {
            self.put()?;
        }
        Ok(Cut {
            sink: self.sink,
            header: self.header,
            chunks: self.index,
            hash: self.root.hex(),
            at: self.at,
        })
    }

    fn put(&mut self) -> Result<()> {
        let mut chunk = std::mem::replace(&mut self.buffer, empty());
        let (head, payload) = chunk.split_at_mut(CHUNK_HEAD);
        let made = ChunkHead::of(&self.header.salt, ChunkKind::Data, self.index, payload);
        head.copy_from_slice(&made.encode());
        self.root.add(&made);
        self.index += 1;
        self.at += chunk.len() as u64;
        self.sink.put(chunk.freeze())
    }
}

fn empty() -> BytesMut {
    let mut buffer = BytesMut::with_capacity(CHUNK_HEAD + CHUNK);
    buffer.resize(CHUNK_HEAD, 0);
    buffer
}

impl<S: Sink> Write for Chunker<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CHUNK_HEAD + CHUNK - self.buffer.len();
        let taken = bytes.len().min(room);
        self.buffer.extend_from_slice(&bytes[..taken]);
        if taken == room {
            self.put().map_err(into_io)?;
        }
        Ok(taken)
    }

    /// Does nothing: a chunk is put when it is full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
