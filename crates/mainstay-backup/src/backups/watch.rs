//! `watch`: backups, drills and pruning on a schedule, and an alert when they do not happen.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mainstay::{Error, Result};

use super::events::{Event, Events, tell};
use super::follow::Trail;
use super::{Backups, Create, Drill, Follow};
use crate::control::Control;
use crate::engine::Claim;
use crate::plan::retention::Retention;
use crate::plan::schedule::{Alert, Past, Schedule};

/// How often the target is looked into although nothing is due: others may have changed it.
const LOOK: Duration = Duration::from_secs(15 * 60);

/// How often the clock is asked. A clock that was set, or a machine that slept, is noticed by it.
const TICK: Duration = Duration::from_millis(250);

/// After a failure it is tried again after this, then twice that, and so on.
const RETRY_FIRST: TimeDelta = TimeDelta::minutes(1);
const RETRY_MOST: TimeDelta = TimeDelta::hours(1);

/// A log that is not followed for longer is an alert.
const UNFOLLOWED: TimeDelta = TimeDelta::minutes(2);

/// What a watch does, and when.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// When.
    pub schedule: Schedule,
    /// Which backups are kept; all if there is no rule.
    pub retention: Option<Retention>,
    /// How a backup is taken.
    pub create: Create,
    /// What a drill does.
    pub drill: Drill,
    /// Follows the log between backups, for recovery to a point in time. Backups are bases then.
    pub follow: Option<Follow>,
}

/// What is to be done again later.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Retry {
    failures: u32,
    not_before: Option<DateTime<Utc>>,
}

impl Retry {
    pub(super) fn failed(&mut self, now: DateTime<Utc>) -> DateTime<Utc> {
        let wait = RETRY_FIRST * 2_i32.pow(self.failures.min(10));
        self.failures += 1;
        let again = now + wait.min(RETRY_MOST);
        self.not_before = Some(again);
        again
    }

    /// When it is done, if it is due at this moment.
    pub(super) fn due(&self, due: DateTime<Utc>) -> DateTime<Utc> {
        self.not_before.map_or(due, |again| again.max(due))
    }
}

/// A watch between two steps.
#[derive(Debug)]
pub(crate) struct Watch {
    since: DateTime<Utc>,
    backup: Retry,
    drill: Retry,
    pub(super) follow: Retry,
    /// The log that is followed.
    pub(super) trail: Option<Trail>,
    /// Since when none is, though it should be.
    pub(super) unfollowed: Option<DateTime<Utc>>,
    /// Since when the log does not get to the target, though it is followed.
    pub(super) stuck: Option<DateTime<Utc>>,
    /// That nobody else follows the log into this target.
    pub(super) claim: Option<Claim>,
    /// When an alert was last given.
    alerted: Option<DateTime<Utc>>,
}

impl Watch {
    pub(crate) fn new(since: DateTime<Utc>) -> Self {
        Self {
            since,
            backup: Retry::default(),
            drill: Retry::default(),
            follow: Retry::default(),
            trail: None,
            unfollowed: None,
            stuck: None,
            claim: None,
            alerted: None,
        }
    }
}

impl Backups {
    /// Takes backups, holds drills and removes what no rule keeps, when they are due, until it is
    /// told to stop. What was done before is read from the target, so that a program that is started
    /// anew goes on where the last one stopped.
    ///
    /// Failures are told, and tried again after a minute, then after two, up to an hour; nothing of
    /// them ends the watch. Each event is also told to `tracing`, target `mainstay::backup`.
    ///
    /// When `control` is cancelled, what is under way is given up and nothing of it is left.
    pub async fn watch(&self, plan: &Plan, events: &dyn Events, control: &Control) {
        let mut watch = Watch::new(self.clock.now());
        while !control.is_cancelled() {
            let next = self.step(&mut watch, plan, events, control).await;
            // Looking into the target costs requests: it is done when something is due, and now and
            // then all the same.
            let until = tokio::time::Instant::now() + LOOK;
            loop {
                tokio::time::sleep(TICK).await;
                let trail = watch.trail.as_ref();
                let is_lost = trail.is_some_and(Trail::has_ended);
                let is_stuck = trail.is_some_and(|trail| trail.trouble().is_some());
                let has_changed = is_lost || is_stuck != watch.stuck.is_some();
                let is_time = self.clock.now() >= next || tokio::time::Instant::now() >= until;
                if is_time || has_changed || control.is_cancelled() {
                    break;
                }
            }
        }
        if let Some(trail) = watch.trail.take()
            && let Err(error) = trail.end().await
        {
            tracing::error!(target: "mainstay::backup", %error, "the end of the log was not kept");
        }
        if let Some(claim) = watch.claim.take() {
            claim.release().await;
        }
    }

    /// What is wrong at this moment: for a monitor that asks from time to time instead of watching.
    ///
    /// # Errors
    /// Those of reading the target.
    pub async fn alerts(&self, schedule: &Schedule) -> Result<Vec<Alert>> {
        let now = self.clock.now();
        let mut past = self.past(now).await?;
        // Nobody has watched: what is missing is missing now.
        past.watched_since = now - schedule.grace - TimeDelta::seconds(1);
        Ok(schedule.alerts(&past, now))
    }

    /// Does what is due, and says when the next thing is.
    pub(crate) async fn step(
        &self,
        watch: &mut Watch,
        plan: &Plan,
        events: &dyn Events,
        control: &Control,
    ) -> DateTime<Utc> {
        let now = self.clock.now();
        watch.tell_trouble(events, now);
        let past = match self.target.prepare().await {
            Ok(()) => self.past(watch.since).await,
            Err(error) => Err(error),
        };
        let mut past = match past {
            Ok(past) => past,
            Err(error) => {
                let error = error.to_string();
                tell(events, &Event::Unreachable { error });
                return now + RETRY_FIRST;
            }
        };
        let schedule = &plan.schedule;
        let needs_base = match &plan.follow {
            Some(follow) => self.keep_following(watch, follow, events).await,
            None => false,
        };
        let due = match needs_base {
            true => now,
            false => schedule.backup_due(&past),
        };
        if watch.backup.due(due) <= now {
            self.back_up(watch, plan, events, control, &mut past).await;
        }
        let due = schedule.drill_due(&past).map(|due| watch.drill.due(due));
        if due.is_some_and(|due| due <= self.clock.now()) && !control.is_cancelled() {
            self.hold_drill(watch, plan, events, control, &mut past)
                .await;
        }
        let now = self.clock.now();
        let mut alerts = schedule.alerts(&past, now);
        let unfollowed = watch.unfollowed.or(watch.stuck);
        if let Some(since) = unfollowed
            && now - since > UNFOLLOWED
        {
            alerts.push(Alert::NotFollowed { since });
        }
        if alerts.is_empty() {
            watch.alerted = None;
        } else if watch
            .alerted
            .is_none_or(|last| now - last >= TimeDelta::hours(1))
        {
            watch.alerted = Some(now);
            for alert in alerts {
                tell(events, &Event::Alert { alert });
            }
        }
        let backup = watch.backup.due(schedule.backup_due(&past));
        let drill = schedule.drill_due(&past).map(|due| watch.drill.due(due));
        let mut until = drill.map_or(backup, |drill| drill.min(backup));
        if plan.follow.is_some() && watch.trail.is_none() {
            until = until.min(watch.follow.due(now).max(watch.backup.due(now)));
        }
        if let Some(since) = watch.stuck
            && now - since <= UNFOLLOWED
        {
            until = until.min(since + UNFOLLOWED + TimeDelta::seconds(1));
        }
        events.on(&Event::Waiting { until });
        until
    }

    async fn back_up(
        &self,
        watch: &mut Watch,
        plan: &Plan,
        events: &dyn Events,
        control: &Control,
        past: &mut Past,
    ) {
        let made = match &plan.follow {
            None => self.create(&plan.create, control).await,
            Some(follow) => self.new_base(watch, plan, follow, events, control).await,
        };
        match made {
            Ok(manifest) => {
                watch.backup = Retry::default();
                past.backup = Some(manifest.taken_at);
                let manifest = Box::new(manifest);
                tell(events, &Event::BackedUp { manifest });
            }
            Err(_) if control.is_cancelled() => return,
            Err(error) => {
                let again = watch.backup.failed(self.clock.now());
                let error = error.to_string();
                return tell(events, &Event::BackupFailed { error, again });
            }
        }
        let Some(retention) = &plan.retention else {
            return;
        };
        match self.prune(retention, false, control).await {
            Ok(pruned) => tell(events, &Event::Pruned { pruned }),
            Err(error) => {
                let error = error.to_string();
                tell(events, &Event::PruneFailed { error });
            }
        }
    }

    async fn hold_drill(
        &self,
        watch: &mut Watch,
        plan: &Plan,
        events: &dyn Events,
        control: &Control,
        past: &mut Past,
    ) {
        let error: Error = match self.drill(&plan.drill, control).await {
            Ok(report) if report.ok => {
                watch.drill = Retry::default();
                past.drill = Some(report.started_at);
                let report = Box::new(report);
                return tell(events, &Event::Drilled { report });
            }
            Ok(report) => {
                let again = watch.drill.failed(self.clock.now());
                let error = report.error.clone().unwrap_or_default();
                return tell(events, &Event::DrillFailed { error, again });
            }
            Err(_) if control.is_cancelled() => return,
            Err(error) => error,
        };
        let again = watch.drill.failed(self.clock.now());
        let error = error.to_string();
        tell(events, &Event::DrillFailed { error, again });
    }

    /// What was done before.
    async fn past(&self, watched_since: DateTime<Utc>) -> Result<Past> {
        let listed = self.list().await?;
        let complete = listed.iter().filter_map(|one| one.manifest());
        let drill = self.last_good_drill().await?;
        Ok(Past {
            backup: complete.map(|manifest| manifest.taken_at).max(),
            drill: drill.map(|report| report.started_at),
            watched_since,
        })
    }
}
