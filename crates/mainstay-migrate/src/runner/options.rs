//! How migrations are run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::plan::Goal;
use crate::progress::Progress;

/// How migrations are run.
#[derive(Clone)]
pub struct Options {
    /// The longest all of it may take, waiting for another instance included.
    pub timeout: Duration,
    /// Where the database is to be brought.
    pub goal: Goal,
    /// Who is told what happens.
    pub progress: Option<Arc<dyn Progress>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(600),
            goal: Goal::Up,
            progress: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("timeout", &self.timeout)
            .field("goal", &self.goal)
            .field("progress", &self.progress.is_some())
            .finish()
    }
}

impl From<Goal> for Options {
    fn from(goal: Goal) -> Self {
        Self {
            goal,
            ..Self::default()
        }
    }
}
