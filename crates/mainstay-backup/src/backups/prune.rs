//! `prune`: what need not be kept is removed.

use mainstay::Result;
use serde::Serialize;

use super::{Backups, drill};
use crate::control::Control;
use crate::plan::name::{ENDING, LOG_ENDING};
use crate::plan::retention::{Decision, Retention};

/// What was kept and removed.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Pruned {
    /// Each backup, newest first, with the rules that keep it.
    pub decisions: Vec<Decision>,
    /// Backups that cannot be read. They are never removed by a rule: somebody should look at them.
    pub unreadable: Vec<String>,
    /// How many were removed.
    pub removed: usize,
    /// The bytes they had.
    pub freed_bytes: u64,
    /// What restores left that were killed, and what was removed: databases, or folders.
    pub cleared: Vec<String>,
}

impl Backups {
    /// Removes the backups that no rule keeps, with their logs and reports. The newest complete one
    /// is never removed. With `dry_run`, only says so. Also removes what restores that were killed
    /// left where the database is, if that can be reached.
    ///
    /// # Errors
    /// Those of the target. What was removed until then is removed.
    pub async fn prune(
        &self,
        retention: &Retention,
        dry_run: bool,
        control: &Control,
    ) -> Result<Pruned> {
        let listed = self.list().await?;
        let complete = listed.iter().filter_map(|one| {
            let manifest = one.manifest()?;
            Some((one.id.clone(), manifest.taken_at))
        });
        let decisions = retention.decide(complete, self.clock.now());
        let unreadable = listed.iter().filter(|one| one.manifest().is_none());
        let unreadable = unreadable.map(|one| one.id.clone()).collect();
        let mut removed = 0;
        let mut freed_bytes = 0;
        control.begin("removing", None);
        for decision in decisions.iter().filter(|one| !one.is_kept()) {
            control.check()?;
            if !dry_run {
                self.remove(&decision.id).await?;
            }
            removed += 1;
            let size = listed.iter().find(|one| one.id == decision.id);
            freed_bytes += size.map_or(0, |one| one.size);
        }
        let mut cleared = Vec::new();
        if !dry_run {
            self.remove_reports().await?;
            cleared = self.clear_leftovers().await;
        }
        Ok(Pruned {
            decisions,
            unreadable,
            removed,
            freed_bytes,
            cleared,
        })
    }

    /// Removes what restores left that were killed. The database may well be away: archives are
    /// pruned all the same.
    async fn clear_leftovers(&self) -> Vec<String> {
        let cleared = match self.driver(&self.config) {
            Ok(driver) => driver.clear_leftovers().await,
            Err(error) => Err(error),
        };
        cleared.unwrap_or_else(|error| {
            tracing::warn!(
                target: "mainstay::backup", %error,
                "it was not looked for what restores that were killed may have left"
            );
            Vec::new()
        })
    }

    /// Removes the reports of drills whose backups are gone, but for the last that ended well: it
    /// says when the next one is due.
    async fn remove_reports(&self) -> Result<()> {
        let last = self.last_good_drill().await?.map(|report| report.id);
        let there = self.ids().await?;
        for id in self.drilled().await? {
            if !there.contains(&id) && last.as_ref() != Some(&id) {
                self.target.delete(&self.object(&id, drill::ENDING)).await?;
            }
        }
        Ok(())
    }

    /// Removes a backup. The archive goes first: what is left if that is all that happens is of no
    /// backup, and goes with the next one's.
    async fn remove(&self, id: &str) -> Result<()> {
        self.target.delete(&self.object(id, ENDING)).await?;
        let log = self.object(id, LOG_ENDING);
        for object in self.target.walk(&log, None).await? {
            self.target.delete(&object.name).await?;
        }
        tracing::info!(target: "mainstay::backup", id, "removed a backup that no rule keeps");
        Ok(())
    }
}
