//! What is known of a SQLite database that is backed up.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use mainstay::{Clock, Config, Entropy};

use super::workspace::Workspace;

/// Backups of one SQLite file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    pub(super) config: Config,
    /// As it is configured: it may be a link, and need not exist.
    pub(super) path: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    /// The places that were made and are neither swapped in nor discarded. They go with this value.
    pub(super) places: Mutex<HashMap<PathBuf, Workspace>>,
}
