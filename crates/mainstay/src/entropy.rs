//! Randomness as a parameter, and the identifiers made from it.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A source of random bytes.
pub trait Entropy: Debug + Send + Sync + 'static {
    /// Fills `bytes` with random data.
    fn fill(&self, bytes: &mut [u8]);

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

/// A version 7 UUID (RFC 9562, section 5.7): 48 bits of `now` in milliseconds, the rest random.
/// Made by the client, so that a write whose reply was lost can be looked up.
pub fn uuid_v7(now: DateTime<Utc>, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    from_millis(millis(now), &random)
}

/// Version 7 UUIDs of one moment, each larger than the one before: for rows that are made together.
///
/// At random they would go all over the last part of an index. One after the other they are added
/// at its end, and order the rows as they were given. Behind the milliseconds stands a counter of
/// 42 bits that starts at random in its lower half, and 32 random bits (RFC 9562, section 6.2,
/// method 1).
#[derive(Debug)]
pub(crate) struct KeySeries {
    millis: u64,
    next: u64,
    entropy: Arc<dyn Entropy>,
    /// Drawn ahead, because a call of the system for each key costs more than all the rest; and
    /// how much of it is used up.
    random: ([u8; DRAWN], usize),
}

/// The random bytes of a key, beside those of the start.
const PIECE: usize = 4;
const DRAWN: usize = 512 * PIECE;

impl KeySeries {
    pub(crate) fn new(now: DateTime<Utc>, entropy: Arc<dyn Entropy>) -> Self {
        let mut start = [0; 8];
        entropy.fill(&mut start);
        Self {
            millis: millis(now),
            next: u64::from_le_bytes(start) >> (64 - 41),
            entropy,
            random: ([0; DRAWN], DRAWN),
        }
    }

    /// The same series from the key on that comes after `count` others.
    pub(crate) fn after(&self, count: usize) -> Self {
        Self {
            millis: self.millis,
            next: self.next + count as u64,
            entropy: Arc::clone(&self.entropy),
            random: ([0; DRAWN], DRAWN),
        }
    }

    pub(crate) fn next(&mut self) -> Uuid {
        let (drawn, used) = &mut self.random;
        if *used == DRAWN {
            self.entropy.fill(drawn);
            *used = 0;
        }
        let counter = self.next;
        self.next += 1;
        // Four of the first 16 bits are the version's, two of the next 32 the variant's.
        let mut tail = [0; 10];
        tail[..2].copy_from_slice(&((counter >> 30) as u16).to_be_bytes());
        tail[2..6].copy_from_slice(&(counter as u32).to_be_bytes());
        tail[6..].copy_from_slice(&drawn[*used..*used + PIECE]);
        *used += PIECE;
        from_millis(self.millis, &tail)
    }
}

fn millis(now: DateTime<Utc>) -> u64 {
    u64::try_from(now.timestamp_millis()).unwrap_or(0)
}

fn from_millis(millis: u64, tail: &[u8; 10]) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(millis, tail).into_uuid()
}

#[cfg(test)]
mod tests;
