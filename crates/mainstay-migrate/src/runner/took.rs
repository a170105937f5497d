//! What one attempt to take a step came to.

use super::report::Applied;
use crate::migration::Direction;
use crate::plan::Mode;

/// What one attempt to take a step came to.
pub(super) enum Took {
    /// Another instance has the lock.
    Busy,
    /// Migrations were applied or undone; there may be more.
    Steps(Vec<(Direction, Applied)>),
    /// The next one is to be run in this way.
    Otherwise(Mode),
    /// The target is reached; so many are applied.
    Reached(usize),
}
