//! A place in the pool that is taken.

use std::sync::Arc;

use tokio::time::Instant;

use super::shared::Shared;
use super::state::{Idle, Role};

/// A place and what it is used for. One that is dropped without a word, with the task that had it,
/// becomes free.
pub(super) struct Place {
    shared: Arc<Shared>,
    role: Role,
    taken: bool,
}

impl Place {
    pub(super) fn new(shared: Arc<Shared>, role: Role) -> Self {
        Self {
            shared,
            role,
            taken: true,
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The connection can be used by others.
    pub(super) fn give_back(mut self, idle: Idle, now: Instant) {
        self.taken = false;
        self.shared.give_back(self.role, idle, now);
    }

    /// The connection is to be closed.
    pub(super) fn give_up(mut self, gone: Option<Idle>, broken: bool) {
        self.taken = false;
        self.shared.give_up(self.role, gone, broken);
    }

    /// Somebody else accounts for the place from now on.
    pub(super) fn pass_on(mut self) {
        self.taken = false;
    }

    /// A loan turns into a recovery. `None` when the pool has taken the connection back.
    pub(super) fn into_recovery(mut self, idle: &Idle) -> Result<Self, Self> {
        if self.shared.start_recovery(self.role, &idle.note) {
            self.role = Role::Recovering;
            Ok(self)
        } else {
            Err(self)
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.taken {
            self.shared.abandon(self.role);
        }
    }
}
