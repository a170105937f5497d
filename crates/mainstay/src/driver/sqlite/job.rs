//! What waits in the writer's queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::caller::Caller;
use super::rows::{Chunk, Ran};
use crate::driver::statement::begins_with;
use crate::driver::{BeginOptions, Load, Statement};
use crate::error::{Error, ErrorKind, Outcome, Result};

/// Where an answer goes. A closed one means that its caller is gone.
pub(super) type Answer<T> = oneshot::Sender<Result<T>>;

/// One job: whatever happens between two moments at which nothing is open.
#[derive(Debug)]
pub(super) enum Job {
    /// A statement that is its own transaction.
    Run(Run),
    /// Statements that are a transaction together.
    Batch(Batch),
    /// Several statements, each its own transaction.
    Script(Script),
    /// A transaction.
    Transaction(Transaction),
    /// Statements outside of any transaction, with nobody else's in between.
    Hold(Transaction),
    /// Another file is at the path: open it.
    Wake,
    /// The last handle is closed: finish what is queued and end.
    Close,
    /// Panics, to show that the thread survives.
    #[cfg(test)]
    Panic(Answer<()>),
}

impl Job {
    /// Whether it may share a transaction with its neighbours in the queue.
    pub(super) fn is_shared(&self) -> bool {
        match self {
            Self::Run(run) => is_shared(&run.statement),
            Self::Batch(batch) => batch.statements.iter().all(is_shared),
            Self::Transaction(transaction) => {
                !transaction.options.alone && !transaction.options.read_only
            }
            Self::Script(_) | Self::Hold(_) | Self::Wake | Self::Close => false,
            #[cfg(test)]
            Self::Panic(_) => true,
        }
    }

    /// Who waits for it.
    pub(super) fn caller(&self) -> Caller {
        match self {
            Self::Run(run) => run.caller.clone(),
            Self::Batch(batch) => batch.caller.clone(),
            Self::Script(script) => script.caller.clone(),
            Self::Transaction(transaction) | Self::Hold(transaction) => transaction.caller.clone(),
            Self::Wake | Self::Close => Caller::default(),
            #[cfg(test)]
            Self::Panic(_) => Caller::default(),
        }
    }

    /// Answers with an error.
    pub(super) fn refuse(self, error: Error) {
        // Whoever is gone does not need it.
        match self {
            Self::Run(run) => drop(run.answer.send(Err(error))),
            Self::Batch(batch) => drop(batch.answer.send(Err(error))),
            Self::Script(script) => drop(script.answer.send(Err(error))),
            Self::Transaction(transaction) | Self::Hold(transaction) => {
                drop(transaction.answer.send(Err(error)));
            }
            Self::Wake | Self::Close => {}
            #[cfg(test)]
            Self::Panic(answer) => drop(answer.send(Err(error))),
        }
    }

    /// Whether nobody waits for it any more.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Run(run) => is_left(&run.answer, &run.caller),
            Self::Batch(batch) => is_left(&batch.answer, &batch.caller),
            Self::Script(script) => is_left(&script.answer, &script.caller),
            Self::Transaction(transaction) | Self::Hold(transaction) => {
                is_left(&transaction.answer, &transaction.caller)
            }
            Self::Wake | Self::Close => false,
            #[cfg(test)]
            Self::Panic(_) => false,
        }
    }
}

fn is_left<T>(answer: &Answer<T>, caller: &Caller) -> bool {
    caller.is_given_up() || answer.is_closed()
}

/// Answers the caller of a job that has ended.
pub(super) fn answer<T>(answer: Answer<T>, caller: &Caller, result: Result<T>) {
    caller.ended(match &result {
        Ok(_) => Outcome::Applied,
        Err(error) => error.outcome(),
    });
    // Whoever is gone does not need it.
    let _ = answer.send(result);
}

/// Whether a statement may share a transaction with others: an entity's statement, or hand-written
/// SQL of a kind that neither ends a transaction nor refuses to run inside of one, as PRAGMA,
/// VACUUM or COMMIT do.
pub(super) fn is_shared(statement: &Statement) -> bool {
    const KINDS: [&str; 6] = ["SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"];
    statement.table.is_some() || begins_with(&statement.sql, &KINDS)
}

/// Whether a script may do what SQLite does not ask about before it is done, as it does before a
/// commit.
pub(super) fn is_beyond_commits(sql: &str) -> bool {
    const WORDS: [&str; 4] = ["pragma", "vacuum", "attach", "detach"];
    let sql = sql.to_ascii_lowercase();
    WORDS.iter().any(|word| sql.contains(word))
}

/// Whether a statement may fail and keep some of its changes, so that it needs a transaction to be
/// undone in.
pub(super) fn may_keep_half(statement: &Statement) -> bool {
    statement.table.is_none() && statement.sql.to_ascii_lowercase().contains("fail")
}

/// Whether a statement reads, as far as its first word tells.
pub(super) fn is_query(statement: &Statement) -> bool {
    begins_with(&statement.sql, &["SELECT"])
}

/// A statement to run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) statement: Statement,
    pub(super) caller: Caller,
    /// Where rows go while the statement runs. Only inside a transaction: outside of one, a slow
    /// reader of rows would hold up everybody's writes.
    pub(super) chunks: Option<mpsc::Sender<Chunk>>,
    pub(super) answer: Answer<Ran>,
}

/// Statements to run together.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) statements: Vec<Statement>,
    /// Which statement's turn it is; their number once all have run.
    pub(super) at: Arc<AtomicUsize>,
    pub(super) caller: Caller,
    pub(super) answer: Answer<Vec<Ran>>,
}

/// A script to run.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) sql: String,
    pub(super) caller: Caller,
    pub(super) answer: Answer<()>,
}

/// Rows to add.
#[derive(Debug)]
pub(super) struct LoadJob {
    pub(super) load: Load,
    pub(super) caller: Caller,
    pub(super) answer: Answer<u64>,
}

/// A savepoint to set or end.
#[derive(Debug)]
pub(super) struct Savepoint {
    pub(super) statements: Vec<String>,
    pub(super) answer: Answer<()>,
}

/// A transaction: once begun, the writer serves its commands until it ends or is put off.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) options: BeginOptions,
    pub(super) caller: Caller,
    /// When the other end is dropped, the transaction is rolled back.
    pub(super) commands: std::sync::mpsc::Receiver<Command>,
    pub(super) put_off: PutOff,
    /// Told when the transaction has begun.
    pub(super) answer: Answer<()>,
}

/// A step of a transaction.
#[derive(Debug)]
pub(super) enum Command {
    /// A statement.
    Run(Run),
    /// Several statements.
    Script(Script),
    /// Rows in bulk.
    Load(LoadJob),
    /// Sets or ends a savepoint.
    Savepoint(Savepoint),
    /// The end, for good; also of what holds the writer.
    Commit(End),
    /// The end, for nothing.
    Rollback(Answer<()>),
}

/// A transaction that is to be committed, and who waits for that.
#[derive(Debug)]
pub(super) struct End {
    pub(super) caller: Caller,
    pub(super) answer: Answer<()>,
}

impl End {
    pub(super) fn answer(self, result: Result<()>) {
        answer(self.answer, &self.caller, result);
    }
}

/// Says why the writer takes no more commands of a transaction. Set before the commands' channel
/// closes, so that whoever finds it closed sees it.
#[derive(Debug, Clone, Default)]
pub(super) struct PutOff(Arc<AtomicU8>);

/// It gave way to others.
const GAVE_WAY: u8 = 1;
/// Its time limit has passed.
const EXPIRED: u8 = 2;

impl PutOff {
    pub(super) fn set(&self) {
        self.0.store(GAVE_WAY, Ordering::Release);
    }

    pub(super) fn set_expired(&self) {
        self.0.store(EXPIRED, Ordering::Release);
    }

    /// The error of what the writer did not do for this reason, if there is one.
    pub(super) fn error(&self) -> Option<Error> {
        match self.0.load(Ordering::Acquire) {
            GAVE_WAY => Some(put_off()),
            EXPIRED => Some(expired()),
            _ => None,
        }
    }
}

/// The error of a transaction that the writer ended because its time was over.
fn expired() -> Error {
    Error::new(
        ErrorKind::TransactionClosed,
        "the transaction's time limit has passed, and the writer rolled it back for others to go on",
    )
    .with_hint("do less in it, or raise timeouts.transaction")
}

/// The error of a transaction that was put off.
pub(super) fn put_off() -> Error {
    Error::new(
        ErrorKind::WriteConflict,
        "the transaction gave way to its neighbours in the writer's queue and was rolled back",
    )
    .with_hint("run it again by itself")
    .with_again_alone()
}
