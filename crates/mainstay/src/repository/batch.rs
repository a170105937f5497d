//! Several writes known beforehand, sent as one.

use std::future::IntoFuture;
use std::time::Duration;

use super::foreign_key::{self, Attempt};
use super::handle::Repository;
use super::render::Table;
use super::write::{given, with_version};
use crate::clock;
use crate::database::stale::{Touched, key_text};
use crate::database::{CallOptions, Database, Executor};
use crate::driver::{Access, BoxFuture, Row, RowSink, Statement};
use crate::error::{Error, Result};
use crate::schema::filter::Condition;
use crate::schema::{Entity, Filter, Insert, Key, Patch, TableModel};
use crate::transaction::Tx;
use crate::value::Value;

/// Writes that take effect together or not at all. They run when the batch is awaited, which gives
/// the number of rows each of them changed, in order.
///
/// All of it is known beforehand, so it goes to the server in as few round trips as the engine
/// allows, and shares its commit with other batches where that pays. When a step depends on what
/// an earlier one found, use a [transaction](Database::transaction).
///
/// - Input is validated and filled in as by the repository, before any database work; an error
///   says which statement it was.
/// - A key that is not there changes nothing and counts 0, and so does a patch whose expected
///   version is not the row's. The other statements take effect all the same.
/// - After a deadlock or another conflict nothing of it took effect, and the batch is run again,
///   up to five times within its time.
/// - Inside a transaction its statements run in it, one after another, and a failure poisons it.
#[must_use = "a batch does nothing until it is awaited"]
pub struct BatchRequest {
    executor: Executor,
    options: CallOptions,
    entries: Vec<Entry>,
}

type Entry = Box<dyn FnOnce(&Executor) -> Result<Step> + Send>;

/// An entry ready to run.
struct Step {
    statement: Statement,
    /// It changes nothing, and says how many rows there are.
    counts: bool,
    /// What to look at when a foreign key refuses it and the engine does not say which.
    blame: Option<Blame>,
    /// What it may change of what is remembered.
    touched: Option<Touched>,
}

struct Blame {
    model: &'static TableModel,
    tried: Tried,
}

enum Tried {
    Write(Vec<(usize, Value)>),
    Delete(Condition),
}

impl std::fmt::Debug for BatchRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchRequest")
            .field("statements", &self.entries.len())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Starts a batch: writes that take effect together or not at all, sent as one.
    ///
    /// ```
    /// # use mainstay::{Insert, schema::ddl};
    /// # #[derive(Debug, Clone, mainstay::Entity)]
    /// # #[entity(table = "users")]
    /// # struct User {
    /// #     #[entity(key)]
    /// #     id: i64,
    /// #     #[entity(default = 0)]
    /// #     total_xp: i64,
    /// # }
    /// # #[derive(Debug, Clone, mainstay::Entity)]
    /// # #[entity(table = "progress")]
    /// # struct Progress {
    /// #     #[entity(key, auto)]
    /// #     id: uuid::Uuid,
    /// #     #[entity(references(User::id, on_delete = cascade))]
    /// #     user_id: i64,
    /// #     xp: i64,
    /// # }
    /// # #[derive(Insert)]
    /// # #[insert(Progress)]
    /// # struct NewProgress {
    /// #     user_id: i64,
    /// #     xp: i64,
    /// # }
    /// # use mainstay::{Database, Schema, config::ConfigLoader};
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let url = format!("sqlite:{}", folder.path().join("example.db").display());
    /// # let config = ConfigLoader::new().set("url", url).load()?;
    /// # let builder = Database::builder().schema(Schema::new().with::<User>().with::<Progress>());
    /// # let db = builder.create_if_missing().open(&config).await?;
    /// # for sql in ddl::create_all(db.dialect(), db.schema())? {
    /// #     db.script(sql).await?;
    /// # }
    /// # db.repository::<User>().create(User { id: 7, total_xp: 0 }).await?;
    /// let changed = db
    ///     .batch()
    ///     .update::<User>(7, [User::TOTAL_XP.increment(10)])
    ///     .create::<Progress>(NewProgress { user_id: 7, xp: 10 })
    ///     .await?;
    /// assert_eq!(changed, [1, 1]);
    /// # db.close(std::time::Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the single operations, without `NOT_FOUND`; the detail says which statement it was.
    /// `COMMIT_UNKNOWN` or an unknown [outcome](Error::outcome) when the answer was lost.
    #[doc(alias = "$transaction")]
    #[track_caller]
    pub fn batch(&self) -> BatchRequest {
        BatchRequest::new(self.into(), CallOptions::here())
    }
}

impl Tx {
    /// Starts a batch within the transaction. See [`Database::batch`].
    #[track_caller]
    pub fn batch(&self) -> BatchRequest {
        BatchRequest::new(self.into(), CallOptions::here())
    }
}

impl BatchRequest {
    fn new(executor: Executor, options: CallOptions) -> Self {
        Self {
            executor,
            options,
            entries: Vec::new(),
        }
    }

    fn entry(mut self, entry: impl FnOnce(&Executor) -> Result<Step> + Send + 'static) -> Self {
        self.entries.push(Box::new(entry));
        self
    }

    /// Makes a row, completed as by [`Repository::create`].
    pub fn create<E: Entity>(self, row: impl Insert<E> + 'static) -> Self {
        self.entry(move |executor| {
            let (columns, values) = Repository::<E>::fill_insert(executor, row.assignments())?;
            let blame = blame::<E>(executor, || {
                let given = columns.iter().copied().zip(values.iter().cloned());
                Tried::Write(given.collect())
            });
            let table = Repository::<E>::table(executor);
            let statement = table.insert_row(&columns, values, false)?;
            Ok(Step::write(statement, blame, None))
        })
    }

    /// Changes the row with a key, as [`Repository::update`] does. Counts 1, or 0 when there is no
    /// such row or it has another version than the patch expects.
    pub fn update<E: Entity>(self, key: E::Key, patch: impl Patch<E> + 'static) -> Self {
        self.entry(move |executor| {
            let table = Repository::<E>::table(executor);
            let expected = patch.expected_version();
            let assignments = Repository::<E>::prepare_update(executor, patch)?;
            if assignments.is_empty() {
                let condition = with_version::<E>(table.key_condition(key.values()), expected);
                return Step::count(&table, &condition);
            }
            let statement = table.update_by_key(&assignments, key.values(), expected, false)?;
            let blame = blame::<E>(executor, || Tried::Write(given(&assignments)));
            let touched = touched(executor, || {
                Touched::Row(E::table().name, key_text(&key.values()))
            });
            Ok(Step::write(statement, blame, touched))
        })
    }

    /// Changes all rows that a filter matches; see [`Repository::update_many`].
    pub fn update_many<E: Entity>(self, filter: Filter<E>, patch: impl Patch<E> + 'static) -> Self {
        self.entry(move |executor| {
            let table = Repository::<E>::table(executor);
            let condition = with_version::<E>(filter.condition, patch.expected_version());
            let assignments = Repository::<E>::prepare_update(executor, patch)?;
            if assignments.is_empty() {
                return Step::count(&table, &condition);
            }
            let statement = table.update(&assignments, Some(&condition), false)?;
            let blame = blame::<E>(executor, || Tried::Write(given(&assignments)));
            let touched = touched(executor, || Touched::Table(E::table().name));
            Ok(Step::write(statement, blame, touched))
        })
    }

    /// Deletes the row with a key. Counts 1, or 0 when there is no such row.
    pub fn delete<E: Entity>(self, key: E::Key) -> Self {
        self.entry(move |executor| {
            let table = Repository::<E>::table(executor);
            let statement = table.delete_by_key(key.values(), false)?;
            let blame = blame::<E>(executor, || {
                Tried::Delete(table.key_condition(key.values()))
            });
            let touched = touched(executor, || {
                Touched::Deleted(E::table().name, key_text(&key.values()))
            });
            Ok(Step::write(statement, blame, touched))
        })
    }

    /// Deletes all rows that a filter matches; see [`Repository::delete_many`].
    pub fn delete_many<E: Entity>(self, filter: Filter<E>) -> Self {
        self.entry(move |executor| {
            let table = Repository::<E>::table(executor);
            let statement = table.delete(Some(&filter.condition), false)?;
            let blame = blame::<E>(executor, || Tried::Delete(filter.condition));
            let touched = touched(executor, || Touched::DeletedFrom(E::table().name));
            Ok(Step::write(statement, blame, touched))
        })
    }

    /// Adds a statement written by hand, its placeholders `?` as in [`Database::sql`]. It must be
    /// one that takes part in transactions: DDL commits by itself on some engines.
    pub fn sql(self, text: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Self {
        let (text, values) = (text.into(), values.into_iter().collect::<Vec<_>>());
        self.entry(move |executor| {
            let statement = Statement::raw(executor.dialect(), &text, values, Access::Write)?;
            let touched = touched(executor, || Touched::Sql(text.as_str().into()));
            Ok(Step::write(statement, None, touched))
        })
    }

    /// Tries the call once: a conflict or an outage is told at once.
    pub fn no_retry(mut self) -> Self {
        self.options.retry = false;
        self
    }

    /// The longest the batch may take, waiting for a connection and repetitions included.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.options.timeout = Some(limit);
        self
    }

    /// How many statements it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    async fn run(mut self) -> Result<Vec<u64>> {
        self.options.until = self.options.timeout.map(clock::after);
        let Self {
            executor,
            options,
            entries,
        } = self;
        let count = entries.len();
        let mut statements = Vec::with_capacity(count);
        let mut blames = Vec::with_capacity(count);
        let mut sink = Counts::default();
        let mut touching = Vec::new();
        if !executor.shared().stale.is_used() {
            touching.push(executor.touching(|| Touched::All));
        }
        for (position, entry) in entries.into_iter().enumerate() {
            let step = entry(&executor).map_err(|error| error.at_statement(position, count))?;
            sink.counted.push(step.counts.then_some(0));
            touching.extend(step.touched.map(|what| executor.touching(|| what)));
            blames.push(step.blame);
            statements.push(step.statement);
        }
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let tables: Vec<_> = statements.iter().map(|statement| statement.table).collect();
        let result = match &executor {
            Executor::Database(db) => {
                let needs_rows = sink.counted.iter().any(Option::is_some);
                db.run_joined(statements, needs_rows, &mut sink, &options)
                    .await
            }
            Executor::Transaction(tx) => tx.run_batch(statements, &mut sink, &options).await,
            Executor::Exclusive(_) => Err(Executor::not_together()),
        };
        match result {
            Ok(all) => Ok(all
                .iter()
                .zip(&sink.counted)
                .map(|(done, counted)| counted.unwrap_or(done.rows))
                .collect()),
            Err(error) => {
                let at = sink.at;
                let blame = blames.get(at).and_then(Option::as_ref);
                Err(
                    name_foreign_key(&executor, error, blame, &tables[..at.min(count)], &options)
                        .await,
                )
            }
        }
    }
}

impl IntoFuture for BatchRequest {
    type Output = Result<Vec<u64>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl Step {
    fn write(statement: Statement, blame: Option<Blame>, touched: Option<Touched>) -> Self {
        Self {
            statement,
            counts: false,
            blame,
            touched,
        }
    }

    /// A patch that changes nothing: how many rows it would have changed.
    fn count(table: &Table<'_>, condition: &Condition) -> Result<Self> {
        Ok(Self {
            statement: table.count(Some(condition))?,
            counts: true,
            blame: None,
            touched: None,
        })
    }
}

/// Told only when anything is remembered; until then a batch is one write of unknown effect.
fn touched(executor: &Executor, what: impl FnOnce() -> Touched) -> Option<Touched> {
    executor.shared().stale.is_used().then(what)
}

/// Kept only where the engine does not name foreign keys by itself.
fn blame<E: Entity>(executor: &Executor, tried: impl FnOnce() -> Tried) -> Option<Blame> {
    (!executor.capabilities().names_foreign_keys).then(|| Blame {
        model: E::table(),
        tried: tried(),
    })
}

/// Names the foreign key that refused a statement. `before` are the tables of the statements
/// before it: outside a transaction they are undone by now, so that a row they made or removed
/// would be taken for missing or present. Rather no name than a wrong one.
async fn name_foreign_key(
    executor: &Executor,
    error: Error,
    blame: Option<&Blame>,
    before: &[Option<&'static str>],
    options: &CallOptions,
) -> Error {
    let Some(blame) = blame else { return error };
    let undone = matches!(executor, Executor::Database(_));
    let model = blame.model;
    let (attempt, sees) = match &blame.tried {
        Tried::Write(values) => {
            let parents = model.foreign_keys.iter().map(|key| key.references);
            (Attempt::Write(values), parents.collect::<Vec<_>>())
        }
        Tried::Delete(condition) => {
            let schema = &executor.shared().schema;
            let children = schema.referring_to(model.name);
            let children = children.map(|(child, _)| child.name);
            (
                Attempt::Delete(condition),
                children.chain([model.name]).collect(),
            )
        }
    };
    let changed = before
        .iter()
        .any(|table| table.is_none_or(|table| sees.contains(&table)));
    if undone && changed {
        return error;
    }
    foreign_key::name(executor, model, error, attempt, options).await
}

/// Takes the counts of statements that only count, and remembers whose turn it is.
#[derive(Debug, Default)]
struct Counts {
    at: usize,
    counted: Vec<Option<u64>>,
}

impl RowSink for Counts {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        if let Some(Some(count)) = self.counted.get_mut(self.at) {
            *count = row.get::<i64>(0)?.unsigned_abs();
        }
        Ok(())
    }

    fn statement(&mut self, index: usize) {
        self.at = index;
    }

    fn restart(&mut self) -> bool {
        // A statement that counts writes over what it counted.
        true
    }
}
