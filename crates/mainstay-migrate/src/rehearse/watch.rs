//! What is seen while a way is taken: each statement's time, and the locks of other sessions.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mainstay::{Database, Result};
use tokio::task::JoinHandle;

use super::engine::{LockQuery, lock_queries};
use super::report::TimedStatement;
use crate::plan::Step;
use crate::progress::{Event, Progress};

/// How often is looked for locks.
const EVERY: Duration = Duration::from_millis(10);

/// The longest a look may take.
const LOOK: Duration = Duration::from_secs(5);

/// Writes down what a run tells, and passes it on.
pub(super) struct Record {
    seen: Mutex<Seen>,
    next: Option<Arc<dyn Progress>>,
}

#[derive(Default)]
struct Seen {
    statements: Vec<TimedStatement>,
    /// The step that runs, and the locks seen during it: in a transaction they stay to its end.
    step: Option<String>,
    held: BTreeSet<String>,
    /// The statement that runs, or ran last.
    current: Option<usize>,
}

impl Record {
    pub(super) fn new(next: Option<Arc<dyn Progress>>) -> Arc<Self> {
        Arc::new(Self {
            seen: Mutex::new(Seen::default()),
            next,
        })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The statements that have ended.
    pub(super) fn statements(&self) -> Vec<TimedStatement> {
        std::mem::take(&mut self.seen().statements)
    }

    /// Notes locks that are held now.
    fn note(&self, locks: Vec<String>) {
        let mut seen = self.seen();
        let Some(current) = seen.current else { return };
        for lock in locks {
            if seen.held.insert(lock.clone())
                && let Some(statement) = seen.statements.get_mut(current)
            {
                statement.seen.push(lock);
            }
        }
    }
}

impl Progress for Record {
    fn on(&self, event: Event<'_>) {
        {
            let mut seen = self.seen();
            match event {
                Event::Begun { step } => {
                    let label = step.label();
                    // A transaction that is tried again tells its statements again.
                    let done = step.done;
                    seen.statements
                        .retain(|told| told.migration != label || told.position < done);
                    seen.step = Some(label);
                    seen.held.clear();
                    seen.current = None;
                }
                Event::StatementBegun { step, position } => {
                    seen.statements.push(begun(step, position));
                    seen.current = Some(seen.statements.len() - 1);
                }
                Event::StatementDone { took, .. } => {
                    let current = seen.current;
                    if let Some(statement) =
                        current.and_then(|current| seen.statements.get_mut(current))
                    {
                        statement.took = took;
                    }
                }
                _ => {}
            }
        }
        if let Some(next) = &self.next {
            next.on(event);
        }
    }
}

fn begun(step: &Step, position: usize) -> TimedStatement {
    let planned = &step.statements[position];
    TimedStatement {
        migration: step.label(),
        position,
        line: planned.line,
        statement: planned.shown().to_owned(),
        took: Duration::ZERO,
        lock: planned.lock.clone(),
        seen: Vec::new(),
    }
}

/// The query for locks that a database answers, if there is one.
pub(super) async fn lock_query(db: &Database) -> Result<Option<&'static LockQuery>> {
    for query in lock_queries(db.dialect()) {
        if query.available.is_empty() {
            return Ok(Some(query));
        }
        let answer: i64 = db.sql(query.available).scalar().await?;
        if answer > 0 {
            return Ok(Some(query));
        }
    }
    Ok(None)
}

/// Looks for locks until it is dropped.
pub(super) struct Watch(JoinHandle<()>);

impl Watch {
    pub(super) fn begin(db: &Database, query: &'static LockQuery, record: &Arc<Record>) -> Self {
        let (db, record) = (db.clone(), Arc::clone(record));
        Self(tokio::spawn(async move {
            loop {
                let locks = db.sql(query.sql).fetch_with(|row| row.get::<String>(0));
                // To see less is no reason to stop: the server may be busy with what is watched.
                if let Ok(locks) = locks.timeout(LOOK).await {
                    record.note(locks);
                }
                tokio::time::sleep(EVERY).await;
            }
        }))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
