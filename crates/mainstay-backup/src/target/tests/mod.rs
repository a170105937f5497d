//! One suite of behaviour over all targets, and what is of folders or of stores alone.

mod folder;
#[cfg(feature = "s3")]
mod s3;
mod suite;

use super::*;

pub(super) async fn write(target: &Target, name: &str, bytes: &[u8]) -> Result<()> {
    let mut upload = target.create(name, Some(bytes.len() as u64)).await?;
    for piece in bytes.chunks(1 << 20) {
        upload.write(Bytes::copy_from_slice(piece)).await?;
    }
    upload.finish().await
}

pub(super) async fn names(target: &Target, folder: &str) -> Vec<String> {
    let listing = target.list(folder).await.unwrap();
    listing
        .objects
        .into_iter()
        .map(|found| found.name)
        .collect()
}

#[tokio::test]
async fn a_folder_keeps_the_promises() {
    let folder = tempfile::tempdir().unwrap();
    suite::run(&Target::folder(folder.path().join("backups"))).await;
}

#[tokio::test]
async fn memory_keeps_the_promises() {
    suite::run(&Target::memory()).await;
}
