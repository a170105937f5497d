//! Long reads of an engine that runs in this process: who may run one now, and which statements
//! are known to be long.
//!
//! Such an engine uses the cores of the application. Reads by key run inline; a scan runs on a
//! thread, and at most half the cores scan at the same time, and never on all connections. Who
//! waits for a turn holds no connection, so that reads by key go on beside any number of waiting
//! scans.
//!
//! # No deadlock
//! A turn is taken before a connection, so whoever has a turn may wait for a connection. What
//! waits for a turn must therefore hold none:
//! - a statement of a transaction has the transaction's connection and takes no turn;
//! - a stream takes no turn: it waits for its reader most of the time, who may well start a scan
//!   before the next row;
//! - a statement that may turn out to write takes no turn: it would wait for the writer, which
//!   may be lent to a transaction whose closure reads through the handle.
//!
//! A closure that has a connection and reads through the handle wants a second connection. It can
//! wait for ever only when every connection is held by one like it, turns or no turns.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use crate::driver::statement::begins_with;
use crate::driver::{Access, Effort, RowSink, Statement};
use crate::error::{Error, ErrorKind, Result};

/// The long reads of one handle.
#[derive(Debug)]
pub(crate) struct Scans {
    turns: Semaphore,
    long: LongTexts,
}

impl Scans {
    /// For a number of cores and of connections, of which one is left to reads by key.
    pub(crate) fn new(cores: usize, connections: usize) -> Self {
        let turns = Ord::min(cores / 2, connections.saturating_sub(1));
        Self {
            turns: Semaphore::new(turns.max(1)),
            long: LongTexts::default(),
        }
    }

    /// Whether a statement is to be tried inline.
    pub(crate) fn is_short(&self, statement: &Statement) -> bool {
        statement.effort == Effort::Short
            && statement.access == Access::Read
            && !self.long.expects(&statement.sql)
    }

    /// A statement that was tried inline turned out longer.
    pub(crate) fn was_long(&self, statement: &Statement) {
        self.long.remember(&statement.sql);
    }

    /// Waits for a turn, if the statement is a scan that takes one.
    pub(crate) async fn turn(
        &self,
        statement: &Statement,
        sink: &mut dyn RowSink,
        deadline: Instant,
    ) -> Result<Option<SemaphorePermit<'_>>> {
        // A sink that cannot start again passes its rows on as they come: a stream.
        if !only_reads(statement) || !sink.restart() {
            return Ok(None);
        }
        let started = Instant::now();
        match timeout_at(deadline, self.turns.acquire()).await {
            Ok(turn) => Ok(turn.ok()),
            Err(_) => Err(Error::new(
                ErrorKind::Deadline,
                format!(
                    "waited {:.1?} for a turn to scan: other long reads were running",
                    started.elapsed()
                ),
            )
            .with_hint("give the read an index, or the call more time")),
        }
    }
}

/// Whether a statement certainly does not write, as far as its text tells.
fn only_reads(statement: &Statement) -> bool {
    match statement.access {
        Access::Read => true,
        Access::Write => false,
        Access::Unknown => {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let mut words = statement.sql.split(|c| !is_word(c));
            let mut names = |all: &[&str]| {
                words.any(|word| all.iter().any(|one| word.eq_ignore_ascii_case(one)))
            };
            begins_with(&statement.sql, &["SELECT"])
                || (begins_with(&statement.sql, &["WITH"])
                    && !names(&["INSERT", "UPDATE", "DELETE", "REPLACE"]))
        }
    }
}

/// How many calls of a statement that was too long inline are not tried inline.
const SKIPS: u64 = 31;

/// How many statements are remembered.
const SLOTS: usize = 64;

/// The bits of a slot that count down; the others tell the statement.
const COUNT: u64 = 0xff;

/// Statements that were too long inline, so that their next calls need not find out again. Every
/// now and then one is tried all the same: its table may have an index now, or its values may
/// find less.
///
/// Two that meet in a slot displace each other, which costs a try.
#[derive(Debug)]
struct LongTexts {
    any: AtomicBool,
    slots: [AtomicU64; SLOTS],
}

impl Default for LongTexts {
    fn default() -> Self {
        Self {
            any: AtomicBool::new(false),
            slots: [const { AtomicU64::new(0) }; SLOTS],
        }
    }
}

impl LongTexts {
    fn slot(&self, text: &str) -> (&AtomicU64, u64) {
        let print = fingerprint(text);
        // From the high bits, which the fingerprint mixes best.
        let slot = &self.slots[(print >> 32) as usize % SLOTS];
        (slot, print & !COUNT)
    }

    /// Whether the statement is expected to be long now. Counts the call.
    fn expects(&self, text: &str) -> bool {
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let (slot, print) = self.slot(text);
        let found = slot.load(Ordering::Relaxed);
        let long = found & !COUNT == print && found & COUNT > 0;
        if long {
            // Calls at the same time may count as one, which only makes the next try later.
            slot.store(found - 1, Ordering::Relaxed);
        }
        long
    }

    fn remember(&self, text: &str) {
        let (slot, print) = self.slot(text);
        slot.store(print | SKIPS, Ordering::Relaxed);
        self.any.store(true, Ordering::Relaxed);
    }
}

/// A number that tells a text from others, nearly always.
fn fingerprint(text: &str) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut print = ODD ^ text.len() as u64;
    for chunk in text.as_bytes().chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        print = (print ^ u64::from_le_bytes(word))
            .wrapping_mul(ODD)
            .rotate_left(29);
    }
    print
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_statement_is_tried_again_every_now_and_then() {
        let long = LongTexts::default();
        assert!(!long.expects("SELECT a"));
        long.remember("SELECT a");
        for _ in 0..2 {
            let skipped = (0..SKIPS).filter(|_| long.expects("SELECT a")).count();
            assert_eq!(skipped as u64, SKIPS);
            assert!(!long.expects("SELECT a"), "tried");
            assert!(!long.expects("SELECT a"), "and found short");
            long.remember("SELECT a");
        }
        assert!(!long.expects("SELECT b"));
    }

    #[test]
    fn texts_are_told_apart() {
        let texts = ["", "a", "a\0", "SELECT a", "SELECT b", "SELECT a FROM t"];
        let prints: std::collections::HashSet<u64> =
            texts.iter().map(|text| fingerprint(text)).collect();
        assert_eq!(prints.len(), texts.len());
    }

    #[test]
    fn what_may_write_takes_no_turn() {
        let reads = |sql, access| only_reads(&Statement::new(sql, Vec::new(), access));
        assert!(reads("anything", Access::Read));
        assert!(!reads("SELECT 1", Access::Write));
        for sql in [
            " select 1",
            "WITH x AS (SELECT 1) SELECT deleted_at FROM x",
            "(SELECT 1)",
        ] {
            assert!(reads(sql, Access::Unknown), "{sql}");
        }
        for sql in [
            "",
            "INSERT INTO t VALUES (1) RETURNING a",
            "WITH x AS (SELECT 1) insert INTO t SELECT * FROM x RETURNING a",
            "PRAGMA optimize",
        ] {
            assert!(!reads(sql, Access::Unknown), "{sql}");
        }
    }
}
