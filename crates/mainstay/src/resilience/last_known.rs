//! The last known good answers: a bounded map from which expired ones, and then the oldest, go
//! first. This is what serving stale on error needs (`stale-if-error` of RFC 5861).

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// How much is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The most answers. Zero keeps none.
    pub capacity: usize,
    /// An answer that is older is never given.
    pub max_age: Duration,
    /// How long a call that has an answer to fall back on waits for a fresh one.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            capacity: 10_000,
            max_age: Duration::from_secs(3600),
            patience: Duration::from_secs(1),
        }
    }
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    at: Instant,
    /// Its number in the order in which answers came.
    number: u64,
}

/// Answers by their keys.
///
/// Remembering an answer again makes it the newest. When there is no place, the one that has not
/// been remembered for the longest time goes.
#[derive(Debug)]
pub struct LastKnown<K, V> {
    options: Options,
    entries: HashMap<K, Entry<V>>,
    /// Keys by their numbers, oldest first.
    order: BTreeMap<u64, K>,
    next: u64,
}

impl<K: Hash + Eq + Clone, V> LastKnown<K, V> {
    /// Without answers yet.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            entries: HashMap::new(),
            order: BTreeMap::new(),
            next: 0,
        }
    }

    /// Remembers an answer that came now.
    pub fn remember(&mut self, now: Instant, key: K, value: V) {
        if self.options.capacity == 0 {
            return;
        }
        self.forget(&key);
        let number = self.next;
        self.next += 1;
        self.order.insert(number, key.clone());
        let entry = Entry {
            value,
            at: now,
            number,
        };
        self.entries.insert(key, entry);
        self.make_place(now);
    }

    /// The answer, and its age.
    pub fn get(&self, now: Instant, key: &K) -> Option<(&V, Duration)> {
        let entry = self.entries.get(key)?;
        let age = now.saturating_duration_since(entry.at);
        (age <= self.options.max_age).then_some((&entry.value, age))
    }

    /// Forgets an answer.
    pub fn forget(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.order.remove(&entry.number);
        }
    }

    /// Forgets all answers.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.order.clear();
    }

    /// The answers in no order, expired ones included.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.values().map(|entry| &entry.value)
    }

    /// How many answers there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn make_place(&mut self, now: Instant) {
        while let Some((_, key)) = self.order.first_key_value() {
            let too_many = self.entries.len() > self.options.capacity;
            let expired = self
                .entries
                .get(key)
                .is_none_or(|entry| now.saturating_duration_since(entry.at) > self.options.max_age);
            if !too_many && !expired {
                return;
            }
            let key = key.clone();
            self.forget(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn of_three() -> (LastKnown<u32, &'static str>, Instant) {
        let options = Options {
            capacity: 3,
            max_age: seconds(60),
            ..Options::default()
        };
        (LastKnown::new(options), Instant::now())
    }

    #[test]
    fn answers_have_an_age_and_an_end() {
        let (mut known, start) = of_three();
        known.remember(start, 1, "one");
        let at = |after| start + seconds(after);
        assert_eq!(known.get(at(0), &1), Some((&"one", seconds(0))));
        assert_eq!(known.get(at(60), &1), Some((&"one", seconds(60))));
        assert_eq!(known.get(at(61), &1), None);
        assert_eq!(known.get(at(0), &2), None);
        // One that has expired makes place by itself.
        known.remember(at(61), 2, "two");
        assert_eq!(known.len(), 1);
    }

    #[test]
    fn the_one_not_remembered_for_longest_goes_first() {
        let (mut known, start) = of_three();
        for key in [1, 2, 3, 1, 4] {
            known.remember(start, key, "it");
        }
        assert_eq!(known.len(), 3);
        assert!(known.get(start, &2).is_none());
        for key in [1, 3, 4] {
            assert!(known.get(start, &key).is_some(), "{key}");
        }
    }

    #[test]
    fn what_is_forgotten_leaves_nothing_behind() {
        let (mut known, start) = of_three();
        for key in 1..=3 {
            known.remember(start, key, "it");
        }
        known.forget(&2);
        known.forget(&9);
        assert_eq!((known.len(), known.order.len()), (2, 2));
        known.forget(&1);
        known.forget(&2);
        assert_eq!((known.len(), known.order.len()), (1, 1));
        known.clear();
        assert!(known.is_empty() && known.order.is_empty());
    }

    #[test]
    fn no_capacity_remembers_nothing() {
        let options = Options {
            capacity: 0,
            ..Options::default()
        };
        let mut known = LastKnown::new(options);
        known.remember(Instant::now(), 1, "one");
        assert!(known.is_empty());
    }
}
