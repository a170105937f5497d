//! What a watch tells.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{DrillReport, Pruned};
use crate::archive::Manifest;
use crate::plan::schedule::Alert;

/// Is told what a watch does. Called from the watch itself, which goes on when the call returns.
pub trait Events: Send + Sync {
    /// Something has happened.
    fn on(&self, event: &Event);
}

/// What has happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// Nothing is due before this moment.
    Waiting {
        /// When the next thing is due.
        until: DateTime<Utc>,
    },
    /// A backup was taken.
    BackedUp {
        /// What it says of itself.
        manifest: Box<Manifest>,
    },
    /// A backup failed. It is tried again.
    BackupFailed {
        /// Why.
        error: String,
        /// When it is tried again.
        again: DateTime<Utc>,
    },
    /// A drill was held. Look at [`DrillReport::ok`].
    Drilled {
        /// How it went.
        report: Box<DrillReport>,
    },
    /// A drill could not be held, or went wrong. It is tried again.
    DrillFailed {
        /// Why.
        error: String,
        /// When it is tried again.
        again: DateTime<Utc>,
    },
    /// Backups that no rule keeps were removed.
    Pruned {
        /// What was kept and removed.
        pruned: Pruned,
    },
    /// Pruning failed. It is tried again after the next backup.
    PruneFailed {
        /// Why.
        error: String,
    },
    /// Somebody has to see to it. Said when it begins, and once an hour while it lasts.
    Alert {
        /// What is wrong.
        #[serde(flatten)]
        alert: Alert,
    },
    /// The log behind a base is followed from now on.
    Following {
        /// The base.
        base: String,
    },
    /// The log cannot be followed any further: a new base is taken. What is in the target is good.
    LogLost {
        /// Why.
        why: String,
        /// Up to when all that was acknowledged is in the target.
        newest: Option<DateTime<Utc>>,
    },
    /// Following failed. It is tried again.
    FollowFailed {
        /// Why.
        error: String,
        /// When it is tried again.
        again: DateTime<Utc>,
    },
    /// The target did not answer. It is asked again.
    Unreachable {
        /// Why.
        error: String,
    },
}

/// Tells an event to those who listen and to the log.
pub(super) fn tell(events: &dyn Events, event: &Event) {
    match event {
        Event::Waiting { .. } => {}
        Event::BackedUp { manifest } => tracing::info!(
            target: "mainstay::backup::watch",
            id = manifest.id,
            bytes = manifest.stored_bytes,
            duration_ms = manifest.duration_ms,
            "backed up"
        ),
        Event::Drilled { report } => tracing::info!(
            target: "mainstay::backup::watch",
            id = report.id,
            recovery_time_ms = report.recovery_time_ms,
            recovery_point_s = report.recovery_point_s,
            "a drill restored the backup"
        ),
        Event::Pruned { pruned } => tracing::info!(
            target: "mainstay::backup::watch",
            removed = pruned.removed,
            freed_bytes = pruned.freed_bytes,
            "pruned"
        ),
        Event::BackupFailed { error, .. } => {
            tracing::error!(target: "mainstay::backup::watch", error, "a backup failed");
        }
        Event::DrillFailed { error, .. } => {
            tracing::error!(target: "mainstay::backup::watch", error, "a drill failed");
        }
        Event::PruneFailed { error } => {
            tracing::error!(target: "mainstay::backup::watch", error, "pruning failed");
        }
        Event::Unreachable { error } => {
            tracing::error!(target: "mainstay::backup::watch", error, "the target does not answer");
        }
        Event::Following { base } => {
            tracing::info!(target: "mainstay::backup::watch", base, "the log is followed");
        }
        Event::LogLost { why, .. } => {
            tracing::error!(target: "mainstay::backup::watch", why, "the log cannot be followed further");
        }
        Event::FollowFailed { error, .. } => {
            tracing::error!(target: "mainstay::backup::watch", error, "the log is not followed");
        }
        Event::Alert { alert } => {
            tracing::error!(target: "mainstay::backup::watch", ?alert, "somebody has to see to the backups");
        }
    }
    events.on(event);
}
