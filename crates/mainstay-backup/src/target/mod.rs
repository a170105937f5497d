//! Where archives are kept.
//!
//! - `place`: [`Target`], one of them; `mod.rs`: what can be done with any
//! - `address`: what a user writes, taken apart
//! - `folder`: writing to a folder: complete and on the disk, or not at all
//! - `upload`: writing to any of them
//! - `s3`: stores that speak S3, behind the cargo feature of that name; `answer`: what they answer
//! - `fault`: errors of targets, in words; `cause`: what is below an error
//!
//! Objects have names of parts with `/` between them, as files in folders have. Nothing is there
//! under its name before it is complete.

mod address;
#[cfg(feature = "s3")]
mod answer;
mod cause;
mod fault;
mod folder;
mod place;
#[cfg(feature = "s3")]
mod s3;
mod upload;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use mainstay::Result;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use address::Address;
use place::Place;
pub use place::Target;
pub use upload::Upload;

/// The bytes that are fetched from a store with one request.
const PIECE: usize = 8 << 20;

/// What there is to know of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name in the target.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// When it was written, by the clock of whoever keeps it.
    pub written_at: DateTime<Utc>,
}

/// What stands in one folder of a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The objects, by name.
    pub objects: Vec<Object>,
    /// The names of the folders in it, with all that stands in front.
    pub folders: Vec<String>,
}

impl Target {
    /// Takes the text that names a target apart: a path, `file:///path`, or `s3://bucket/prefix`.
    ///
    /// `environment` has the settings of a store, by the names that the tools of AWS read from the
    /// environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`,
    /// and so on. Nothing is read or written yet.
    ///
    /// # Errors
    /// `CONFIGURATION_ERROR` when the text names no target, or settings are missing or wrong;
    /// `UNSUPPORTED` when this build has no S3.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use mainstay_backup::target::Target;
    ///
    /// let target = Target::parse("file:///var/backups", &HashMap::new())?;
    /// assert_eq!(target.to_string(), "/var/backups");
    /// # Ok::<(), mainstay::Error>(())
    /// ```
    pub fn parse(text: &str, environment: &HashMap<String, String>) -> Result<Self> {
        match Address::parse(text)? {
            Address::Folder(path) => Ok(Self::folder(path)),
            Address::S3 { bucket, prefix } => Self::s3(&bucket, prefix, environment),
        }
    }

    #[cfg(not(feature = "s3"))]
    fn s3(bucket: &str, _: Path, _: &HashMap<String, String>) -> Result<Self> {
        Err(fault::no_s3(bucket))
    }

    /// Makes the folder, if the one it stands in exists, so that a target that was never written to
    /// can be listed. For a store, nothing is to be done.
    ///
    /// # Errors
    /// `BACKUP_TARGET_ERROR` and `ACCESS_DENIED` when it cannot be made.
    pub async fn prepare(&self) -> Result<()> {
        match &self.place {
            Place::Folder(root) => folder::prepare(root).await,
            Place::Store { .. } => Ok(()),
        }
    }

    /// What stands in a folder, the top one if it is empty, and not in those below it. A folder that
    /// nothing was written to has nothing in it.
    ///
    /// # Errors
    /// `BACKUP_TARGET_ERROR` when the target cannot be read.
    pub async fn list(&self, folder: &str) -> Result<Listing> {
        let (store, path) = self.at(folder)?;
        let found = store.list_with_delimiter(Some(&path)).await;
        let found = found.map_err(|why| fault::reading(self, folder, why))?;
        let mut listing = Listing {
            objects: self.objects(found.objects),
            folders: found
                .common_prefixes
                .iter()
                .filter_map(|path| self.name_of(path))
                .collect(),
        };
        listing.folders.sort_unstable();
        Ok(listing)
    }

    /// The objects in a folder and in those below it, by name; only those whose names come after
    /// `after`, where that is given.
    ///
    /// # Errors
    /// As for [`list`](Self::list).
    pub async fn walk(&self, folder: &str, after: Option<&str>) -> Result<Vec<Object>> {
        let (store, path) = self.at(folder)?;
        let found = match after {
            Some(after) => store.list_with_offset(Some(&path), &self.at(after)?.1),
            None => store.list(Some(&path)),
        };
        let found = found.try_collect().await;
        Ok(self.objects(found.map_err(|why| fault::reading(self, folder, why))?))
    }

    fn objects(&self, found: Vec<ObjectMeta>) -> Vec<Object> {
        let mut objects: Vec<_> = found
            .into_iter()
            .filter_map(|meta| {
                Some(Object {
                    name: self.name_of(&meta.location)?,
                    size: meta.size,
                    written_at: meta.last_modified,
                })
            })
            .collect();
        objects.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        objects
    }

    fn name_of(&self, path: &Path) -> Option<String> {
        let parts: Vec<_> = path.prefix_match(&self.prefix)?.collect();
        let parts: Vec<_> = parts.iter().map(AsRef::as_ref).collect();
        Some(parts.join("/"))
    }

    /// The bytes of an object.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is none of this name; `BACKUP_TARGET_ERROR` when the
    /// target cannot be read.
    pub async fn size(&self, name: &str) -> Result<u64> {
        let (store, path) = self.at(name)?;
        let found = store.head(&path).await;
        Ok(found.map_err(|why| fault::reading(self, name, why))?.size)
    }

    /// Some bytes of an object, at once.
    ///
    /// # Errors
    /// As for [`size`](Self::size), and when the object has not so many.
    pub async fn read_range(&self, name: &str, range: Range<u64>) -> Result<Bytes> {
        let (store, path) = self.at(name)?;
        let read = store.get_range(&path, range.clone()).await;
        let bytes = read.map_err(|why| fault::reading(self, name, why))?;
        if bytes.len() as u64 != range.end - range.start {
            return Err(fault::short(self, name, range, bytes.len()));
        }
        Ok(bytes)
    }

    /// Some bytes of an object, piece by piece. Nothing is read before the first piece is asked for.
    ///
    /// From a store each piece is a request of its own, so that one that fails is sent again by
    /// itself, and a reader that takes its time breaks no connection.
    ///
    /// # Errors
    /// As for [`size`](Self::size), in any piece.
    pub fn stream(
        &self,
        name: &str,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        let path = self.path(name)?;
        if let Place::Folder(root) = &self.place {
            return Ok(folder::stream(root.join(path.as_ref()), range));
        }
        let (target, name) = (self.clone(), name.to_owned());
        let pieces = range.clone().step_by(PIECE).map(move |start| {
            let end = range.end.min(start + PIECE as u64);
            let (target, name) = (target.clone(), name.clone());
            async move { target.read_range(&name, start..end).await }
        });
        // One is fetched while the one before is used.
        Ok(futures_util::stream::iter(pieces).buffered(2).boxed())
    }

    /// Begins to write an object. `expected` is about how many bytes it will have, if that is known.
    /// It is there under its name when [`Upload::finish`] has returned, whole and on the disk, and
    /// takes the place of one that had the name. Dropping the upload leaves nothing.
    ///
    /// # Errors
    /// `BACKUP_TARGET_ERROR` and `DISK_FULL` when the target cannot be written to.
    pub async fn create(&self, name: &str, expected: Option<u64>) -> Result<Upload> {
        let path = self.path(name)?;
        match &self.place {
            Place::Folder(root) => Upload::to_folder(self, root, name).await,
            Place::Store { store, .. } => {
                Upload::to_store(self, Arc::clone(store), path, name, expected).await
            }
        }
    }

    /// Removes an object. Nothing happens if there is none of this name.
    ///
    /// # Errors
    /// `BACKUP_TARGET_ERROR` when it cannot be removed.
    pub async fn delete(&self, name: &str) -> Result<()> {
        let (store, path) = self.at(name)?;
        match store.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(why) => Err(fault::writing(self, name, why)),
        }
    }

    /// Removes what writers that were killed left in a folder and in those below it, and that is
    /// older than `age`. Such leftovers are never listed. A writer that still writes is left alone.
    /// A store forgets unfinished uploads by a rule of its bucket, and nothing is done here.
    ///
    /// # Errors
    /// As for [`delete`](Self::delete).
    pub async fn tidy(&self, folder: &str, age: Duration, now: DateTime<Utc>) -> Result<u64> {
        let path = self.path(folder)?;
        match &self.place {
            Place::Folder(root) => folder::tidy(self, root.join(path.as_ref()), age, now).await,
            Place::Store { .. } => Ok(0),
        }
    }

    /// The store, and the path of a name in it.
    fn at(&self, name: &str) -> Result<(Arc<dyn ObjectStore>, Path)> {
        let path = self.path(name)?;
        let store = match &self.place {
            Place::Store { store, .. } => Arc::clone(store),
            Place::Folder(root) => {
                let local = LocalFileSystem::new_with_prefix(root);
                let local = local.map_err(|why| fault::no_folder(root, why))?;
                // A folder whose last object is removed goes with it.
                Arc::new(local.with_automatic_cleanup(true))
            }
        };
        Ok((store, path))
    }

    fn path(&self, name: &str) -> Result<Path> {
        let path = address::path(name)?;
        Ok(self.prefix.parts().chain(path.parts()).collect())
    }
}
