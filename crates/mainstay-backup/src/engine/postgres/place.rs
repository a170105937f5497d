//! The database that is restored to, and those that were left over.
//!
//! A place is known by its name, and that it is in use by an advisory lock named by it, which the
//! restore holds (see `hold`). Such locks are of one database each, and who restores may be connected
//! to another one than who clears up: so those of all databases are looked at.

use std::sync::Arc;

use mainstay::database::{Exclusive, admin};
use mainstay::schema::Dialect;
use mainstay::{Config, Error, ErrorKind, Result};
use tokio::sync::oneshot;

use super::super::Place;
use super::super::hold::{self, Hold, Lock};
use super::locale::{self, Locale};
use super::{Postgres, names, server};

/// The engine's code for a database that is in use.
pub(super) const IN_USE: &str = "55006";

impl Postgres {
    /// Makes an empty database beside the one of the configuration, alike in encoding and order.
    ///
    /// # Errors
    /// `ACCESS_DENIED` when the user may not make databases; those of asking the server.
    pub(crate) async fn place(&self) -> Result<Place> {
        let name = names::place(self.clock.now(), self.entropy.as_ref());
        let config = server::config_of(&self.config, &name);
        let (tell, told) = oneshot::channel();
        let (this, made) = (self.clone(), config.clone());
        // In a task of its own: when this call is dropped, the database is dropped, too.
        tokio::spawn(async move {
            let result = this.make_held(&made).await;
            if let Err(Ok(hold)) = tell.send(result) {
                if let Err(error) = admin::drop_if_exists(&made).await {
                    tracing::warn!(target: "mainstay::backup", %error, "a database of a restore is left over");
                }
                hold.release().await;
            }
        });
        let hold = told.await.map_err(Error::unexpected)??;
        Ok(Place {
            config,
            name,
            hold: Some(Arc::new(hold)),
        })
    }

    /// Says that a place is in use, and then makes it.
    async fn make_held(&self, config: &Config) -> Result<Hold> {
        let name = config.url.database().unwrap_or_default();
        let db = server::open_maintenance(&self.config, &[self.database()]).await?;
        let hold = Hold::take(db, lock(name)).await?;
        let hold = hold.ok_or_else(|| {
            Error::new(
                ErrorKind::WriteConflict,
                format!("another restore has the name {name}"),
            )
            .with_hint("restore again")
        })?;
        match self.make(config, None).await {
            Ok(()) => Ok(hold),
            Err(error) => {
                hold.release().await;
                Err(error)
            }
        }
    }

    /// Makes a database: as told, or like the one of the configuration, or like any other.
    pub(super) async fn make(&self, config: &Config, locale: Option<&Locale>) -> Result<()> {
        let db = server::open_maintenance(&self.config, &[]).await?;
        let name = config.url.database().unwrap_or_default();
        let like = match locale {
            Some(locale) => Ok(Some(locale.clone())),
            None => Locale::named(&db, self.database()).await,
        };
        let made = match like {
            Ok(like) => locale::create(&db, name, like.as_ref()).await,
            Err(error) => Err(error),
        };
        server::close(db).await;
        made.map_err(|error| match error.kind() {
            ErrorKind::AccessDenied => Error::new(
                ErrorKind::AccessDenied,
                format!(
                    "a backup is restored into a new database, and the user may not make one: {}",
                    error.detail()
                ),
            )
            .with_hint("have an administrator run: ALTER ROLE <user> CREATEDB")
            .with_source(error),
            _ => error,
        })
    }

    /// Drops the place.
    ///
    /// # Errors
    /// Those of the server.
    pub(crate) async fn discard(&self, place: Place) -> Result<()> {
        let dropped = admin::drop_if_exists(&place.config).await.map(drop);
        place.release().await;
        dropped
    }

    /// Drops the places of restores that were killed, of whichever database of this server, and names
    /// them. What may not be dropped is told, and left.
    ///
    /// # Errors
    /// Those of connecting and asking.
    pub(crate) async fn clear_leftovers(&self) -> Result<Vec<String>> {
        let db = server::open_maintenance(&self.config, &[self.database()]).await?;
        let cleared = db
            .exclusive(|held| async move {
                let found: Vec<String> = held
                    .sql(
                        "SELECT datname::text FROM pg_database WHERE starts_with(datname::text, ?) \
                         ORDER BY datname",
                    )
                    .bind(names::PREFIX)
                    .fetch_with(|row| row.get(0))
                    .await?;
                let mut removed = Vec::new();
                for name in found.into_iter().filter(|name| names::is_place(name)) {
                    let outcome = clear(&held, &name).await;
                    removed.extend(hold::cleared(name, outcome));
                }
                Ok(removed)
            })
            .await;
        server::close(db).await;
        cleared
    }
}

impl Postgres {
    /// Claims the log for one who follows it into a target. `None` if somebody has it.
    ///
    /// # Errors
    /// Those of connecting and asking.
    pub(crate) async fn claim(&self, target: &str) -> Result<Option<Hold>> {
        let db = server::open_maintenance(&self.config, &[self.database()]).await?;
        Hold::take(db, lock(&format!("log of {} in {target}", self.database()))).await
    }
}

/// Drops one place, unless it is in use.
async fn clear(held: &Exclusive, name: &str) -> Result<bool> {
    let lock = lock(name);
    let ours: i64 = held.sql(lock.take).scalar().await?;
    if ours != 1 {
        return Ok(false);
    }
    let others: i64 = held.sql(locks_of(name, "<>")).scalar().await?;
    let dropped = match others {
        0 => {
            // Without FORCE: whoever is connected is no restore, or one that has just ended.
            let name = Dialect::Postgres.quote(name);
            held.script(format!("DROP DATABASE IF EXISTS {name}")).await
        }
        _ => Ok(()),
    };
    held.sql(format!(
        "SELECT pg_advisory_unlock({})::int::bigint",
        key(name)
    ))
    .scalar::<i64>()
    .await?;
    match dropped {
        Ok(()) => Ok(others == 0),
        Err(error) if error.native_code() == Some(IN_USE) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The lock that says that a place is in use.
fn lock(name: &str) -> Lock {
    Lock {
        session: "SELECT set_config('tcp_keepalives_idle', '30', false), \
                  set_config('tcp_keepalives_interval', '10', false), \
                  set_config('tcp_keepalives_count', '6', false)",
        take: format!("SELECT pg_try_advisory_lock({})::int::bigint", key(name)),
        has: locks_of(name, "="),
    }
}

/// Counts the locks of that name that this session has, or others have, in whichever database.
fn locks_of(name: &str, whose: &str) -> String {
    let key = key(name).cast_unsigned();
    let (high, low) = (key >> 32, key & u64::from(u32::MAX));
    format!(
        "SELECT least(count(*), 1) FROM pg_locks WHERE locktype = 'advisory' AND granted \
         AND classid = {high} AND objid = {low} AND objsubid = 1 AND pid {whose} pg_backend_pid()"
    )
}

fn key(name: &str) -> i64 {
    let hash = blake3::hash(name.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    i64::from_be_bytes(first)
}
