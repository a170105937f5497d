//! Who uses a database.

use chrono::{DateTime, Utc};
use mainstay::{Database, Error, Result};

use super::super::users::{self, User};

/// Those who are connected to a database, and transactions that wait in it without a connection.
#[derive(Debug)]
pub(super) struct Users {
    sessions: Vec<User>,
    prepared: Vec<User>,
}

impl Users {
    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.prepared.is_empty()
    }

    /// Whether all of them can be made to go.
    pub(super) fn can_be_ended(&self) -> bool {
        self.prepared.is_empty()
    }

    /// The error that a database is in use by them.
    pub(super) fn refuse(self, database: &str) -> Error {
        let is_prepared = !self.prepared.is_empty();
        let all = [self.sessions, self.prepared].concat();
        let error = users::in_use(database, &all);
        match is_prepared {
            true => error.with_hint(
                "stop what uses it, and end prepared transactions with COMMIT PREPARED or ROLLBACK \
                 PREPARED",
            ),
            false => error,
        }
    }
}

/// Asks who uses a database.
pub(super) async fn of(db: &Database, name: &str) -> Result<Users> {
    let sessions = db
        .sql(
            "SELECT pid, usename::text, application_name, client_addr::text, backend_start \
             FROM pg_stat_activity WHERE datname = ? AND pid <> pg_backend_pid() \
             AND backend_type IS DISTINCT FROM 'autovacuum worker' ORDER BY backend_start, pid",
        )
        .bind(name)
        .fetch_with(|row| {
            let (pid, user): (i32, Option<String>) = (row.get(0)?, row.get(1)?);
            let application: Option<String> = row.get(2)?;
            let (address, since): (Option<String>, Option<DateTime<Utc>>) =
                (row.get(3)?, row.get(4)?);
            let mut facts = vec![format!("process {pid}")];
            facts.extend(user.map(|user| format!("user {user}")));
            facts.extend(address.map(|address| format!("from {address}")));
            let since = since.map(|since| since.format("since %Y-%m-%d %H:%M:%S UTC"));
            facts.extend(since.map(|since| since.to_string()));
            Ok(User { application, facts })
        })
        .await?;
    let prepared = db
        .sql("SELECT gid, owner::text FROM pg_prepared_xacts WHERE database = ? ORDER BY prepared")
        .bind(name)
        .fetch_with(|row| {
            let (gid, owner): (String, String) = (row.get(0)?, row.get(1)?);
            Ok(User {
                application: Some(format!("the prepared transaction {gid}")),
                facts: vec![format!("user {owner}")],
            })
        })
        .await?;
    Ok(Users { sessions, prepared })
}
