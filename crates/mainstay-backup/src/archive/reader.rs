//! An archive in, raw bytes out.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use age::stream::StreamReader;
use age::{DecryptError, Decryptor};
use mainstay::{Error, Result};
use zstd::stream::read::Decoder;

use super::chunks::{Chunks, Expected};
use super::fault;
use super::keys::Identities;
use crate::control::Control;
use crate::failure::{self, into_io};

/// The largest window that is unpacked, as a power of two: what the writer's highest level needs. A
/// stream that asks for more is refused before the memory is taken.
pub(super) const WINDOW: u32 = 23;

/// Gives the raw bytes of an archive.
///
/// The end is only told when chunks, hash and length were those of the manifest. After an error
/// every further read gives it again.
pub(crate) struct Reader<R: Read> {
    name: String,
    decoder: Decoder<'static, BufReader<Layer<R>>>,
    control: Control,
    raw: u64,
    expected_raw: u64,
    is_done: Arc<AtomicBool>,
    failed: Option<Error>,
}

enum Layer<R: Read> {
    Plain(Box<Chunks<R>>),
    Sealed(Box<StreamReader<Chunks<R>>>),
}

impl<R: Read> Reader<R> {
    /// `input` is what stands behind the header; if there are identities, it is encrypted.
    pub(super) fn new(
        name: String,
        input: R,
        expected: Expected,
        raw: u64,
        identities: Option<&Identities>,
        control: Control,
    ) -> Result<Self> {
        let chunks = Chunks::new(input, expected);
        let is_done = chunks.done();
        let opened = match identities {
            None => Ok(Layer::Plain(Box::new(chunks))),
            Some(identities) => decrypt(chunks, identities).map(Layer::Sealed),
        };
        let decoder = opened.and_then(|layer| {
            let decoder = Decoder::new(layer).and_then(|mut decoder| {
                decoder.window_log_max(WINDOW)?;
                Ok(decoder)
            });
            decoder.map_err(fault::unpack)
        });
        Ok(Self {
            decoder: decoder.map_err(|error| failure::at(&name, error))?,
            name,
            control,
            raw: 0,
            expected_raw: raw,
            is_done,
            failed: None,
        })
    }

    fn read_checked(&mut self, out: &mut [u8]) -> Result<usize> {
        self.control.check()?;
        let read = self
            .decoder
            .read(out)
            .map_err(|why| failure::ours(&why).unwrap_or_else(|| fault::unpack(why)))?;
        self.raw += read as u64;
        if self.raw > self.expected_raw {
            return Err(fault::raw_length(self.expected_raw, "more"));
        }
        if read == 0 && !out.is_empty() {
            if !self.is_done.load(Ordering::Relaxed) {
                return Err(fault::unpack("there is more behind the end of the stream"));
            }
            if self.raw != self.expected_raw {
                return Err(fault::raw_length(self.expected_raw, &self.raw.to_string()));
            }
        }
        self.control.add(read as u64);
        Ok(read)
    }
}

fn decrypt<R: Read>(
    chunks: Chunks<R>,
    identities: &Identities,
) -> Result<Box<StreamReader<Chunks<R>>>> {
    let opened = Decryptor::new(chunks).and_then(|sealed| sealed.decrypt(identities.iter()));
    opened.map(Box::new).map_err(|why| match why {
        DecryptError::Io(why) => failure::ours(&why).unwrap_or_else(|| fault::unpack(why)),
        why => fault::unpack(why),
    })
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = &self.failed {
            return Err(into_io(error.clone()));
        }
        self.read_checked(out).map_err(|error| {
            let error = failure::at(&self.name, error);
            self.failed = Some(error.clone());
            into_io(error)
        })
    }
}

impl<R: Read> Read for Layer<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(chunks) => chunks.read(out),
            Self::Sealed(sealed) => sealed.read(out),
        }
    }
}
