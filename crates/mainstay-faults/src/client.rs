//! What the load needs of a database layer, so that another one can be put in its place.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use mainstay_testkit::Engine;
use uuid::Uuid;

use crate::ledger::{Kind, Told};

/// A call under way.
pub type Call<T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send>>;

/// A handle that is being opened or closed. What goes wrong is told as a text.
pub type Handling<T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send>>;

/// What a caller learns from an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A short name, under which the report counts it.
    pub code: String,
    /// What the caller knows of the outcome.
    pub told: Told,
}

/// An amount that moves, and the line in the journal that says so.
#[derive(Debug, Clone, Copy)]
pub struct Transfer {
    /// Names the transfer in the journal.
    pub op: Uuid,
    /// The account that gives.
    pub source: i64,
    /// The account that takes.
    pub target: i64,
    /// How much.
    pub amount: i64,
    /// Reads both balances and writes the new ones, at SERIALIZABLE, instead of counting up.
    pub serializable: bool,
}

/// How long things may take, as the layer is told. The harness holds it to the first two.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A call of one statement, with the wait for a connection.
    pub statement: Duration,
    /// A transaction, with the wait for a connection.
    pub transaction: Duration,
    /// The wait for a connection.
    pub acquire: Duration,
    /// Making a connection.
    pub connect: Duration,
}

impl Limits {
    pub(crate) fn of(self, kind: Kind) -> Duration {
        match kind {
            Kind::Transfer => self.transaction,
            _ => self.statement,
        }
    }
}

/// Connections on loan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// How many are open.
    pub open: usize,
    /// How many of them are not idle.
    pub busy: usize,
    /// How many callers wait for one, where the layer says so.
    pub waiting: usize,
    /// Who has them, a line each, where the layer says so.
    pub holders: Vec<String>,
}

/// A database layer as an application calls it: an open handle.
pub trait Client: Debug + Send + Sync + 'static {
    /// How long its calls may take.
    fn limits(&self) -> Limits;
    /// Version and number of changes of an item.
    fn read(&self, id: Uuid) -> Call<Option<(i64, i64)>>;
    /// Makes an item of version 0 and returns its key.
    fn create(&self, op: Uuid, note: String) -> Call<Uuid>;
    /// Makes an event, with a key of the database's making.
    fn append(&self, op: Uuid) -> Call<()>;
    /// Sets the version and counts the change.
    fn update(&self, id: Uuid, version: i64) -> Call<()>;
    /// Takes an item away.
    fn delete(&self, id: Uuid) -> Call<()>;
    /// Moves an amount, in one transaction.
    fn transfer(&self, transfer: Transfer) -> Call<()>;
    /// Begins a transaction, adds the amount to the source, sets `begun`, and then waits for ever,
    /// or until the limit of a transaction ends it. It never commits.
    fn hold(&self, transfer: Transfer, begun: Arc<AtomicBool>) -> Call<()>;
    /// Connections on loan now.
    fn held(&self) -> Held;
    /// Closes the handle, with this long for what is under way.
    fn close(&self, limit: Duration) -> Handling<()>;
    /// Further facts for the report.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Where the tables are, and how the handle is to be set.
#[derive(Debug, Clone)]
pub struct Target {
    /// What kind of database it is.
    pub engine: Engine,
    /// Its address. That of a file begins with `sqlite:`.
    pub url: String,
    /// Connections at most.
    pub pool_max: u32,
    /// How long things may take.
    pub limits: Limits,
    /// For layers whose randomness is a parameter.
    pub(crate) seed: u64,
    /// Whether Mainstay's transactions use its ledger.
    pub(crate) ledger: bool,
    /// Further settings of Mainstay.
    pub(crate) settings: &'static [(&'static str, &'static str)],
}

/// A database layer the suite can be pointed at.
pub trait Layer: Debug + Send + Sync + 'static {
    /// Its name in the table.
    fn name(&self) -> &'static str;
    /// Whether it knows this kind of database.
    fn knows(&self, engine: Engine) -> bool;
    /// Opens a handle on a database in which the tables are.
    fn open(&self, target: Target) -> Handling<Arc<dyn Client>>;
}
