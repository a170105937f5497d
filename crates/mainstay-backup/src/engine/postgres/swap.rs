//! A new database in the place of the old one.
//!
//! Both are renamed in one transaction, so that there is a database under the name at any moment,
//! whoever is killed. While it runs it holds a lock on both databases: who connects meanwhile waits,
//! and is refused or lands in the new one. No setting is changed that would have to be changed back.

use std::time::Duration;

use mainstay::schema::Dialect;
use mainstay::{Database, Error, Result};

use super::super::{Place, Swapped};
use super::carry::carry;
use super::place::IN_USE;
use super::{Postgres, names, server, sessions};

/// How often sessions are ended while the renaming waits for them.
const TICK: Duration = Duration::from_millis(50);
/// Renaming waits five seconds for sessions that are ending.
const LIMIT: Duration = Duration::from_secs(60);

impl Postgres {
    /// Whether the database could give its place now: to be asked before a long restore. A swap
    /// asks again.
    ///
    /// # Errors
    /// `WRITE_CONFLICT` when it is in use, by whom; those of the server.
    pub(crate) async fn can_swap(&self, force: bool) -> Result<()> {
        let db = server::open_maintenance(&self.config, &[self.database()]).await?;
        let free = expect_free(&db, self.database(), force).await;
        server::close(db).await;
        free
    }

    /// Puts the place under the name of the database, which is kept under another one.
    ///
    /// Sessions that are connected to the database are named and nothing is done, unless `force`
    /// says to end them.
    ///
    /// # Errors
    /// When the database is in use; `ACCESS_DENIED` when the user may not rename or end sessions;
    /// those of the server. The place is still there then, and the old database, too.
    pub(crate) async fn swap(&self, place: &Place, force: bool) -> Result<Swapped> {
        let db = server::open_maintenance(&self.config, &[self.database()]).await?;
        let swapped = self.swap_on(&db, place, force).await;
        server::close(db).await;
        swapped
    }

    async fn swap_on(&self, db: &Database, place: &Place, force: bool) -> Result<Swapped> {
        let name = self.database();
        let all: Vec<String> = db
            .sql("SELECT datname::text FROM pg_database")
            .fetch_with(|row| row.get(0))
            .await?;
        let is_there = |name: &str| all.iter().any(|other| other == name);
        let kept = is_there(name).then(|| names::kept(name, self.clock.now(), is_there));
        if kept.is_some() {
            expect_free(db, name, force).await?;
            carry(db, name, &place.name).await?;
        }
        place.check().await?;
        let steps = steps(name, kept.as_deref(), &place.name);
        let renamed = if force && kept.is_some() {
            tokio::select! {
                renamed = rename(db, &steps) => renamed,
                error = end_sessions(db, name) => Err(error),
            }
        } else {
            rename(db, &steps).await
        };
        match renamed {
            Ok(()) => Ok(Swapped {
                removal: kept.as_deref().map(removal),
                kept,
            }),
            Err(error) if error.native_code() == Some(IN_USE) => {
                let mut users = sessions::of(db, name).await?;
                let mut busy = name;
                if users.is_empty() {
                    users = sessions::of(db, &place.name).await?;
                    busy = &place.name;
                }
                Err(users.refuse(busy).with_source(error))
            }
            Err(error) => Err(error),
        }
    }
}

/// Refuses a database that somebody uses, unless `force` says to end them and that can be done.
async fn expect_free(db: &Database, name: &str, force: bool) -> Result<()> {
    let users = sessions::of(db, name).await?;
    match users.is_empty() || force && users.can_be_ended() {
        true => Ok(()),
        false => Err(users.refuse(name)),
    }
}

/// How a database is removed that was kept.
fn removal(kept: &str) -> String {
    format!("DROP DATABASE {}", Dialect::Postgres.quote(kept))
}

/// What is to be done, in this order.
fn steps(name: &str, kept: Option<&str>, place: &str) -> Vec<String> {
    let rename = |from: &str, to: &str| {
        let dialect = Dialect::Postgres;
        format!(
            "ALTER DATABASE {} RENAME TO {}",
            dialect.quote(from),
            dialect.quote(to)
        )
    };
    let mut out = Vec::new();
    if let Some(kept) = kept {
        out.push(rename(name, kept));
    }
    out.push(rename(place, name));
    out
}

async fn rename(db: &Database, steps: &[String]) -> Result<()> {
    db.transaction(|tx| async move {
        for step in steps {
            tx.script(step.as_str()).await?;
        }
        Ok::<_, Error>(())
    })
    .timeout(LIMIT)
    .await
}

/// Ends sessions that are connected to a database until it is dropped. Comes back only with an error.
async fn end_sessions(db: &Database, name: &str) -> Error {
    loop {
        let ended = db
            .sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = ? AND pid <> pg_backend_pid()",
            )
            .bind(name)
            .fetch_with(|row| row.get::<bool>(0))
            .await;
        match ended {
            Ok(_) => tokio::time::sleep(TICK).await,
            Err(error) => return error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_one_goes_first() {
        assert_eq!(
            steps("a\"b", Some("old"), "new"),
            [
                "ALTER DATABASE \"a\"\"b\" RENAME TO \"old\"",
                "ALTER DATABASE \"new\" RENAME TO \"a\"\"b\""
            ]
        );
        assert_eq!(
            steps("a", None, "new"),
            ["ALTER DATABASE \"new\" RENAME TO \"a\""]
        );
    }
}
