//! Randomness as a parameter, and the identifiers made from it.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A source of random bytes.
pub trait Entropy: Debug + Send + Sync + 'static {
    /// Fills `bytes` with random data.
    fn fill(&self, bytes: &mut [u8]);

    /// Fills `bytes` in pieces of `size`, as so many calls of [`fill`](Self::fill) would. A source
    /// for which one large request is cheaper than many small ones says so here.
    fn fill_pieces(&self, bytes: &mut [u8], size: usize) {
        for piece in bytes.chunks_mut(size.max(1)) {
            self.fill(piece);
        }
    }

    /// A number between 0 (included) and 1 (excluded), for jitter.
    fn unit(&self) -> f64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        // 53 bits are what an f64 holds exactly.
        (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The operating system's random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the system's entropy"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system has no random source to offer");
    }

    fn fill_pieces(&self, bytes: &mut [u8], _: usize) {
        self.fill(bytes);
    }
}

/// A repeatable source for tests: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). Not for secrets.
#[derive(Debug)]
pub struct SeededEntropy {
    state: Mutex<u64>,
}

impl SeededEntropy {
    /// A source whose output depends on `seed` alone.
    pub fn new(seed: u64) -> Self {
        Self {
            state: Mutex::new(seed),
        }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut word = *state;
            word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            word ^= word >> 31;
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Another source, asked for much at a time: for many small requests in a row.
#[derive(Debug)]
pub(crate) struct Buffered {
    source: Arc<dyn Entropy>,
    /// What is at hand, and how much of it is used up.
    state: Mutex<([u8; BUFFER], usize)>,
}

/// What a UUID takes.
const PIECE: usize = 10;
const BUFFER: usize = 200 * PIECE;

impl Buffered {
    pub(crate) fn new(source: Arc<dyn Entropy>) -> Self {
        Self {
            source,
            state: Mutex::new(([0; BUFFER], BUFFER)),
        }
    }
}

impl Entropy for Buffered {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() != PIECE {
            return self.source.fill(bytes);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (buffer, used) = &mut *state;
        if *used == BUFFER {
            self.source.fill_pieces(buffer, PIECE);
            *used = 0;
        }
        bytes.copy_from_slice(&buffer[*used..*used + PIECE]);
        *used += PIECE;
    }
}

/// A version 7 UUID (RFC 9562, section 5.7): 48 bits of `now` in milliseconds, the rest random.
/// Made by the client, so that a write whose reply was lost can be looked up.
pub fn uuid_v7(now: DateTime<Utc>, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0; PIECE];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

#[cfg(test)]
mod tests;
