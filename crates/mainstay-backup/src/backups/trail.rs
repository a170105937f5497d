//! The part of a watch that follows the log: it starts where another watch stopped, begins anew behind
//! each new base, and takes one when the log is lost.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::{Error, ErrorKind, Result};

use super::events::{Event, Events, tell};
use super::watch::{Plan, Watch};
use super::{Backups, Follow};
use crate::archive::Manifest;
use crate::control::Control;
use crate::engine::follow::Ended;

/// So often a log is claimed before it is said that another has it, with this in between.
const CLAIMS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(300);

impl Watch {
    /// Tells when the log begins not to get to the target, and when it does again.
    pub(super) fn tell_trouble(&mut self, events: &dyn Events, now: DateTime<Utc>) {
        let trail = self.trail.as_ref();
        let trouble = trail.and_then(super::follow::Trail::trouble);
        match (&trouble, self.stuck) {
            (Some(trouble), None) => {
                let error = trouble.error.to_string();
                tell(events, &Event::FollowFailed { error, again: now });
            }
            (None, Some(_)) => {
                if let Some(trail) = trail {
                    let base = trail.base().to_owned();
                    tell(events, &Event::Following { base });
                }
            }
            _ => {}
        }
        self.stuck = trouble.map(|trouble| trouble.since);
    }
}

impl Backups {
    /// Sees to it that the log is followed. Says whether a new base is needed for that.
    pub(super) async fn keep_following(
        &self,
        watch: &mut Watch,
        follow: &Follow,
        events: &dyn Events,
    ) -> bool {
        let now = self.clock.now();
        if watch
            .trail
            .as_ref()
            .is_some_and(super::follow::Trail::has_ended)
            && let Some(trail) = watch.trail.take()
        {
            let newest = trail.newest();
            match trail.end().await {
                Ok(Ended::Gap(why)) => {
                    tell(events, &Event::LogLost { why, newest });
                    watch.unfollowed.get_or_insert(now);
                    return true;
                }
                Ok(Ended::Stopped) => {}
                Err(error) => {
                    let again = watch.follow.failed(now);
                    let error = error.to_string();
                    tell(events, &Event::FollowFailed { error, again });
                }
            }
        }
        if watch.trail.is_some() {
            return false;
        }
        watch.unfollowed.get_or_insert(now);
        if watch.follow.due(now) > now {
            return false;
        }
        let resumed = match self.claim_log(watch).await {
            Ok(()) => self.resume_trail(follow).await,
            Err(error) => Err(error),
        };
        match resumed {
            Ok(Ok(trail)) => {
                let base = trail.base().to_owned();
                watch.trail = Some(trail);
                watch.unfollowed = None;
                tell(events, &Event::Following { base });
                false
            }
            Ok(Err(why)) => {
                tracing::info!(target: "mainstay::backup", why, "a new base is needed");
                true
            }
            Err(error) => {
                let again = watch.follow.failed(now);
                let error = error.to_string();
                tell(events, &Event::FollowFailed { error, again });
                false
            }
        }
    }

    /// Sees to it that nobody else follows the log into this target. One that was killed just now is
    /// waited for.
    async fn claim_log(&self, watch: &mut Watch) -> Result<()> {
        if watch.claim.is_some() {
            return Ok(());
        }
        let target = format!("{}/{}", self.target, self.label);
        let driver = self.driver(&self.config)?;
        for _ in 0..CLAIMS {
            watch.claim = driver.claim(&target).await?;
            if watch.claim.is_some() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Error::new(
            ErrorKind::Configuration,
            format!(
                "another watch follows the log of {} into {}",
                self.label, self.target
            ),
        )
        .with_hint("stop one of the two, or give this one another target or label"))
    }

    /// Takes a new base, and follows behind it. The log behind the old one is followed until then, so
    /// that no moment in between is missing.
    pub(super) async fn new_base(
        &self,
        watch: &mut Watch,
        plan: &Plan,
        follow: &Follow,
        events: &dyn Events,
        control: &Control,
    ) -> Result<Manifest> {
        self.claim_log(watch).await?;
        let (manifest, trail) = self.begin_trail(&plan.create, follow, control).await?;
        if let Some(old) = watch.trail.replace(trail)
            && let Err(error) = old.end().await
        {
            tracing::warn!(target: "mainstay::backup", %error, "the end of the old log was not kept");
        }
        watch.follow = super::watch::Retry::default();
        watch.unfollowed = None;
        let base = manifest.id.clone();
        tell(events, &Event::Following { base });
        Ok(manifest)
    }
}
