//! The part of a watch that follows the log: it starts where another watch stopped, begins anew behind
//! each new base, and takes one when the log is lost.

use mainstay::Result;

use super::events::{Event, Events, tell};
use super::watch::{Plan, Watch};
use super::{Backups, Follow};
use crate::archive::Manifest;
use crate::control::Control;
use crate::engine::follow::Ended;

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
        match self.resume_trail(follow).await {
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
