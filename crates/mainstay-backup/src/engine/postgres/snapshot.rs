//! The moment of a backup.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::driver::Isolation;
use mainstay::{Clock, Database, Error, Result, Tx};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::locale::Locale;
use super::server::{ServerVersion, read_version};
use crate::archive::SchemaVersion;

/// Longer than a program takes to begin, even when it waits for locks.
const LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A state of the database, seen by a transaction that stays open for as long as this is there.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) facts: Facts,
    release: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<()>>,
}

/// What is known of that state.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// By which other sessions see the same state.
    pub(super) name: String,
    /// Before this state, and as near to it as one message to the server.
    pub(super) at: DateTime<Utc>,
    pub(super) server: ServerVersion,
    pub(super) schema: Option<SchemaVersion>,
    pub(super) locale: Option<Locale>,
}

impl Snapshot {
    /// Takes one.
    pub(super) async fn take(db: &Database, clock: Arc<dyn Clock>) -> Result<Self> {
        let (tell, told) = oneshot::channel();
        let (release, released) = oneshot::channel::<()>();
        let parts = Arc::new(Mutex::new(Some((tell, released))));
        let db = db.clone();
        let task = tokio::spawn(async move {
            let hold = db.transaction(move |tx| {
                let (parts, clock) = (Arc::clone(&parts), Arc::clone(&clock));
                async move {
                    let facts = Facts::read(&tx, clock.as_ref()).await?;
                    let parts = parts.lock().unwrap_or_else(PoisonError::into_inner).take();
                    if let Some((tell, released)) = parts {
                        // Whoever asked may be gone; then the other end of both is.
                        let _ = tell.send(facts);
                        let _ = released.await;
                    }
                    Ok::<_, Error>(())
                }
            });
            let hold = hold.isolation(Isolation::RepeatableRead).read_only();
            hold.timeout(LIMIT).await
        });
        match told.await {
            Ok(facts) => Ok(Self {
                facts,
                release: Some(release),
                task,
            }),
            Err(_) => Err(match task.await {
                Ok(Err(error)) => error,
                Ok(Ok(())) => Error::unexpected(std::io::Error::other("no snapshot was taken")),
                Err(error) => Error::unexpected(error),
            }),
        }
    }

    /// Ends the transaction: whoever needs the state has it.
    pub(super) async fn release(mut self) {
        drop(self.release.take());
        match self.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(target: "mainstay::backup", %error, "the snapshot's session was lost");
            }
            Err(error) => {
                tracing::debug!(target: "mainstay::backup", %error, "the snapshot's session failed");
            }
        }
    }
}

impl Facts {
    async fn read(tx: &Tx, clock: &dyn Clock) -> Result<Self> {
        // The first statement is what fixes the state.
        let at = clock.now();
        let first = tx
            .sql("SELECT pg_export_snapshot(), current_setting('server_version')")
            .fetch_with(|row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)))
            .await?;
        let Some((name, version)) = first.into_iter().next() else {
            return Err(Error::unexpected(std::io::Error::other(
                "the server gave no snapshot",
            )));
        };
        Ok(Self {
            name,
            at,
            server: read_version(version)?,
            schema: schema_version(tx).await?,
            locale: Locale::current(tx).await?,
        })
    }
}

/// Which migrations had been applied in this state.
async fn schema_version(tx: &Tx) -> Result<Option<SchemaVersion>> {
    const TABLE: &str = mainstay_migrate::history::TABLE;
    let exists: bool = tx
        .sql("SELECT to_regclass(?) IS NOT NULL")
        .bind(TABLE)
        .scalar()
        .await?;
    if !exists {
        return Ok(None);
    }
    let applied = mainstay_migrate::history::State::Applied.as_str();
    let found = tx
        .sql(format!(
            "SELECT max(version)::text, count(*) FROM {TABLE} WHERE state = ?"
        ))
        .bind(applied)
        .fetch_with(|row| Ok((row.get::<Option<String>>(0)?, row.get::<i64>(1)?)))
        .await?;
    Ok(found.into_iter().next().and_then(|(version, applied)| {
        Some(SchemaVersion {
            version: version?,
            applied: u64::try_from(applied).unwrap_or(0),
        })
    }))
}
