//! The database that is restored to, and those that were left over.
//!
//! A place is known by its name, and that it is in use by a lock of the server named by it, which the
//! restore holds (see `hold`).

use std::sync::Arc;

use mainstay::database::Exclusive;
use mainstay::{Error, ErrorKind, Result};

use super::server::{self, Defaults};
use super::swap::journal;
use super::{MySql, close, names, quote};
use crate::engine::Place;
use crate::engine::hold::{self, Hold, Lock};

/// What the user must be allowed to do.
pub(super) const RIGHTS: &str = "the user needs CREATE, DROP, ALTER and all that tables, views, \
    triggers, events and routines need, on databases whose names begin like this one's: GRANT ALL \
    ON `name%`.* TO ...";

impl MySql {
    /// Makes an empty database beside the one that is restored. Before, a swap that was
    /// interrupted is brought to its end.
    ///
    /// # Errors
    /// `ACCESS_DENIED` when the user may not make databases; those of connecting, and of ending an
    /// earlier swap.
    pub(crate) async fn place(&self) -> Result<Place> {
        self.recover().await?;
        let name = names::place(&self.name, self.clock.now(), self.entropy.as_ref());
        let hold = Hold::take(self.connect().await?, lock(&name)).await?;
        let hold = hold.ok_or_else(|| {
            Error::new(
                ErrorKind::WriteConflict,
                format!("another restore has the name {name}"),
            )
            .with_hint("restore again")
        })?;
        if let Err(error) = self.make(&name).await {
            hold.release().await;
            return Err(super::programs::hinted(error, RIGHTS));
        }
        let mut config = self.config.clone();
        config.url = config.url.with_database(&name);
        Ok(Place {
            config,
            name,
            hold: Some(Arc::new(hold)),
        })
    }

    async fn make(&self, name: &str) -> Result<()> {
        let db = self.connect().await?;
        let made = async {
            let defaults = server::defaults(&db, &self.name).await?;
            let defaults = defaults.unwrap_or_else(|| Defaults::usual(db.dialect()));
            let sql = format!("CREATE DATABASE {} {}", quote(name), defaults.clause());
            db.script(sql).await
        };
        let made = made.await;
        close(db).await;
        made
    }

    /// Drops the places of restores that were killed, of whichever database of this server, and names
    /// them. Before, a swap of this database that was interrupted is brought to its end; those of
    /// others are left to their next restore. What may not be dropped is told, and left.
    ///
    /// # Errors
    /// Those of connecting and asking, and of ending an earlier swap.
    pub(crate) async fn clear_leftovers(&self) -> Result<Vec<String>> {
        self.recover().await?;
        let db = self.connect().await?;
        let cleared = db
            .exclusive(|held| async move {
                let found = server::databases(held.database()).await?;
                let mut removed = Vec::new();
                for name in found.into_iter().filter(|name| names::is_place(name)) {
                    let outcome = clear(&held, &name).await;
                    removed.extend(hold::cleared(name, outcome));
                }
                Ok(removed)
            })
            .await;
        close(db).await;
        cleared
    }

    /// Claims the log for one who follows it into a target. `None` if somebody has it.
    ///
    /// # Errors
    /// Those of connecting and asking.
    pub(crate) async fn claim(&self, target: &str) -> Result<Option<Hold>> {
        let lock = lock(&format!("log of {} in {target}", self.name));
        Hold::take(self.connect().await?, lock).await
    }

    /// Drops the database that was made by [`place`](Self::place), with all that is in it.
    ///
    /// # Errors
    /// `UNEXPECTED_ERROR` for a database that was not made so; those of connecting and dropping.
    pub(crate) async fn discard(&self, place: Place) -> Result<()> {
        self.check_place(&place.name)?;
        let db = self.connect().await?;
        let sql = format!("DROP DATABASE IF EXISTS {}", quote(&place.name));
        let dropped = db.script(sql).await;
        close(db).await;
        place.release().await;
        dropped
    }

    /// Refuses a database that was not made for this restore, whatever the caller thinks.
    pub(super) fn check_place(&self, name: &str) -> Result<()> {
        if names::is_place_of(name, &self.name) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unexpected,
            format!("{name} was not made to restore {} to", self.name),
        ))
    }
}

/// Drops one place, unless it is in use, or a swap was interrupted that it is needed for.
async fn clear(held: &Exclusive, name: &str) -> Result<bool> {
    let lock = lock(name);
    let ours: Option<i64> = held.sql(lock.take).scalar().await?;
    if ours != Some(1) {
        return Ok(false);
    }
    let dropped = async {
        let db = held.database();
        // A killed client's statement may go on for a while.
        let is_used = !server::sessions(db, name).await?.is_empty();
        if is_used || journal::is_in(db, name).await? {
            return Ok(false);
        }
        let name = quote(name);
        held.script(format!("DROP DATABASE IF EXISTS {name}"))
            .await?;
        Ok(true)
    };
    let dropped = dropped.await;
    // It ends with the connection too.
    let _ = held
        .sql(format!("SELECT RELEASE_LOCK('{}')", lock_name(name)))
        .scalar::<Option<i64>>()
        .await;
    dropped
}

/// The lock that says that a place is in use.
fn lock(name: &str) -> Lock {
    let lock = lock_name(name);
    Lock {
        session: "SET SESSION wait_timeout = 150",
        take: format!("SELECT GET_LOCK('{lock}', 0)"),
        has: format!("SELECT IS_USED_LOCK('{lock}') = CONNECTION_ID()"),
    }
}

/// The longest that a name of a lock can be on MySQL is 64 characters.
fn lock_name(name: &str) -> String {
    let hash = blake3::hash(name.as_bytes()).to_hex();
    format!("mainstay_{}", &hash[..32])
}
