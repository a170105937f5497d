//! What forbids a swap: who uses the database, what refers to it, what cannot be made again.

use mainstay::database::Exclusive;
use mainstay::{Database, Error, ErrorKind, Result};

use super::super::server::{self, Session};
use super::super::{MySql, close};
use crate::engine::users::{self, User};

impl MySql {
    /// Whether the database could give its place now: to be asked before a long restore. A swap
    /// asks again.
    ///
    /// # Errors
    /// As for [`swap`](Self::swap).
    pub(crate) async fn can_swap(&self) -> Result<()> {
        let db = self.connect().await?;
        let free = async {
            self.expect_free(&db).await?;
            self.check_definers(&db).await
        };
        let free = free.await;
        close(db).await;
        free
    }

    /// Looks for what forbids a swap, and ends sessions where that is wanted.
    pub(super) async fn clear_the_way(&self, held: &Exclusive) -> Result<()> {
        for session in self.expect_free(held.database()).await? {
            // One that has ended meanwhile is as good.
            if let Err(error) = held.script(format!("KILL {}", session.id)).await {
                tracing::debug!(target: "mainstay::backup", %error, "{session:?} was not ended");
            }
        }
        Ok(())
    }

    /// Refuses what forbids a swap. Tells the sessions that are to be ended before.
    async fn expect_free(&self, db: &Database) -> Result<Vec<Session>> {
        let referring = server::referring(db, &self.name).await?;
        if !referring.is_empty() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "foreign keys of other databases refer to {}: {}",
                    self.name,
                    referring.join(", ")
                ),
            )
            .with_hint("drop these foreign keys, and make them again after the restore"));
        }
        let sessions = server::sessions(db, &self.name).await?;
        if sessions.is_empty() || self.force {
            return Ok(sessions);
        }
        let users: Vec<User> = sessions.into_iter().map(|one| one.user).collect();
        Err(users::in_use(&self.name, &users))
    }

    /// Triggers and events of others can only be made again by who may make things for others.
    pub(super) async fn check_definers(&self, db: &Database) -> Result<()> {
        let others = server::definers(db, &self.name).await?;
        if others.is_empty() || server::may_define_for_others(db).await? {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::AccessDenied,
            format!(
                "{} has views, triggers, events or routines of other users, and this one may not \
                 make them again: {}",
                self.name,
                others.join(", ")
            ),
        ))
    }
}
