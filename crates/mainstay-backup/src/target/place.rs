//! A place where archives are kept.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;

/// A place where archives are kept: a folder, or a prefix in a bucket of a store that speaks S3.
/// Cloning gives another handle on the same.
///
/// `Display` and `Debug` tell where it is, and never a key.
#[derive(Clone)]
pub struct Target {
    pub(super) place: Place,
    /// In front of every name, in the store.
    pub(super) prefix: Path,
}

/// Where it is.
#[derive(Clone)]
pub(super) enum Place {
    Folder(PathBuf),
    Store {
        store: Arc<dyn ObjectStore>,
        /// As a user would write it.
        name: String,
    },
}

impl Target {
    /// A folder. It is made at the first write if the folder it stands in exists.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self {
            place: Place::Folder(path.into()),
            prefix: Path::default(),
        }
    }

    /// A target in memory, for tests.
    pub fn memory() -> Self {
        Self {
            place: Place::Store {
                store: Arc::new(InMemory::new()),
                name: "memory:".to_owned(),
            },
            prefix: Path::default(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Folder(path) => path.display().fmt(f),
            Place::Store { name, .. } => f.write_str(name),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}
