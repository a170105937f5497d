//! Concurrent calls of one kind sent as one statement, where every statement is a round trip.
//!
//! A [`Lane`] holds the calls of one kind (reads by key of one entity, inserts of one entity). A
//! call that finds a free place runs by itself, exactly as it would without the lane. Calls that
//! arrive while all places are taken wait, and are taken together when one gets free. Nothing here
//! knows SQL: what a batch does with its calls is the lane's [`Work`].
//!
//! - `mod.rs`: [`Lanes`], the lanes of a handle
//! - [`lane`]: entering a lane, waiting in it, taking what waits
//! - [`call`]: a call that waits, and its answer
//! - `batches`: batches of several callers, as one transaction
//! - [`plan`]: how many places, how many rows at a time; pure

mod batches;
pub(crate) mod call;
pub(crate) mod lane;
pub(crate) mod plan;

#[cfg(test)]
mod tests;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

pub(crate) use call::{Batch, Call};
pub(crate) use lane::{Entered, Lane, Work};

use super::{Database, Shared};

/// The lanes of one handle, made as they are first needed.
#[derive(Default)]
pub(crate) struct Lanes {
    by_work: RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl std::fmt::Debug for Lanes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lanes").finish_non_exhaustive()
    }
}

impl Lanes {
    /// The lane of a kind of work.
    fn get<W: Work>(&self, shared: &Arc<Shared>) -> Arc<Lane<W>> {
        let kind = TypeId::of::<W>();
        // A panic while the lock is held leaves the map as it was.
        let lanes = self.by_work.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(&kind) {
            return typed(Arc::clone(lane));
        }
        drop(lanes);
        let handle: Weak<Shared> = Arc::downgrade(shared);
        let most = W::most(shared.driver.capabilities());
        let made: Arc<dyn Any + Send + Sync> = Arc::new(Lane::<W>::new(handle, most));
        let mut lanes = self.by_work.write().unwrap_or_else(PoisonError::into_inner);
        typed(Arc::clone(lanes.entry(kind).or_insert(made)))
    }
}

fn typed<W: Work>(lane: Arc<dyn Any + Send + Sync>) -> Arc<Lane<W>> {
    lane.downcast()
        .expect("a lane is kept under the type of its work")
}

impl Database {
    /// The lane of a kind of work on this handle.
    pub(crate) fn lane<W: Work>(&self) -> Arc<Lane<W>> {
        self.shared.lanes.get(&self.shared)
    }

    /// How long a statement may take unless its call says otherwise.
    pub(crate) fn statement_timeout(&self) -> Duration {
        self.shared.timeouts.statement
    }

    /// Whether calls on this handle are joined at all.
    pub(crate) fn coalesces(&self) -> bool {
        self.shared.coalesce && self.shared.driver.capabilities().round_trips
    }
}
