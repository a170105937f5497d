//! Putting a restored database in the place of the old one.
//!
//! - `mod.rs`: the steps, and how an interrupted swap is brought to its end
//! - `journal`: what is written down before anything is changed
//! - `objects`: triggers, views, events and routines, which do not move with tables
//! - `plan`: the statements; pure
//! - `way`: what forbids a swap
//!
//! The server cannot rename a database. All tables of both are renamed by one statement, which
//! takes effect as a whole or not at all, also when the server dies in it. What does not move with
//! tables is read before, from both databases, written into a journal in the new one, and made
//! again behind. So there is one moment before which the old database stands under its name and
//! after which the new one does, and whoever comes later knows from where the tables are which it
//! was: before, the triggers of the old one are made again; after, what is missing is made.

pub(super) mod journal;
mod objects;
mod plan;
mod way;

use std::time::Duration;

use mainstay::database::Exclusive;
use mainstay::{Database, Error, ErrorKind, Result};
use tokio::task::spawn_blocking;

use self::journal::Journal;
use super::server::{self, Defaults};
use super::{MySql, close, names, place, programs, quote};
use crate::engine::{Place, Swapped};

/// How long another swap, or what is left of one on the server, is waited for.
const TURN: Duration = Duration::from_secs(20);

impl MySql {
    /// Puts the database of `place` under the name of the old one, which is kept as
    /// `NAME_before_restore_TIME`. Where there is none, nothing is kept.
    ///
    /// Killed at any point, the old database stands, but perhaps for its triggers and events, or
    /// the new one does, but perhaps for what it has beside tables; [`recover`](Self::recover) then
    /// brings it to its end.
    ///
    /// # Errors
    /// `WRITE_CONFLICT` naming the sessions that use the database, unless forced; `UNSUPPORTED` when
    /// foreign keys of other databases refer to it; those of connecting and of the statements. Then
    /// the old database is as it was.
    pub(crate) async fn swap(&self, place: Place) -> Result<Swapped> {
        self.check_place(&place.name)?;
        self.recover().await?;
        let me = self.clone();
        let swapped = self
            .in_turn(move |held| async move {
                place.check().await?;
                me.exchange(held, place.name).await
            })
            .await;
        swapped.map_err(|error| programs::hinted(error, place::RIGHTS))
    }

    /// Brings a swap to its end that was interrupted, if there is one, and says in words what was
    /// done.
    ///
    /// # Errors
    /// Those of connecting and of the statements.
    pub(crate) async fn recover(&self) -> Result<Option<String>> {
        let me = self.clone();
        let done = self
            .in_turn(move |held| async move {
                let mut done = None;
                while let Some(journal) = journal::find(held.database(), &me.name).await? {
                    done = Some(me.bring_to_end(&held, &journal).await?);
                }
                Ok(done)
            })
            .await?;
        if let Some(done) = &done {
            tracing::warn!(target: "mainstay::backup", "{done}");
        }
        Ok(done)
    }

    /// Runs a closure while no other swap of this database is under way, on a connection of its own.
    async fn in_turn<T, F, Fut>(&self, work: F) -> Result<T>
    where
        F: FnOnce(Exclusive) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let db = self.connect().await?;
        // The longest that a name of a lock can be on MySQL is 64 characters.
        let hash = blake3::hash(self.name.as_bytes()).to_hex();
        let lock = format!("mainstay_swap_{}", &hash[..16]);
        let name = self.name.clone();
        let result = db
            .exclusive(move |held| async move {
                let got: Option<i64> = held
                    .sql("SELECT GET_LOCK(?, ?)")
                    .bind(lock.clone())
                    .bind(TURN.as_secs() as i64)
                    .scalar()
                    .await?;
                if got != Some(1) {
                    return Err(Error::new(
                        ErrorKind::WriteConflict,
                        format!("another swap of {name} is under way"),
                    )
                    .with_hint("wait for its end; SHOW PROCESSLIST shows who holds the lock"));
                }
                let done = work(held.clone()).await;
                // It ends with the connection too.
                let _ = held
                    .sql("SELECT RELEASE_LOCK(?)")
                    .bind(lock)
                    .scalar::<Option<i64>>()
                    .await;
                done
            })
            .await;
        close(db).await;
        result
    }

    async fn exchange(self, held: Exclusive, new: String) -> Result<Swapped> {
        let db = held.database().clone();
        let Some(new_defaults) = server::defaults(&db, &new).await? else {
            return Err(Error::new(
                ErrorKind::DatabaseMissing,
                format!("the restored database {new} is gone"),
            ));
        };
        let old_defaults = server::defaults(&db, &self.name).await?;
        if old_defaults.is_some() {
            self.clear_the_way(&held).await?;
        }
        let journal = self.prepare(&held, &new, old_defaults.as_ref()).await?;
        self.step("written down");
        if let Err(error) = self
            .turn_over(
                &held,
                &journal,
                old_defaults.as_ref().unwrap_or(&new_defaults),
            )
            .await
        {
            // The connection may be gone with the reason. What is left is found by the next run.
            if let Err(second) = self.go_back(&held, &journal).await {
                tracing::warn!(
                    target: "mainstay::backup", error = %second,
                    "the swap was not brought to its end; the next run does so"
                );
            }
            return Err(error);
        }
        self.step("moved");
        self.finish(&held, &journal).await?;
        Ok(Swapped {
            removal: journal.kept.as_deref().map(plan::removal),
            kept: journal.kept,
        })
    }

    /// Reads what does not move with tables, and writes all of it down. Changes
    /// neither database.
    async fn prepare(
        &self,
        held: &Exclusive,
        new: &str,
        old: Option<&Defaults>,
    ) -> Result<Journal> {
        let db = held.database();
        if old.is_some() {
            self.check_definers(db).await?;
        }
        let (old_tables, old_objects) = match old {
            Some(_) => (
                objects::tables(db, &self.name).await?,
                self.objects(&self.name).await?,
            ),
            None => (Vec::new(), Vec::new()),
        };
        let mut new_tables = objects::tables(db, new).await?;
        new_tables.retain(|table| table != journal::TABLE);
        let kept = match old {
            Some(_) => Some(self.name_kept(db).await?),
            None => None,
        };
        let journal = Journal {
            old: self.name.clone(),
            new: new.to_owned(),
            kept,
            old_tables,
            new_tables,
            old_objects,
            new_objects: self.objects(new).await?,
        };
        journal.write(held).await?;
        Ok(journal)
    }

    /// A name for the database in which the old one is kept, that none has.
    async fn name_kept(&self, db: &Database) -> Result<String> {
        let now = self.clock.now();
        let mut again = 0;
        loop {
            let name = names::kept(&self.name, now, again);
            if server::defaults(db, &name).await?.is_none() {
                return Ok(name);
            }
            again += 1;
        }
    }

    /// From what is written down up to the moment at which the new database stands.
    async fn turn_over(
        &self,
        held: &Exclusive,
        journal: &Journal,
        defaults: &Defaults,
    ) -> Result<()> {
        let db = held.database();
        let empty = quote(journal.kept.as_ref().unwrap_or(&journal.old));
        held.script(format!("CREATE DATABASE {empty} {}", defaults.clause()))
            .await?;
        // Otherwise a day.
        held.script("SET SESSION lock_wait_timeout = 30").await?;
        for database in [&journal.old, &journal.new] {
            for event in server::events(db, database).await? {
                held.script(plan::drop_object("EVENT", database, &event))
                    .await?;
            }
            for trigger in server::triggers(db, database).await? {
                held.script(plan::drop_object("TRIGGER", database, &trigger))
                    .await?;
            }
            self.step("without triggers");
        }
        match plan::rename(journal) {
            Some(rename) => held.script(rename).await,
            None => Ok(()),
        }
    }

    /// Everything behind that moment. Can be done again.
    async fn finish(&self, held: &Exclusive, journal: &Journal) -> Result<()> {
        let db = held.database();
        objects::drop_all(held, &journal.old).await?;
        self.step("without views");
        self.make_again(&journal.old, &journal.new_objects).await?;
        // They were put to sleep when they were restored.
        for event in server::events_in(db, &journal.old, "SLAVESIDE_DISABLED").await? {
            let name = format!("{}.{}", quote(&journal.old), quote(&event));
            held.script(format!("ALTER EVENT {name} ENABLE")).await?;
        }
        self.step("made again");
        if let Some(kept) = &journal.kept {
            self.make_again(kept, &journal.old_objects).await?;
            // Kept as it was, but it is not to do anything by itself.
            for event in server::events(db, kept).await? {
                let name = format!("{}.{}", quote(kept), quote(&event));
                held.script(format!("ALTER EVENT {name} DISABLE")).await?;
            }
        }
        if let Some(defaults) = server::defaults(db, &journal.new).await? {
            let (old, clause) = (quote(&journal.old), defaults.clause());
            held.script(format!("ALTER DATABASE {old} {clause}"))
                .await?;
        }
        self.step("all but removed");
        held.script(format!("DROP DATABASE {}", quote(&journal.new)))
            .await
    }

    /// Brings a swap to its end that another process began: forward if tables have moved, back
    /// otherwise.
    async fn bring_to_end(&self, held: &Exclusive, journal: &Journal) -> Result<String> {
        let db = held.database();
        let (old, new) = (&journal.old, &journal.new);
        let at = self.whereabouts(db, journal).await?;
        if at.has_moved && server::defaults(db, old).await?.is_some() {
            if let Some(rename) = plan::rename(&at.left) {
                held.script(rename).await?;
            }
            self.finish(held, journal).await?;
            let kept = match &journal.kept {
                Some(kept) => format!(", and the old one is kept as {kept}"),
                None => String::new(),
            };
            return Ok(format!(
                "a swap of {old} that was interrupted is done: it is what was restored{kept}"
            ));
        }
        self.go_back(held, journal).await?;
        held.script(format!("DROP DATABASE {}", quote(new))).await?;
        Ok(format!(
            "a swap of {old} that was interrupted is undone: it is what it was before, and what was \
             to take its place is removed; restore again"
        ))
    }

    /// Undoes what was done before tables moved; the restored database stays, as it was.
    async fn go_back(&self, held: &Exclusive, journal: &Journal) -> Result<()> {
        let db = held.database();
        if self.whereabouts(db, journal).await?.has_moved {
            return Err(Error::new(
                ErrorKind::Unexpected,
                "tables have moved, although the server said they have not",
            ));
        }
        match &journal.kept {
            Some(kept) => {
                self.make_again(&journal.old, &journal.old_objects).await?;
                drop_if_empty(held, db, kept).await?;
            }
            None => drop_if_empty(held, db, &journal.old).await?,
        }
        self.make_again(&journal.new, &journal.new_objects).await?;
        // The last: without it nobody knows of the swap any more.
        let (new, table) = (quote(&journal.new), quote(journal::TABLE));
        held.script(format!("DROP TABLE {new}.{table}")).await
    }

    /// Where the tables of a swap are.
    async fn whereabouts(&self, db: &Database, journal: &Journal) -> Result<Whereabouts> {
        let mut left = journal.clone();
        let in_new = objects::tables(db, &journal.new).await?;
        left.new_tables.retain(|table| in_new.contains(table));
        if let Some(kept) = &journal.kept {
            let in_kept = objects::tables(db, kept).await?;
            left.old_tables.retain(|table| !in_kept.contains(table));
        }
        let is_there_any = !(journal.old_tables.is_empty() && journal.new_tables.is_empty());
        Ok(Whereabouts {
            has_moved: is_there_any && left != *journal,
            left,
        })
    }

    /// Between two steps of a swap: where tests kill the process.
    #[allow(clippy::unused_self, reason = "used in tests")]
    fn step(&self, _name: &'static str) {
        #[cfg(test)]
        super::tests::kill_at(_name);
    }

    async fn objects(&self, database: &str) -> Result<Vec<u8>> {
        let (me, database) = (self.clone(), database.to_owned());
        spawn_blocking(move || me.read_objects(&database))
            .await
            .map_err(Error::unexpected)?
    }

    async fn make_again(&self, database: &str, objects: &[u8]) -> Result<()> {
        let (me, database, objects) = (self.clone(), database.to_owned(), objects.to_vec());
        spawn_blocking(move || {
            me.apply(
                &database,
                &mut objects.as_slice(),
                &crate::control::Control::new(),
            )
        })
        .await
        .map_err(Error::unexpected)?
    }
}

/// Where the tables of a swap are.
#[derive(Debug)]
struct Whereabouts {
    /// Whether the statement that moves them took effect.
    has_moved: bool,
    /// What it left, if it took effect in part after all.
    left: Journal,
}

/// Drops a database that was made for a swap, unless there is something in it after all.
async fn drop_if_empty(held: &Exclusive, db: &Database, name: &str) -> Result<()> {
    if server::defaults(db, name).await?.is_some() && server::items(db, name).await?.is_empty() {
        held.script(format!("DROP DATABASE {}", quote(name)))
            .await?;
    }
    Ok(())
}
