//! Recovery to a point in time, the first half: the log beside a base backup, as it grows.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::{Error, Result};
use tokio::task::JoinHandle;

use super::{Backups, Create};
use crate::archive::{Log, Manifest};
use crate::control::Control;
use crate::engine::follow::{Ended, Follower, Following, Heard};

/// How the log is followed.
#[derive(Debug, Clone)]
pub struct Follow {
    /// What was acknowledged is in the target within this time.
    pub interval: Duration,
    /// A folder on this machine for what PostgreSQL's log has that is not in the target yet. By
    /// default one in the folder for temporary files.
    pub spool: Option<PathBuf>,
}

impl Default for Follow {
    /// Within a second.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            spool: None,
        }
    }
}

/// The log of one base, followed on a task. Dropping it stops it where it is.
#[derive(Debug)]
pub(super) struct Trail {
    base: String,
    control: Control,
    state: Arc<Mutex<State>>,
    task: JoinHandle<Result<Ended>>,
}

/// How following goes.
#[derive(Debug, Default)]
struct State {
    newest: Option<DateTime<Utc>>,
    trouble: Option<Trouble>,
}

/// What keeps the log from the target at this moment, and may pass.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    /// Since when.
    pub(super) since: DateTime<Utc>,
    /// Why.
    pub(super) error: Error,
}

impl Trail {
    /// The backup that the log goes with.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Up to when all that was acknowledged is in the target.
    pub(super) fn newest(&self) -> Option<DateTime<Utc>> {
        self.state().newest
    }

    /// What keeps the log from the target at this moment.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.state().trouble.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Stops it when what was acknowledged by now is in the target, and says how it ended.
    pub(super) async fn end(mut self) -> Result<Ended> {
        self.control.cancel();
        (&mut self.task)
            .await
            .unwrap_or_else(|error| Err(Error::unexpected(error)))
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        self.control.cancel();
        self.task.abort();
    }
}

impl Backups {
    /// Takes a base backup, and follows the log from its moment on.
    pub(super) async fn begin_trail(
        &self,
        create: &Create,
        follow: &Follow,
        control: &Control,
    ) -> Result<(Manifest, Trail)> {
        let driver = self.driver(&self.config)?;
        let (base, follower) = driver.begin_base().await?;
        let manifest = self.take(create, Some(base), control).await?;
        let trail = self.trail(&manifest, follower, follow)?;
        Ok((manifest, trail))
    }

    /// Goes on behind the newest base, if that can be; otherwise says why not.
    pub(super) async fn resume_trail(
        &self,
        follow: &Follow,
    ) -> Result<std::result::Result<Trail, String>> {
        let listed = self.list().await?;
        let bases = listed.iter().rev().filter_map(|one| one.manifest());
        let mut bases = bases.filter(|manifest| manifest.position.is_some());
        let Some(base) = bases.next() else {
            let is_sealed = listed
                .iter()
                .filter_map(|one| one.manifest())
                .any(|one| one.is_encrypted);
            return Ok(Err(match is_sealed && self.keys.identities.is_none() {
                true => "where the log ends is encrypted, and there is no identity to read it with",
                false => "there is no base backup yet",
            }
            .to_owned()));
        };
        let driver = self.driver(&self.config)?;
        match driver.resume(base, &self.log(&base.id)).await? {
            Ok(follower) => Ok(Ok(self.trail(base, follower, follow)?)),
            Err(why) => Ok(Err(why)),
        }
    }

    fn trail(&self, base: &Manifest, follower: Follower, follow: &Follow) -> Result<Trail> {
        let driver = self.driver(&self.config)?;
        let log = self.log(&base.id);
        let following = Following {
            interval: follow.interval,
            spool: follow.spool.clone().unwrap_or_else(|| self.usual_spool()),
        };
        let control = Control::new();
        let state = Arc::new(Mutex::new(State::default()));
        let (base, stop, shared) = (base.clone(), control.clone(), Arc::clone(&state));
        let clock = Arc::clone(&self.clock);
        let id = base.id.clone();
        let task = tokio::spawn(async move {
            let tell = move |heard: Heard<'_>| {
                let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                match heard {
                    Heard::Kept(to) => {
                        state.newest = Some(to);
                        state.trouble = None;
                    }
                    Heard::Waiting(error) => {
                        let since = match &state.trouble {
                            Some(before) => before.since,
                            None => clock.now(),
                        };
                        let error = error.clone();
                        state.trouble = Some(Trouble { since, error });
                    }
                }
            };
            driver
                .follow(follower, &base, &log, &following, &stop, &tell)
                .await
        });
        Ok(Trail {
            base: id,
            control,
            state,
            task,
        })
    }

    /// The log that goes with a backup.
    pub(super) fn log(&self, id: &str) -> Log {
        let entropy = Arc::clone(&self.entropy);
        Log::new(&self.target, &self.label, id, self.keys.clone(), entropy)
    }

    /// One for each database and target, so that two watches do not meet in it.
    fn usual_spool(&self) -> PathBuf {
        let all = format!("{}\n{}\n{}", self.config.url, self.target, self.label);
        let hash = blake3::hash(all.as_bytes()).to_hex();
        std::env::temp_dir().join(format!("mainstay-spool-{}", &hash[..16]))
    }
}
