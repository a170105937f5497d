//! What is copied, and how.

use std::sync::Arc;

use mainstay::{Clock, Schema, SystemClock};
use mainstay_migrate::{MigrationSet, Progress as MigrationProgress};

use super::progress::{Event, Progress};
use crate::control::Control;

/// What is copied, and how.
#[derive(Clone)]
pub struct Options {
    /// The entities, whose column types are then used. Without an entity the types follow from
    /// what the columns are on both sides.
    pub schema: Schema,
    /// The migrations. With them the target is made and migrated to where the source is; without
    /// them it has to have its tables.
    pub migrations: Option<MigrationSet>,
    /// Tables to leave out.
    pub skip: Vec<String>,
    /// Whether triggers of the target may run for every row that is copied. Otherwise a target
    /// that has such is refused.
    pub fire_triggers: bool,
    /// Whether what an unfinished copy has written is removed first.
    pub restart: bool,
    /// Who is told how far it is.
    pub progress: Option<Arc<dyn Progress>>,
    /// Who is told what the migrations do.
    pub migrating: Option<Arc<dyn MigrationProgress>>,
    /// By which it can be stopped.
    pub control: Control,
    /// When it is.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            schema: Schema::new(),
            migrations: None,
            skip: Vec::new(),
            fire_triggers: false,
            restart: false,
            progress: None,
            migrating: None,
            control: Control::new(),
            clock: Arc::new(SystemClock),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("migrations", &self.migrations.is_some())
            .field("skip", &self.skip)
            .field("fire_triggers", &self.fire_triggers)
            .field("restart", &self.restart)
            .finish_non_exhaustive()
    }
}

impl Options {
    pub(super) fn tell(&self, event: Event<'_>) {
        if let Some(progress) = &self.progress {
            progress.on(event);
        }
    }
}
