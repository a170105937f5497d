//! Asking the server how far its log is.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::{Config, Database, Entropy, Error, ErrorKind, Result};

use super::super::server::{self, ServerVersion};
use super::lsn::{FileSize, Lsn};
use super::position::Sample;

/// What a session of ours keeps the server from removing.
///
/// It is a temporary slot: it goes with the session, whatever becomes of us. A permanent one that is
/// forgotten would fill the server's disk.
const SLOT: &str = "mainstay_";

/// A session that keeps the log from being removed, and asks how far it is.
#[derive(Debug)]
pub(super) struct Source {
    db: Database,
    slot: String,
}

/// What does not change while a server runs.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) server: ServerVersion,
    pub(super) system: String,
    pub(super) file_size: FileSize,
}

/// How far the log is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    pub(super) sample: Sample,
    /// How much of it the program that receives it has on its disk; `None` if it is not connected.
    pub(super) received: Option<Lsn>,
    /// Whether the slot is there.
    pub(super) is_kept: bool,
}

impl Source {
    pub(super) async fn open(config: &Config, entropy: &dyn Entropy) -> Result<Self> {
        let mut config = config.clone();
        config.resilience.retry = false;
        let database = config.url.database().unwrap_or_default().to_owned();
        let mut random = [0; 8];
        entropy.fill(&mut random);
        let db = server::open_single(&config, &database).await?;
        let slot = format!("{SLOT}{:016x}", u64::from_be_bytes(random));
        let source = Self { db, slot };
        match source.keep().await {
            Ok(()) => Ok(source),
            Err(error) => {
                source.close().await;
                Err(error)
            }
        }
    }

    /// Its name among the sessions of the server, also for the program that receives the log.
    pub(super) fn name(&self) -> &str {
        &self.slot
    }

    pub(super) async fn close(self) {
        server::close(self.db).await;
    }

    /// Makes the slot.
    pub(super) async fn keep(&self) -> Result<()> {
        let made = self
            .db
            .sql("SELECT slot_name::text FROM pg_create_physical_replication_slot(?, true, true)")
            .bind(self.slot.as_str())
            .fetch_with(|row| row.get::<String>(0))
            .await;
        made.map(drop).map_err(allowed)
    }

    /// Lets the server remove what is before a position.
    pub(super) async fn let_go(&self, before: Lsn) -> Result<()> {
        let sql = "SELECT slot_name::text FROM pg_replication_slot_advance(?, ?::text::pg_lsn)";
        self.db
            .sql(sql)
            .bind(self.slot.as_str())
            .bind(before.to_string())
            .fetch_with(|row| row.get::<String>(0))
            .await
            .map(drop)
    }

    pub(super) async fn facts(&self) -> Result<Facts> {
        let rows = self
            .db
            .sql(
                "SELECT current_setting('server_version'), system_identifier::text, \
                 pg_size_bytes(current_setting('wal_segment_size')) FROM pg_control_system()",
            )
            .fetch_with(|row| {
                Ok((
                    row.get::<String>(0)?,
                    row.get::<String>(1)?,
                    row.get::<i64>(2)?,
                ))
            })
            .await
            .map_err(allowed)?;
        let Some((version, system, size)) = rows.into_iter().next() else {
            return Err(unknown("the server says nothing of itself"));
        };
        let size = u64::try_from(size).ok().and_then(FileSize::new);
        Ok(Facts {
            server: server::read_version(version)?,
            system,
            file_size: size.ok_or_else(|| unknown("the size of the log's files is strange"))?,
        })
    }

    /// Asks. The time is taken before the position: what was acknowledged before stands before it.
    pub(super) async fn progress(&self, size: FileSize) -> Result<Progress> {
        let sql = "WITH now AS MATERIALIZED (SELECT clock_timestamp() AS at) \
             SELECT now.at, pg_current_wal_insert_lsn()::text, \
             (SELECT min(flush_lsn)::text FROM pg_stat_replication WHERE application_name = ?), \
             EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = ?) FROM now";
        let rows = self
            .db
            .sql(sql)
            .bind(self.slot.as_str())
            .bind(self.slot.as_str())
            .timeout(Duration::from_secs(30))
            .fetch_with(|row| {
                Ok((
                    row.get::<DateTime<Utc>>(0)?,
                    row.get::<String>(1)?,
                    row.get::<Option<String>>(2)?,
                    row.get::<bool>(3)?,
                ))
            })
            .await
            .map_err(allowed)?;
        let Some((at, written, received, is_kept)) = rows.into_iter().next() else {
            return Err(unknown("the server does not say how far its log is"));
        };
        let lsn = |text: String| text.parse::<Lsn>().map_err(|why| unknown(&why));
        Ok(Progress {
            sample: Sample {
                at,
                written: size.end_before(lsn(written)?),
            },
            received: received.map(lsn).transpose()?,
            is_kept,
        })
    }

    /// Whether the user sees how far others have received the log.
    pub(super) async fn expect_rights(&self) -> Result<()> {
        let sees: bool = self
            .db
            .sql("SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')")
            .scalar()
            .await?;
        if sees {
            return Ok(());
        }
        Err(allowed(Error::new(
            ErrorKind::AccessDenied,
            "the user does not see how far the log has been received",
        )))
    }
}

/// What a user needs who may not do this.
fn allowed(error: Error) -> Error {
    if error.kind() != ErrorKind::AccessDenied {
        return error;
    }
    Error::new(
        ErrorKind::AccessDenied,
        format!(
            "no right to take the server's files and its log: {}",
            error.detail()
        ),
    )
    .with_hint(RIGHTS)
    .with_source(error)
}

pub(super) const RIGHTS: &str = "have an administrator run: ALTER ROLE <user> REPLICATION; \
     GRANT pg_monitor TO <user>; and add to pg_hba.conf a line such as: \
     host replication <user> <address> scram-sha-256";

fn unknown(why: &str) -> Error {
    Error::new(ErrorKind::Unsupported, why.to_owned())
}
