//! Writing to a folder: what is written is complete and on the disk, or not there at all.
//!
//! `object_store` reads and lists folders; writing is done here. Its own upload leaves the temporary
//! file where the disk turns out to be full at the end, and nobody can tell whether the writer of one
//! it finds still lives. Here the temporary file is locked while its writer lives. Its name ends with
//! `#` and digits, which `object_store` lists in no folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use mainstay::{Error, Result};

use super::fault;
use super::place::Target;

/// The bytes that are read from a file at a time.
const PIECE: u64 = 1 << 20;

/// A file in the making.
#[derive(Debug)]
pub(super) struct FolderUpload {
    /// `None` while a write has it on another thread, after one has failed, and in the end.
    file: Option<File>,
    temporary: Temporary,
    path: PathBuf,
}

/// Removes the temporary file, unless it has become the real one.
#[derive(Debug)]
struct Temporary(Option<PathBuf>);

impl Temporary {
    fn publish(mut self, path: &Path) -> io::Result<()> {
        if let Some(temporary) = &self.0 {
            std::fs::rename(temporary, path)?;
        }
        self.0.take();
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = self.0.take()
            && let Err(why) = std::fs::remove_file(&path)
        {
            tracing::warn!(path = %path.display(), %why, "a temporary file could not be removed");
        }
    }
}

impl FolderUpload {
    /// Begins to write `name` in the folder `root`, which is made if the one it stands in exists.
    pub(super) async fn new(root: &Path, name: &str) -> Result<Self> {
        let (root, name) = (root.to_path_buf(), name.to_owned());
        blocking(move || {
            make_root(&root)?;
            let path = root.join(name);
            let (file, temporary) = begin(&root, &path)?;
            Ok(Self {
                file: Some(file),
                temporary: Temporary(Some(temporary)),
                path,
            })
        })
        .await
    }

    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let mut file = self.take()?;
        let path = self.path.clone();
        let file = blocking(move || match file.write_all(&bytes) {
            Ok(()) => Ok(file),
            Err(why) => Err(fault::file("writing", &path, why)),
        });
        self.file = Some(file.await?);
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<()> {
        let file = self.take()?;
        blocking(move || {
            let path = &self.path;
            let told = |why| fault::file("writing", path, why);
            file.sync_all().map_err(told)?;
            self.temporary.publish(path).map_err(told)?;
            // Only now, so that nobody takes the file for a leftover in between.
            drop(file);
            sync_folder(path.parent()).map_err(told)
        })
        .await
    }

    fn take(&mut self) -> Result<File> {
        self.file.take().ok_or_else(|| {
            fault::file(
                "writing",
                &self.path,
                io::Error::other("an earlier write failed or was given up"),
            )
        })
    }
}

/// Makes the folder, if the one it stands in exists.
pub(super) async fn prepare(root: &Path) -> Result<()> {
    let root = root.to_path_buf();
    blocking(move || make_root(&root)).await
}

/// A temporary file for this one, with the folders in front of it.
fn begin(root: &Path, path: &Path) -> Result<(File, PathBuf)> {
    let mut attempts = 0;
    loop {
        make_folders(root, path)?;
        match new_file(path) {
            // Someone removed the last object of the folder just now, and the folder with it.
            Err(why) if why.kind() == io::ErrorKind::NotFound && attempts < 10 => attempts += 1,
            made => return made.map_err(|why| fault::file("making", path, why)),
        }
    }
}

fn make_root(root: &Path) -> Result<()> {
    if root.is_dir() {
        return Ok(());
    }
    match std::fs::create_dir(root) {
        Ok(()) => {
            tracing::info!(folder = %root.display(), "made the folder for backups");
            sync_folder(root.parent()).map_err(|why| fault::file("making", root, why))
        }
        Err(why) if why.kind() == io::ErrorKind::NotFound => Err(fault::missing_parent(root)),
        Err(_) if root.is_dir() => Ok(()),
        Err(why) => Err(fault::file("making", root, why)),
    }
}

/// Makes the folders between the root and the file, each on the disk before the next.
fn make_folders(root: &Path, path: &Path) -> Result<()> {
    let folders: Vec<_> = path
        .ancestors()
        .skip(1)
        .take_while(|folder| *folder != root)
        .collect();
    for folder in folders.into_iter().rev() {
        if folder.is_dir() {
            continue;
        }
        let made = match std::fs::create_dir(folder) {
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
            made => made,
        };
        made.and_then(|()| sync_folder(folder.parent()))
            .map_err(|why| fault::file("making", folder, why))?;
    }
    Ok(())
}

/// A new temporary file beside this one, locked.
fn new_file(path: &Path) -> io::Result<(File, PathBuf)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // A backup has everything the database has.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut number = 1_u64;
    loop {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(format!("#{number}"));
        let temporary = PathBuf::from(temporary);
        match options.open(&temporary) {
            Ok(file) => {
                // Where locks are not known, age alone tells that a file is a leftover.
                let _ = file.try_lock();
                return Ok((file, temporary));
            }
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(why) => return Err(why),
        }
    }
}

fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    let folder = match folder {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return Ok(()),
    };
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// The bytes of a file, piece by piece.
pub(super) fn stream(path: PathBuf, range: Range<u64>) -> BoxStream<'static, Result<Bytes>> {
    let state = (None, path, range);
    stream::try_unfold(state, |(file, path, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        blocking(move || {
            let file = match file {
                Some(file) => file,
                None => File::open(&path).map_err(|why| fault::opening(&path, why))?,
            };
            let bytes = piece(&file, &range).map_err(|why| fault::file("reading", &path, why))?;
            let next = range.start + bytes.len() as u64..range.end;
            Ok(Some((bytes, (Some(file), path, next))))
        })
        .await
    })
    .boxed()
}

fn piece(mut file: &File, range: &Range<u64>) -> io::Result<Bytes> {
    use std::io::{Read, Seek, SeekFrom};
    let length = (range.end - range.start).min(PIECE);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.seek(SeekFrom::Start(range.start))?;
    file.take(length).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes.into())
}

/// Removes leftovers of writers that are gone, in this folder and those below.
pub(super) async fn tidy(
    target: &Target,
    folder: PathBuf,
    age: Duration,
    now: DateTime<Utc>,
) -> Result<u64> {
    let name = target.to_string();
    blocking(move || {
        let mut removed = 0;
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            let told = |why| fault::file("reading", &folder, why);
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(why) if why.kind() == io::ErrorKind::NotFound => continue,
                Err(why) => return Err(told(why)),
            };
            for entry in entries {
                let entry = entry.map_err(told)?;
                let kind = entry.file_type().map_err(told)?;
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() && is_leftover(&entry.path(), age, now) {
                    let path = entry.path();
                    std::fs::remove_file(&path)
                        .map_err(|why| fault::file("removing", &path, why))?;
                    tracing::info!(target = name, path = %path.display(), "removed a leftover");
                    removed += 1;
                }
            }
        }
        Ok(removed)
    })
    .await
}

fn is_leftover(path: &Path, age: Duration, now: DateTime<Utc>) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let number = name.and_then(|name| name.rsplit_once('#'));
    if !number.is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) {
        return false;
    }
    let Ok(file) = File::open(path) else {
        return false;
    };
    let written = file.metadata().and_then(|found| found.modified());
    let is_old = written.is_ok_and(|at| {
        let since = now.signed_duration_since(DateTime::<Utc>::from(at));
        since.to_std().is_ok_and(|since| since >= age)
    });
    // A lock that others have is a writer that lives; no locks at all leave only the age.
    is_old && !matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|why| Err(Error::unexpected(why)))
}
