//! Writing an object, to any target.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mainstay::Result;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::task::JoinHandle;

use super::fault;
use super::folder::FolderUpload;
use super::place::Target;

/// The least bytes of a part. Stores take no smaller ones but for the last.
const PART: u64 = 8 << 20;
/// How long the answer to the last part of an upload that is given up is waited for.
const LAST_PART: Duration = Duration::from_secs(10);

/// A store takes 10,000 parts. The first so many are all of one size, which some stores want.
const EVEN_PARTS: u64 = 9_000;

/// An object that is being written. It is there under its name once [`finish`](Self::finish) has
/// returned. Dropping it leaves nothing.
#[derive(Debug)]
pub struct Upload(Way);

#[derive(Debug)]
enum Way {
    Folder(FolderUpload),
    Store(Box<StoreUpload>),
}

impl Upload {
    pub(super) async fn to_folder(_: &Target, root: &std::path::Path, name: &str) -> Result<Self> {
        Ok(Self(Way::Folder(FolderUpload::new(root, name).await?)))
    }

    pub(super) async fn to_store(
        target: &Target,
        store: Arc<dyn ObjectStore>,
        path: Path,
        name: &str,
        expected: Option<u64>,
    ) -> Result<Self> {
        Ok(Self(Way::Store(Box::new(StoreUpload {
            target: target.clone(),
            name: name.to_owned(),
            store,
            path,
            parts: None,
            part_size: part_size(expected),
            sent: 0,
            waiting: Vec::new(),
            waiting_bytes: 0,
            on_its_way: None,
        }))))
    }

    /// Takes the next bytes. Waits while the target takes none.
    ///
    /// # Errors
    /// `BACKUP_TARGET_ERROR` and `DISK_FULL` when the target cannot be written to.
    /// The upload is of no use then.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        match &mut self.0 {
            Way::Folder(upload) => upload.write(bytes).await,
            Way::Store(upload) => upload.write(bytes).await,
        }
    }

    /// Makes it durable, and then visible under its name.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub async fn finish(self) -> Result<()> {
        match self.0 {
            Way::Folder(upload) => upload.finish().await,
            Way::Store(upload) => upload.finish().await,
        }
    }

    /// Gives it up, and waits until nothing is left of it.
    pub async fn abort(self) {
        match self.0 {
            Way::Folder(upload) => drop(upload),
            Way::Store(upload) => upload.abort().await,
        }
    }
}

/// How large parts have to be for an object of about this size.
fn part_size(expected: Option<u64>) -> u64 {
    let mebibyte = 1 << 20;
    let even = expected.unwrap_or(0).div_ceil(EVEN_PARTS);
    even.next_multiple_of(mebibyte).max(PART)
}

/// An object that is sent to a store in parts, one on its way while the next is collected.
#[derive(Debug)]
struct StoreUpload {
    target: Target,
    name: String,
    store: Arc<dyn ObjectStore>,
    path: Path,
    /// `None` until there is more than one part, and in the end.
    parts: Option<Box<dyn MultipartUpload>>,
    part_size: u64,
    sent: u64,
    waiting: Vec<Bytes>,
    waiting_bytes: u64,
    on_its_way: Option<JoinHandle<object_store::Result<()>>>,
}

impl StoreUpload {
    async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        while !bytes.is_empty() {
            let size = self.next_size();
            let room = usize::try_from(size - self.waiting_bytes).unwrap_or(usize::MAX);
            let taken = bytes.split_to(room.min(bytes.len()));
            self.waiting_bytes += taken.len() as u64;
            self.waiting.push(taken);
            if self.waiting_bytes == size {
                self.send().await?;
            }
        }
        Ok(())
    }

    fn next_size(&self) -> u64 {
        match self.sent < EVEN_PARTS {
            true => self.part_size,
            // The object is larger than was expected: what parts there are left hold a lot.
            false => self.part_size * 16,
        }
    }

    /// Sends what waits as the next part, once the one before has arrived.
    async fn send(&mut self) -> Result<()> {
        self.arrived().await?;
        let payload = self.payload();
        let parts = match &mut self.parts {
            Some(parts) => parts,
            None => {
                let begun = self.store.put_multipart(&self.path).await;
                let begun = begun.map_err(|why| self.fault(why))?;
                self.parts.insert(begun)
            }
        };
        self.on_its_way = Some(tokio::spawn(parts.put_part(payload)));
        self.sent += 1;
        Ok(())
    }

    async fn arrived(&mut self) -> Result<()> {
        let Some(part) = &mut self.on_its_way else {
            return Ok(());
        };
        let arrived = part.await;
        self.on_its_way = None;
        let arrived = arrived.unwrap_or_else(|source| Err(source.into()));
        arrived.map_err(|why| self.fault(why))
    }

    fn payload(&mut self) -> PutPayload {
        self.waiting_bytes = 0;
        PutPayload::from_iter(std::mem::take(&mut self.waiting))
    }

    async fn finish(mut self) -> Result<()> {
        if self.parts.is_none() {
            // It is small: one request, which a store takes as a whole or not at all.
            let payload = self.payload();
            let put = self.store.put(&self.path, payload).await;
            return put.map(drop).map_err(|why| self.fault(why));
        }
        if self.waiting_bytes > 0 {
            self.send().await?;
        }
        self.arrived().await?;
        if let Some(parts) = &mut self.parts {
            let completed = parts.complete().await;
            completed.map_err(|why| self.fault(why))?;
        }
        self.parts = None;
        Ok(())
    }

    async fn abort(mut self) {
        if let Some(parts) = self.parts.take() {
            give_up(parts, self.on_its_way.take(), &self.name).await;
        }
    }

    fn fault(&self, why: object_store::Error) -> mainstay::Error {
        fault::writing(&self.target, &self.name, why)
    }
}

async fn give_up(
    mut parts: Box<dyn MultipartUpload>,
    on_its_way: Option<JoinHandle<object_store::Result<()>>>,
    name: &str,
) {
    // A part that arrived after all others were forgotten would stay. What the store has of it already
    // cannot be called back, so its answer is waited for.
    if let Some(mut part) = on_its_way
        && tokio::time::timeout(LAST_PART, &mut part).await.is_err()
    {
        part.abort();
        let _ = part.await;
    }
    if let Err(why) = parts.abort().await {
        tracing::warn!(name, %why, "the parts of an upload that was given up may be left");
    }
}

impl Drop for StoreUpload {
    fn drop(&mut self) {
        let Some(parts) = self.parts.take() else {
            return;
        };
        let (part, name) = (self.on_its_way.take(), self.name.clone());
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move { give_up(parts, part, &name).await })),
            Err(_) => tracing::warn!(name, "the parts of an upload that was given up are left"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_even_and_few_enough() {
        assert_eq!(part_size(None), PART);
        assert_eq!(part_size(Some(10 << 30)), PART);
        let terabyte = part_size(Some(1 << 40));
        assert!(terabyte * EVEN_PARTS >= 1 << 40);
        assert_eq!(terabyte % (1 << 20), 0);
    }
}
