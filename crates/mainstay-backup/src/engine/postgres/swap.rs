//! A new database in the place of the old one.
//!
//! Both are renamed in one transaction, so that there is a database under the name at any moment,
//! whoever is killed. While it runs it holds a lock on both databases: who connects meanwhile waits,
//! and is refused or lands in the new one. No setting is changed that would have to be changed back.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::schema::Dialect;
use mainstay::{Database, Error, ErrorKind, Outcome, Result};

use super::super::{Place, Swapped};
use super::carry::carry;
use super::{Postgres, names, server};

/// How often sessions are ended while the renaming waits for them.
const TICK: Duration = Duration::from_millis(50);
/// Renaming waits five seconds for sessions that are ending.
const LIMIT: Duration = Duration::from_secs(60);
/// So many sessions are named.
const NAMED: usize = 5;

/// The engine's code for a database that is in use.
const IN_USE: &str = "55006";

/// A session that is connected to a database.
#[derive(Debug)]
struct Session {
    pid: i32,
    user: Option<String>,
    application: Option<String>,
    address: Option<String>,
    since: Option<DateTime<Utc>>,
}

impl Postgres {
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
        if kept.is_some() && !force {
            let sessions = sessions(db, name).await?;
            if !sessions.is_empty() {
                return Err(in_use(name, &sessions));
            }
        }
        if kept.is_some() {
            carry(db, name, &place.name).await?;
        }
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
            Ok(()) => Ok(Swapped { kept }),
            Err(error) if error.native_code() == Some(IN_USE) => {
                let mut sessions = sessions(db, name).await?;
                let mut busy = name;
                if sessions.is_empty() {
                    sessions = self::sessions(db, &place.name).await?;
                    busy = &place.name;
                }
                Err(in_use(busy, &sessions).with_source(error))
            }
            Err(error) => Err(error),
        }
    }
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

async fn sessions(db: &Database, name: &str) -> Result<Vec<Session>> {
    db.sql(
        "SELECT pid, usename::text, application_name, client_addr::text, backend_start \
         FROM pg_stat_activity WHERE datname = ? AND pid <> pg_backend_pid() \
         AND backend_type IS DISTINCT FROM 'autovacuum worker' ORDER BY backend_start, pid",
    )
    .bind(name)
    .fetch_with(|row| {
        Ok(Session {
            pid: row.get(0)?,
            user: row.get(1)?,
            application: row.get(2)?,
            address: row.get(3)?,
            since: row.get(4)?,
        })
    })
    .await
}

fn in_use(name: &str, sessions: &[Session]) -> Error {
    let mut detail = format!("the database {name} is in use");
    if sessions.is_empty() {
        detail.push_str(", perhaps by a prepared transaction (see pg_prepared_xacts)");
    }
    for (number, session) in sessions.iter().take(NAMED).enumerate() {
        detail.push_str(if number == 0 { " by " } else { "; " });
        // Writing to a text does not fail.
        let _ = write!(detail, "{}", session.shown());
    }
    if sessions.len() > NAMED {
        let _ = write!(detail, "; and {} more", sessions.len() - NAMED);
    }
    Error::new(ErrorKind::WriteConflict, detail)
        .with_outcome(Outcome::NotApplied)
        .with_hint("stop what uses it, or say that its sessions are to be ended")
}

impl Session {
    fn shown(&self) -> String {
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let application = some(&self.application).unwrap_or_else(|| "a session".to_owned());
        let mut out = format!("{application} (process {}", self.pid);
        if let Some(user) = some(&self.user) {
            out.push_str(&format!(", user {user}"));
        }
        if let Some(address) = some(&self.address) {
            out.push_str(&format!(", from {address}"));
        }
        if let Some(since) = self.since {
            out.push_str(&format!(
                ", since {}",
                since.format("%Y-%m-%d %H:%M:%S UTC")
            ));
        }
        out.push(')');
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(number: i32) -> Session {
        Session {
            pid: number,
            user: Some("app".into()),
            application: Some("questlog".into()),
            address: Some("10.0.0.7".into()),
            since: DateTime::from_timestamp(1_800_000_000, 0),
        }
    }

    #[test]
    fn sessions_are_named() {
        let error = in_use("app", &[session(7)]);
        assert_eq!(
            error.detail(),
            "the database app is in use by questlog (process 7, user app, from 10.0.0.7, \
             since 2027-01-15 08:00:00 UTC)"
        );
        let many: Vec<Session> = (0..8).map(session).collect();
        assert!(in_use("app", &many).detail().ends_with("; and 3 more"));
        let hidden = Session {
            application: None,
            user: None,
            address: None,
            since: None,
            pid: 3,
        };
        assert_eq!(hidden.shown(), "a session (process 3)");
    }

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
