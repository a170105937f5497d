//! What a process with the load said, put together again.

use std::time::Duration;

use uuid::Uuid;

use crate::ledger::{Entry, Kind, PoolUse, Rest, Spoken, Told};

/// Puts a ledger together again from what a process said until it was killed.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) entries: Vec<Entry>,
    done: usize,
    pub(crate) blind: Vec<String>,
    pub(crate) pool: Vec<(Duration, PoolUse)>,
    /// Said by a process that ended by itself.
    pub(crate) rest: Option<Rest>,
}

impl Heard {
    /// Takes a line that was heard at `now`. One that the kill cut off says nothing.
    pub(crate) fn line(&mut self, line: &str, now: Duration) {
        match serde_json::from_str(line) {
            Ok(Spoken::Begun(number, kind, key)) => {
                // Tasks speak after they have their number, so lines may come in another order.
                self.at(number).kind = kind;
                let entry = self.at(number);
                entry.key = key;
                entry.begun = now;
                entry.ended = entry.ended.max(now);
            }
            Ok(Spoken::Ended(number, told, code, took)) => {
                self.done += usize::from(told == Told::Done);
                let entry = self.at(number);
                entry.told = told;
                entry.code = code;
                entry.ended = now;
                entry.begun = now.saturating_sub(took);
            }
            Ok(Spoken::Blind(what)) => self.blind.push(what),
            Ok(Spoken::Pool(used)) => self.pool.push((now, used)),
            Ok(Spoken::Rest(rest)) => self.rest = Some(rest),
            Err(_) => {}
        }
    }

    fn at(&mut self, number: usize) -> &mut Entry {
        while self.entries.len() <= number {
            self.entries.push(Entry {
                kind: Kind::Read,
                key: Uuid::nil(),
                begun: Duration::ZERO,
                ended: Duration::ZERO,
                told: Told::Dropped,
                code: None,
            });
        }
        &mut self.entries[number]
    }

    /// How many calls were told to be done.
    pub(crate) fn done(&self) -> usize {
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_said_is_put_together_in_any_order() {
        let key = Uuid::from_u128(7);
        let lines = [
            serde_json::to_string(&Spoken::Begun(1, Kind::Append, key)).unwrap(),
            serde_json::to_string(&Spoken::Begun(0, Kind::Create, key)).unwrap(),
            serde_json::to_string(&Spoken::Ended(
                1,
                Told::Done,
                None,
                Duration::from_millis(20),
            ))
            .unwrap(),
        ];
        let mut heard = Heard::default();
        for line in &lines {
            heard.line(line, Duration::from_secs(1));
        }
        heard.line(&lines[2][..8], Duration::from_secs(2));
        assert_eq!(heard.done(), 1);
        let entries = heard.entries;
        assert_eq!(entries.len(), 2);
        assert_eq!(
            (entries[0].kind, entries[0].told),
            (Kind::Create, Told::Dropped)
        );
        assert_eq!(
            (entries[1].kind, entries[1].told),
            (Kind::Append, Told::Done)
        );
        assert_eq!(entries[1].took(), Duration::from_millis(20));
    }
}
