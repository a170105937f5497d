//! The rows that may be given while the database does not answer, and what makes them wrong.
//!
//! Nothing is kept before somebody asks for it with `or_stale()`; until then a write costs one
//! look at a flag. What a write may have changed is forgotten when the write ends, whatever came of
//! it, and a read that was under way meanwhile is not remembered: it may have seen the row as it
//! was before.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::written::{mentions, names_its_tables};
use crate::resilience::last_known::{LastKnown, Options};
use crate::schema::{Entity, Key, OnDelete, Schema};
use crate::value::Value;

/// Rows are told apart by this many counters of changes. Two that share one cost each other an
/// answer now and then.
const COUNTERS: usize = 256;

/// What a write may have changed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Touched {
    /// One row.
    Row(&'static str, String),
    /// One row, and what its delete does to others.
    Deleted(&'static str, String),
    /// Any rows of a table.
    Table(&'static str),
    /// The same, by a delete.
    DeletedFrom(&'static str),
    /// What hand-written SQL says.
    Sql(Arc<str>),
    /// Anything.
    All,
}

/// Without keys, which are values of rows.
impl fmt::Debug for Touched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(table, _) => write!(f, "Row({table})"),
            Self::Deleted(table, _) => write!(f, "Deleted({table})"),
            Self::Table(table) => write!(f, "Table({table})"),
            Self::DeletedFrom(table) => write!(f, "DeletedFrom({table})"),
            Self::Sql(text) => write!(f, "Sql({text})"),
            Self::All => f.write_str("All"),
        }
    }
}

/// A key as it is remembered.
pub(crate) fn key_text(values: &[Value]) -> String {
    format!("{values:?}")
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct RowKey {
    entity: TypeId,
    key: String,
}

/// How often rows were forgotten: all, those of a table, and those that share a counter with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Changes {
    all: u64,
    table: u64,
    row: u64,
}

/// A read by key that may be remembered.
pub(crate) struct Ticket {
    table: &'static str,
    key: RowKey,
    changes: Changes,
}

struct Remembered {
    row: Arc<dyn Any + Send + Sync>,
    table: &'static str,
    /// As they were: once all rows, or those of the table, were forgotten, it is known no more.
    changes: Changes,
}

struct Inner {
    rows: LastKnown<RowKey, Remembered>,
    /// The entities of which rows were remembered, by their tables.
    entities: Vec<(&'static str, TypeId)>,
    /// How often all rows were forgotten.
    all: u64,
    /// How often all rows of a table were.
    tables: HashMap<&'static str, u64>,
    /// How often single rows were.
    single: [u64; COUNTERS],
}

/// The last known rows of one handle.
pub(crate) struct Store {
    pub(crate) options: Options,
    used: AtomicBool,
    /// How often one was given.
    pub(crate) answers: AtomicU64,
    inner: Mutex<Inner>,
}

/// Without the rows.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("options", &self.options)
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

impl Store {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            used: AtomicBool::new(false),
            answers: AtomicU64::new(0),
            inner: Mutex::new(Inner {
                rows: LastKnown::new(options),
                entities: Vec::new(),
                all: 0,
                tables: HashMap::new(),
                single: [0; COUNTERS],
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic between two statements could at most have left a row in it that is then older.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody has asked for rows to be remembered.
    pub(crate) fn is_used(&self) -> bool {
        self.used.load(Ordering::Acquire)
    }

    /// How many rows are remembered.
    pub(crate) fn len(&self) -> usize {
        if self.is_used() {
            let inner = self.lock();
            inner.rows.values().filter(|row| inner.holds(row)).count()
        } else {
            0
        }
    }

    /// Before a read by key: what is needed to remember its answer, and whether there is one to
    /// fall back on. `None` when nothing is ever remembered.
    pub(crate) fn before<E: Entity>(&self, now: Instant, key: &E::Key) -> Option<(Ticket, bool)> {
        if self.options.capacity == 0 {
            return None;
        }
        self.used.store(true, Ordering::Release);
        let table = E::table().name;
        let key = RowKey {
            entity: TypeId::of::<E>(),
            key: key_text(&key.values()),
        };
        let inner = self.lock();
        let changes = inner.changes(table, &key.key);
        let known = inner.get(now, &key).is_some();
        let ticket = Ticket {
            table,
            key,
            changes,
        };
        Some((ticket, known))
    }

    /// Remembers the answer of a read, unless a write came between. That there is no row is not
    /// worth remembering.
    pub(crate) fn answered<E: Entity>(&self, now: Instant, ticket: Ticket, row: Option<&E>) {
        let row = row.map(|row| Arc::new(row.clone()) as Arc<dyn Any + Send + Sync>);
        let mut inner = self.lock();
        if inner.changes(ticket.table, &ticket.key.key) != ticket.changes {
            return;
        }
        let Some(row) = row else {
            inner.rows.forget(&ticket.key);
            return;
        };
        let entity = (ticket.table, ticket.key.entity);
        if !inner.entities.contains(&entity) {
            inner.entities.push(entity);
        }
        let remembered = Remembered {
            row,
            table: ticket.table,
            changes: ticket.changes,
        };
        inner.rows.remember(now, ticket.key, remembered);
    }

    /// The row as it was last known, and how long ago that was.
    pub(crate) fn last<E: Entity>(&self, now: Instant, ticket: &Ticket) -> Option<(E, Duration)> {
        let (row, age) = {
            let inner = self.lock();
            let (known, age) = inner.get(now, &ticket.key)?;
            (Arc::clone(&known.row), age)
        };
        let row = row.downcast_ref::<E>()?.clone();
        self.answers.fetch_add(1, Ordering::Relaxed);
        Some((row, age))
    }

    /// Forgets what a write may have changed.
    pub(crate) fn forget(&self, schema: &Schema, touched: &Touched) {
        if self.is_used() {
            self.lock().forget(schema, touched);
        }
    }
}

impl Inner {
    fn changes(&self, table: &'static str, key: &str) -> Changes {
        Changes {
            all: self.all,
            table: self.tables.get(table).copied().unwrap_or_default(),
            row: self.single[counter(table, key)],
        }
    }

    /// Whether a row has not been forgotten with others. Those that were forgotten by themselves
    /// are not there any more.
    fn holds(&self, known: &Remembered) -> bool {
        let table = self.tables.get(known.table).copied().unwrap_or_default();
        (known.changes.all, known.changes.table) == (self.all, table)
    }

    fn get(&self, now: Instant, key: &RowKey) -> Option<(&Remembered, Duration)> {
        let found = self.rows.get(now, key);
        found.filter(|(known, _)| self.holds(known))
    }

    fn forget(&mut self, schema: &Schema, touched: &Touched) {
        match touched {
            Touched::Row(table, key) => self.forget_row(table, key),
            Touched::Deleted(table, key) => {
                self.forget_row(table, key);
                let mut tables = Vec::new();
                add_dependents(schema, table, &mut tables);
                self.forget_tables(&tables);
            }
            Touched::Table(table) => self.forget_tables(&[table]),
            Touched::DeletedFrom(table) => {
                let mut tables = vec![*table];
                add_dependents(schema, table, &mut tables);
                self.forget_tables(&tables);
            }
            Touched::Sql(text) => self.forget_named(schema, text),
            Touched::All => {
                self.all += 1;
                self.rows.clear();
            }
        }
    }

    fn forget_row(&mut self, table: &'static str, key: &str) {
        self.single[counter(table, key)] += 1;
        let entities = self.entities.iter().filter(|(of, _)| *of == table);
        for (_, entity) in entities {
            let key = RowKey {
                entity: *entity,
                key: key.to_owned(),
            };
            self.rows.forget(&key);
        }
    }

    /// Takes no longer for many rows than for few: they are left where they are, known no more.
    fn forget_tables(&mut self, tables: &[&'static str]) {
        for table in tables {
            *self.tables.entry(table).or_default() += 1;
        }
    }

    fn forget_named(&mut self, schema: &Schema, text: &str) {
        if !names_its_tables(text) {
            self.forget(schema, &Touched::All);
            return;
        }
        let mut tables = Vec::new();
        for table in schema.tables() {
            if mentions(text, table.name) && !tables.contains(&table.name) {
                tables.push(table.name);
                add_dependents(schema, table.name, &mut tables);
            }
        }
        for (table, _) in &self.entities {
            // An entity need not be in the schema of the handle.
            if mentions(text, table) && !tables.contains(table) {
                tables.push(*table);
            }
        }
        // A trigger may change other tables as well; that is not followed.
        self.forget_tables(&tables);
    }
}

/// Adds the tables whose rows change when one of this table is deleted.
fn add_dependents(schema: &Schema, table: &str, tables: &mut Vec<&'static str>) {
    for (child, foreign_key) in schema.referring_to(table) {
        let changes = match foreign_key.on_delete {
            OnDelete::Restrict => false,
            OnDelete::Cascade | OnDelete::SetNull => true,
        };
        if changes && !tables.contains(&child.name) {
            tables.push(child.name);
            add_dependents(schema, child.name, tables);
        }
    }
}

fn counter(table: &str, key: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    (table, key).hash(&mut hasher);
    (hasher.finish() % COUNTERS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq, mainstay_derive::Entity)]
    #[entity(table = "rows")]
    struct Row {
        #[entity(key)]
        id: i64,
        n: i64,
    }

    fn store() -> (Store, Schema, Instant) {
        let store = Store::new(Options::default());
        (store, Schema::new().with::<Row>(), Instant::now())
    }

    fn remember(store: &Store, now: Instant, row: &Row) {
        let (ticket, _) = store.before::<Row>(now, &row.id).unwrap();
        store.answered(now, ticket, Some(row));
    }

    fn known(store: &Store, now: Instant, id: i64) -> Option<Row> {
        let (ticket, _) = store.before::<Row>(now, &id).unwrap();
        store.last::<Row>(now, &ticket).map(|(row, _)| row)
    }

    fn row_touched(id: i64) -> Touched {
        Touched::Row("rows", key_text(&id.values()))
    }

    #[test]
    fn a_read_during_a_write_is_not_remembered() {
        for touched in [row_touched(1), Touched::Table("rows"), Touched::All] {
            let (store, schema, now) = store();
            let (ticket, known_before) = store.before::<Row>(now, &1).unwrap();
            assert!(!known_before);
            store.forget(&schema, &touched);
            store.answered(now, ticket, Some(&Row { id: 1, n: 1 }));
            assert_eq!(known(&store, now, 1), None, "{touched:?}");
            remember(&store, now, &Row { id: 1, n: 2 });
            assert_eq!(known(&store, now, 1), Some(Row { id: 1, n: 2 }));
        }
    }

    #[test]
    fn a_write_forgets_what_it_concerns() {
        let (store, schema, now) = store();
        for (touched, left) in [
            (row_touched(1), 1),
            (row_touched(9), 2),
            (Touched::Table("rows"), 0),
            (Touched::Table("others"), 2),
            (Touched::Sql("UPDATE rows SET n = 1".into()), 0),
            (Touched::Sql("UPDATE rows_old SET n = 1".into()), 2),
            (Touched::Sql("CALL p()".into()), 0),
            (Touched::Sql("/* why */ UPDATE others SET n = 1".into()), 2),
            (Touched::All, 0),
        ] {
            remember(&store, now, &Row { id: 1, n: 1 });
            remember(&store, now, &Row { id: 2, n: 2 });
            store.forget(&schema, &touched);
            assert_eq!(store.len(), left, "{touched:?}");
        }
    }

    #[test]
    fn nothing_is_kept_before_somebody_asks() {
        let (store, schema, now) = store();
        store.forget(&schema, &Touched::All);
        assert!(!store.is_used());
        assert!(store.before::<Row>(now, &1).is_some());
        assert!(store.is_used());
    }
}
