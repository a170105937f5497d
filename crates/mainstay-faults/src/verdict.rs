//! Compares what callers were told with what is in the database. Pure.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ledger::{Entry, Kind, Told};
use crate::model::BALANCE;

/// What is in the database at the end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    /// Version and number of changes of each item. One that was made twice is there twice.
    pub(crate) items: HashMap<Uuid, Vec<(i64, i64)>>,
    /// How often each event is there.
    pub(crate) events: HashMap<Uuid, usize>,
    /// The journal: source, target and amount of each line.
    pub(crate) journal: Vec<(Uuid, i64, i64, i64)>,
    /// The balance of each account.
    pub(crate) accounts: HashMap<i64, i64>,
}

/// Writes whose outcome was reported as unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unknowns {
    /// Rows whose key was made before they were sent.
    pub(crate) creates: usize,
    pub(crate) transactions: usize,
    pub(crate) others: usize,
    /// How many of the rows to be made and of the transactions are there.
    pub(crate) applied: usize,
}

impl Unknowns {
    pub(crate) fn all(&self) -> usize {
        self.creates + self.transactions + self.others
    }
}

/// What the comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Acknowledged, but not there.
    pub(crate) missing: usize,
    /// Reported as failed without effect, but there.
    pub(crate) untrue: usize,
    /// Applied more than once.
    pub(crate) duplicates: usize,
    /// Accounts whose balance is not what the journal says: a transaction took effect by half.
    pub(crate) halves: usize,
    /// Not a violation.
    pub(crate) unknown: Unknowns,
    /// One line for each violation.
    pub(crate) details: Vec<String>,
}

/// Judges all calls of a ledger.
pub(crate) fn judge(entries: &[Entry], snapshot: &Snapshot) -> Verdict {
    let mut verdict = Verdict::default();
    let mut rows: HashMap<Uuid, Vec<&Entry>> = HashMap::new();
    let mut journal: HashMap<Uuid, usize> = HashMap::new();
    for (op, ..) in &snapshot.journal {
        *journal.entry(*op).or_default() += 1;
    }
    for entry in entries {
        if entry.told == Told::Unknown {
            match entry.kind {
                Kind::Create => verdict.unknown.creates += 1,
                Kind::Transfer => verdict.unknown.transactions += 1,
                Kind::Append | Kind::Update | Kind::Delete => verdict.unknown.others += 1,
                Kind::Read => {}
            }
        }
        match entry.kind {
            Kind::Read => {}
            Kind::Append => verdict.single(entry, snapshot.events.get(&entry.key)),
            Kind::Transfer => verdict.single(entry, journal.get(&entry.key)),
            Kind::Create | Kind::Update | Kind::Delete => {
                rows.entry(entry.key).or_default().push(entry);
            }
        }
    }
    for (key, history) in rows {
        let found = snapshot.items.get(&key).map_or(&[][..], Vec::as_slice);
        if let (Some(create), 2..) = (history.first(), found.len()) {
            verdict.duplicate(create, found.len() - 1);
        }
        verdict.row(&history, found.first().copied());
    }
    verdict.balances(snapshot);
    verdict.details.sort();
    verdict
}

impl Verdict {
    fn note(&mut self, what: &str, entry: &Entry) {
        let code = entry.code.as_deref().unwrap_or("success");
        self.details.push(format!(
            "{what}: {:?} of {} at {:.2?}..{:.2?}, told {:?} ({code})",
            entry.kind, entry.key, entry.begun, entry.ended, entry.told,
        ));
    }

    fn missing(&mut self, entry: &Entry) {
        self.missing += 1;
        self.note("acknowledged but missing", entry);
    }

    fn untrue(&mut self, entry: &Entry) {
        self.untrue += 1;
        self.note("reported failed but present", entry);
    }

    fn duplicate(&mut self, entry: &Entry, extra: usize) {
        self.duplicates += extra;
        self.note("applied more than once", entry);
    }

    /// A write that leaves a trace each time it is applied.
    fn single(&mut self, entry: &Entry, found: Option<&usize>) {
        let count = found.copied().unwrap_or(0);
        self.unknown.applied += usize::from(entry.told == Told::Unknown && count > 0);
        match entry.told {
            Told::Done if count == 0 => self.missing(entry),
            Told::Failed if count > 0 => self.untrue(entry),
            _ => {}
        }
        if count > 1 {
            self.duplicate(entry, count - 1);
        }
    }

    /// A row: its creation, changes and deletion, in order. After the first of them that was not
    /// acknowledged nothing more was done to it.
    fn row(&mut self, history: &[&Entry], found: Option<(i64, i64)>) {
        let [create, .., last] = history else {
            if let [create] = history {
                self.created(create, found);
            }
            return;
        };
        let changes = history.iter().filter(|entry| entry.kind == Kind::Update);
        let changed = |entry: &&&Entry| entry.told == Told::Done;
        let acknowledged = changes.filter(changed).count() as i64;
        if last.kind == Kind::Delete {
            match (last.told, found) {
                // An acknowledged deletion that is not there is a row that is.
                (Told::Done, Some(_)) => self.missing(last),
                (Told::Failed, None) => self.untrue(last),
                _ => {}
            }
        } else if found.is_none() {
            self.missing(create);
        }
        let Some((version, hits)) = found else {
            return;
        };
        if version < acknowledged || hits < version {
            self.missing(last);
        } else if version > acknowledged && !(last.kind == Kind::Update && last.told.is_open()) {
            self.untrue(last);
        }
        if hits > version {
            self.duplicate(last, usize::try_from(hits - version).unwrap_or(0));
        }
    }

    /// A row to which nothing was done after its creation.
    fn created(&mut self, create: &Entry, found: Option<(i64, i64)>) {
        match (create.told, found) {
            (Told::Done, None) => self.missing(create),
            (Told::Failed, Some(_)) => self.untrue(create),
            (Told::Unknown, Some(_)) => self.unknown.applied += 1,
            _ => {}
        }
    }

    fn balances(&mut self, snapshot: &Snapshot) {
        let mut expected: HashMap<i64, i64> =
            snapshot.accounts.keys().map(|id| (*id, BALANCE)).collect();
        for (_, source, target, amount) in &snapshot.journal {
            *expected.entry(*source).or_default() -= amount;
            *expected.entry(*target).or_default() += amount;
        }
        for (id, balance) in expected {
            let found = snapshot.accounts.get(&id).copied().unwrap_or(0);
            if found != balance {
                self.halves += 1;
                self.details.push(format!(
                    "half a transaction: account {id} holds {found}, by the journal {balance}"
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests;
