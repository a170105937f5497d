//! What the client was told about each call. Knows no database.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// A read by key.
    Read,
    /// A row with a key that was made before it was sent.
    Create,
    /// A row with a key of the database's making.
    Append,
    /// A change of one row.
    Update,
    /// A row taken away.
    Delete,
    /// A transaction of several statements.
    Transfer,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [
        Self::Read,
        Self::Create,
        Self::Append,
        Self::Update,
        Self::Delete,
        Self::Transfer,
    ];
}

/// What the caller knows in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// It is done.
    Done,
    /// It failed, and nothing of it is in the database.
    Failed,
    /// It failed, and whether it took effect is not known.
    Unknown,
    /// The caller went away before it was told anything.
    Dropped,
    /// The caller was told nothing long after its deadline, and went away.
    Hung,
}

impl Told {
    /// Whether the write may or may not be there.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Unknown | Self::Dropped | Self::Hung)
    }
}

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    /// The row, or what names the call in the database.
    pub(crate) key: Uuid,
    /// Since the ledger's start.
    pub(crate) begun: Duration,
    pub(crate) ended: Duration,
    pub(crate) told: Told,
    /// The error's code.
    pub(crate) code: Option<String>,
}

impl Entry {
    pub(crate) fn took(&self) -> Duration {
        self.ended.saturating_sub(self.begun)
    }
}

/// All calls, in the order in which they began.
#[derive(Debug)]
pub(crate) struct Ledger {
    start: Instant,
    state: Mutex<State>,
    /// Whether beginnings and ends are written to standard output instead of being kept, for the
    /// process that started this one. It may kill this one, and this one must not grow.
    aloud: bool,
}

#[derive(Debug, Default)]
struct State {
    entries: Vec<Entry>,
    /// When the calls under way began, where that is told aloud, and how many there were.
    open: HashMap<usize, Duration>,
    count: usize,
    /// Reads that did not see what had been acknowledged.
    blind: Vec<String>,
}

/// A line of a ledger that is told aloud.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Spoken {
    Begun(usize, Kind, Uuid),
    /// With how long it took.
    Ended(usize, Told, Option<String>, Duration),
    Blind(String),
    Pool(PoolUse),
    Rest(Rest),
}

/// How many connections are open and on loan at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PoolUse {
    pub(crate) open: usize,
    pub(crate) in_use: usize,
}

/// What is still held at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rest {
    pub(crate) leaked: usize,
    pub(crate) details: Vec<String>,
}

impl Spoken {
    /// In one write, so that no other task comes between.
    pub(crate) fn aloud(&self) {
        if let Ok(mut text) = serde_json::to_string(self) {
            text.push('\n');
            let mut out = std::io::stdout().lock();
            // A parent that is gone hears nothing, and neither does anybody else.
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        }
    }
}

impl Ledger {
    pub(crate) fn new(aloud: bool) -> Self {
        Self {
            start: Instant::now(),
            state: Mutex::default(),
            aloud,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time since the ledger's start.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Notes that a call begins, before anything is sent. Until its end is noted it counts as one
    /// whose caller went away.
    pub(crate) fn begin(&self, kind: Kind, key: Uuid) -> usize {
        let begun = self.now();
        let mut state = self.state();
        let number = state.count;
        state.count += 1;
        if self.aloud {
            state.open.insert(number, begun);
            drop(state);
            Spoken::Begun(number, kind, key).aloud();
            return number;
        }
        state.entries.push(Entry {
            kind,
            key,
            begun,
            ended: begun,
            told: Told::Dropped,
            code: None,
        });
        number
    }

    /// Notes how a call ended.
    pub(crate) fn end(&self, number: usize, told: Told, code: Option<String>) {
        let ended = self.now();
        let mut state = self.state();
        if self.aloud {
            let begun = state.open.remove(&number).unwrap_or(ended);
            drop(state);
            Spoken::Ended(number, told, code, ended.saturating_sub(begun)).aloud();
        } else if let Some(entry) = state.entries.get_mut(number) {
            entry.ended = ended;
            entry.told = told;
            entry.code = code;
        }
    }

    /// Notes a read that did not see what had been acknowledged.
    pub(crate) fn blind(&self, what: String) {
        if self.aloud {
            Spoken::Blind(what).aloud();
        } else {
            self.state().blind.push(what);
        }
    }

    /// All calls so far.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.state().entries.clone()
    }

    /// Reads that did not see what had been acknowledged.
    pub(crate) fn blind_reads(&self) -> Vec<String> {
        self.state().blind.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_without_an_end_counts_as_dropped() {
        let ledger = Ledger::new(false);
        let first = ledger.begin(Kind::Create, Uuid::from_u128(1));
        let second = ledger.begin(Kind::Delete, Uuid::from_u128(2));
        ledger.end(second, Told::Failed, Some("DEADLINE_EXCEEDED".into()));
        let entries = ledger.entries();
        assert_eq!(entries[first].told, Told::Dropped);
        assert_eq!(entries[second].told, Told::Failed);
        assert_eq!(entries[second].code.as_deref(), Some("DEADLINE_EXCEEDED"));
    }
}
