//! The course of a rehearsal: to where it begins, up, down, and up again.

use std::sync::Arc;

use mainstay::{Database, Error, ErrorKind, Result};
use tokio::time::Instant;

use super::engine::{self, LockQuery};
use super::fill::fill;
use super::measure::{Differences, Measure, compare, measure};
use super::report::{Rehearsal, TableState, TableStates, Way};
use super::touched::Touched;
use super::watch::{Record, Watch, lock_query};
use super::{Options, Start};
use crate::catalog::{self, Catalog};
use crate::diff::{self, describe};
use crate::plan::{Goal, NOTHING, Plan};
use crate::runner::{self, migrate_with, planned};
use crate::status::{MigrationState, status};
use crate::{MigrationSet, progress::Progress};

/// Rehearses migrations in a database in which everything may be changed and lost.
///
/// An error of a migration is part of what the rehearsal came to, and ends it.
///
/// ```no_run
/// # use mainstay::{Database, Result};
/// # use mainstay_migrate::MigrationSet;
/// # use mainstay_migrate::rehearse::{Options, rehearse};
/// # async fn example(copy: Database, set: MigrationSet) -> Result<()> {
/// let options = Options {
///     rows: [("goals".to_owned(), 1_000_000)].into(),
///     ..Options::default()
/// };
/// let found = rehearse(&copy, &set, &options).await?;
/// assert!(found.is_good(), "{}", found.text());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `CONFIGURATION_ERROR` when the set is wrong or does not fit the database, when nothing is to be
/// rehearsed, when a table is to have rows that there is not, and when no rows can be made for it;
/// the errors of reading and filling.
pub async fn rehearse(db: &Database, set: &MigrationSet, options: &Options) -> Result<Rehearsal> {
    set.check()?;
    let mut course = Course {
        db,
        set,
        options,
        locks: lock_query(db).await?,
        out: Rehearsal {
            engine: db.dialect().name(),
            server: server(db).await?,
            migrations: Vec::new(),
            filled: Vec::new(),
            ways: Vec::new(),
            limit: options.limit,
            tables: Vec::new(),
            locks_from: None,
            remarks: Vec::new(),
            failures: Vec::new(),
        },
    };
    course.out.locks_from = course.locks.map(|query| query.what);
    course.run().await?;
    Ok(course.out)
}

/// What the server says of its version.
async fn server(db: &Database) -> Result<String> {
    db.sql(engine::version(db.dialect())).scalar().await
}

struct Course<'a> {
    db: &'a Database,
    set: &'a MigrationSet,
    options: &'a Options,
    locks: Option<&'static LockQuery>,
    out: Rehearsal,
}

impl Course<'_> {
    fn tell(&self, what: &str) {
        if let Some(tell) = &self.options.tell {
            tell(what);
        }
    }

    async fn run(&mut self) -> Result<()> {
        let keep = self.begin().await?;
        let plan = planned(self.db, self.set, &Goal::Up).await?;
        if plan.is_empty() {
            return Err(Error::new(
                ErrorKind::Configuration,
                "there is nothing to rehearse: all migrations are applied in the copy",
            )
            .with_hint("name the first that is to be rehearsed, or rehearse all"));
        }
        self.out.migrations = plan.steps.iter().map(crate::plan::Step::label).collect();
        let touched = Touched::by(self.db.dialect(), &plan);

        let start = catalog::read(self.db).await?;
        self.fill(&start).await?;
        let before = self.measure("before", &start, &start).await?;

        if !self.take("up", Goal::Up).await? {
            return Ok(());
        }
        let up = catalog::read(self.db).await?;
        self.know_tables(&start, &up)?;
        let after_up = self.measure("up", &up, &start).await?;
        self.compared(compare(&before, &after_up, &touched, "after the way up"));
        // Tables that the migrations make are filled now, so that the way down has work to do.
        let (mut reference, mut above) = (before, after_up);
        if self.fill(&up).await? {
            above = measure(self.db, &up, Some(&start)).await?;
            reference.clone_from(&above);
        }

        if !self.may_go_down(&keep).await? || !self.take("down", Goal::DownTo(keep)).await? {
            return Ok(());
        }
        let down = catalog::read(self.db).await?;
        self.same_schema((&start, "the schema before"), &down, "going up and down");
        let after_down = self.measure("down", &down, &start).await?;
        let found = compare(&reference, &after_down, &touched, "after going up and down");
        let lost = !found.lost.is_empty();
        self.compared(found);

        if !self.take("up again", Goal::Up).await? {
            return Ok(());
        }
        let again = catalog::read(self.db).await?;
        let when = "going up, down and up again";
        self.same_schema((&up, "the schema after going up"), &again, when);
        let after_again = self.measure("up again", &again, &start).await?;
        // What was lost on the way down is no news.
        if !lost {
            let when = "after going up, down and up again";
            self.compared(compare(&above, &after_again, &touched, when));
        }
        Ok(())
    }

    /// Brings the copy to where the rehearsal begins, and says which version that is.
    async fn begin(&self) -> Result<String> {
        let versions: Vec<String> = self
            .set
            .migrations()
            .iter()
            .map(|migration| migration.version.to_owned())
            .collect();
        let first = match &self.options.start {
            Start::Pending => None,
            Start::First => Some(0),
            Start::Version(version) => {
                let found = versions.iter().position(|known| known == version);
                Some(found.ok_or_else(|| {
                    Error::new(
                        ErrorKind::Configuration,
                        format!("there is no migration of version {version:?}"),
                    )
                    .with_hint("name one of those that the status shows, by its 14 digits")
                })?)
            }
        };
        let Some(first) = first else {
            let found = status(self.db, self.set).await?;
            let applied = found.migrations.iter().rev().find(|migration| {
                let is_here = self.set.get(&migration.version).is_some();
                is_here && migration.state == MigrationState::Applied
            });
            let newest = applied.map(|migration| migration.version.clone());
            return Ok(newest.unwrap_or_else(|| NOTHING.to_owned()));
        };
        let keep = match first.checked_sub(1) {
            Some(before) => versions[before].clone(),
            None => NOTHING.to_owned(),
        };
        let down = Goal::DownTo(keep.clone());
        if !planned(self.db, self.set, &down).await?.is_empty() {
            self.tell("undoing what is to be rehearsed");
            self.migrate(down, None).await?;
        }
        if keep != NOTHING {
            let up = Goal::UpTo(keep.clone());
            if !planned(self.db, self.set, &up).await?.is_empty() {
                self.tell("applying what comes before");
                self.migrate(up, None).await?;
            }
        }
        Ok(keep)
    }

    async fn migrate(&self, goal: Goal, progress: Option<Arc<dyn Progress>>) -> Result<()> {
        let options = runner::Options {
            timeout: self.options.timeout,
            goal,
            progress,
        };
        migrate_with(self.db, self.set, options).await?;
        Ok(())
    }

    /// Fills the tables of a catalog that are to have more rows. Says whether any was.
    async fn fill(&mut self, catalog: &Catalog) -> Result<bool> {
        let rows = &self.options.rows;
        let tell = |what: &str| self.tell(what);
        let filled = fill(self.db, catalog, rows, self.options.seed, &tell).await?;
        let any = !filled.is_empty();
        self.out.filled.extend(filled);
        Ok(any)
    }

    /// Refuses tables that are to be filled and are not there, before or after the way up.
    fn know_tables(&self, start: &Catalog, up: &Catalog) -> Result<()> {
        let mut asked = self.options.rows.keys();
        let missing = asked.find(|name| start.table(name).is_none() && up.table(name).is_none());
        match missing {
            None => Ok(()),
            Some(name) => Err(Error::new(
                ErrorKind::Configuration,
                format!("there is no table {name} to be filled with rows"),
            )
            .with_hint("name tables as the database does")),
        }
    }

    /// Measures what a catalog has in common with the one at the start, and writes it down.
    async fn measure(
        &mut self,
        when: &'static str,
        catalog: &Catalog,
        start: &Catalog,
    ) -> Result<Measure> {
        self.tell(&format!("measuring what is there: {when}"));
        let measured = measure(self.db, catalog, Some(start)).await?;
        for (name, found) in &measured.tables {
            let state = TableState {
                when,
                rows: found.rows,
                checksum: found.checksum(),
            };
            match self.out.tables.iter_mut().find(|one| one.table == *name) {
                Some(table) => table.states.push(state),
                None => self.out.tables.push(TableStates {
                    table: name.clone(),
                    states: vec![state],
                }),
            }
        }
        Ok(measured)
    }

    fn compared(&mut self, found: Differences) {
        self.out.failures.extend(found.lost);
        for remark in found.remarks {
            if !self.out.remarks.contains(&remark) {
                self.out.remarks.push(remark);
            }
        }
    }

    /// Takes a way and writes down what was seen. Says whether it was taken to its end.
    async fn take(&mut self, name: &'static str, goal: Goal) -> Result<bool> {
        self.tell(&format!("going {name}"));
        let record = Record::new(self.options.progress.clone());
        let watch = self
            .locks
            .map(|query| Watch::begin(self.db, query, &record));
        let progress: Arc<dyn Progress> = Arc::clone(&record) as Arc<dyn Progress>;
        let started = Instant::now();
        let taken = self.migrate(goal, Some(progress)).await;
        let took = started.elapsed();
        drop(watch);
        self.out.ways.push(Way {
            name,
            took,
            statements: record.statements(),
        });
        if took > self.options.limit {
            self.out.failures.push(format!(
                "the way {name} took {took:.1?}, which is more than {:.1?}",
                self.options.limit
            ));
        }
        let Err(error) = taken else {
            return Ok(true);
        };
        let hint = error.hint().map(|hint| format!(" ({hint})"));
        self.out.failures.push(format!(
            "the way {name} failed: {}{}",
            error.detail(),
            hint.unwrap_or_default()
        ));
        Ok(false)
    }

    /// Whether there is a way down at all, for which there may be none on purpose.
    async fn may_go_down(&mut self, keep: &str) -> Result<bool> {
        let goal = Goal::DownTo(keep.to_owned());
        let plan: Result<Plan> = planned(self.db, self.set, &goal).await;
        match plan {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Configuration => {
                let what = error.detail();
                self.out
                    .remarks
                    .push(format!("only the way up was taken: {what}"));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes down how two schemas differ that must not.
    fn same_schema(&mut self, (wanted, name): (&Catalog, &str), found: &Catalog, when: &str) {
        if wanted == found {
            return;
        }
        let now = format!("the one after {when}");
        let words = |change: &diff::Change| describe(change, name, &now);
        let changes = diff::compare(wanted, found);
        if changes.is_empty() {
            // It is the same to whoever names its columns.
            let order = diff::compare_order(wanted, found);
            self.out.remarks.extend(order.iter().map(words));
            return;
        }
        self.out.failures.extend(changes.iter().map(words));
    }
}
