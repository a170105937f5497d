//! The prepared statements a session keeps: the least recently used one goes first.

use std::collections::HashMap;
use std::sync::Arc;

/// Prepared statements by their SQL, at most `limit`.
#[derive(Debug)]
pub(super) struct StatementCache<S> {
    limit: usize,
    uses: u64,
    kept: HashMap<Arc<str>, (S, u64)>,
}

impl<S: Clone> StatementCache<S> {
    /// An empty cache.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            uses: 0,
            kept: HashMap::new(),
        }
    }

    /// The statement of a text.
    pub(super) fn get(&mut self, sql: &str) -> Option<S> {
        self.uses += 1;
        let (statement, used) = self.kept.get_mut(sql)?;
        *used = self.uses;
        Some(statement.clone())
    }

    /// Keeps a statement. Dropping the one it pushes out closes it on the server.
    pub(super) fn put(&mut self, sql: Arc<str>, statement: S) {
        if self.limit == 0 {
            return;
        }
        if self.kept.len() >= self.limit && !self.kept.contains_key(&sql) {
            // A walk over all is cheap beside the round trip of preparing.
            let oldest = self.kept.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(sql, _)| Arc::clone(sql)) {
                self.kept.remove(&oldest);
            }
        }
        self.uses += 1;
        self.kept.insert(sql, (statement, self.uses));
    }

    /// Forgets a statement that no longer fits.
    pub(super) fn remove(&mut self, sql: &str) {
        self.kept.remove(sql);
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut cache = StatementCache::new(2);
        cache.put("a".into(), 1);
        cache.put("b".into(), 2);
        assert_eq!(cache.get("a"), Some(1));
        cache.put("c".into(), 3);
        assert_eq!(cache.get("b"), None);
        assert_eq!((cache.get("a"), cache.get("c")), (Some(1), Some(3)));
        cache.put("a".into(), 4);
        assert_eq!((cache.len(), cache.get("a")), (2, Some(4)));
        cache.remove("a");
        assert_eq!((cache.len(), cache.get("a")), (1, None));
        cache.clear();
        assert_eq!(cache.len(), 0);
    }

    #[test]
    fn without_room_nothing_is_kept() {
        let mut cache = StatementCache::new(0);
        cache.put("a".into(), 1);
        assert_eq!((cache.len(), cache.get("a")), (0, None));
    }
}
