//! Disks without room, which takes the right to mount one; without it there is nothing to test with.
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use mainstay::ErrorKind;

use super::super::capture::workspace_in;
use super::*;

/// A file system of 16 MB, unmounted with the value.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", "size=16m", "mainstay-test"])
            .arg(folder.path());
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status
            .is_ok_and(|status| status.success())
            .then_some(Self(folder))
    }

    fn fill(&self, leave: usize) {
        let free = super::super::files::room(self.0.path()).expect("it says");
        let bytes = usize::try_from(free).expect("small") - leave;
        std::fs::write(self.0.path().join("ballast"), vec![1; bytes]).expect("it fits");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let mut command = Command::new("umount");
        let _ = command
            .arg("-l")
            .arg(self.0.path())
            .stderr(Stdio::null())
            .status();
    }
}

#[tokio::test]
async fn a_full_disk_is_told_before_and_nothing_is_left() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let path = disk.0.path().join("app.db");
    make(
        &path,
        "CREATE TABLE t (a); INSERT INTO t VALUES (randomblob(4000000))",
    );
    let engine = engine(&path);
    let backup = back_up(&engine).expect("there is room");
    disk.fill(2 * 1024 * 1024);
    // The copy is made elsewhere; where there is no room either, both are named.
    back_up(&engine).expect("in the folder for temporary files");
    let other = disk.0.path().join("other");
    std::fs::create_dir(&other).expect("made");
    let size = backup.raw.len() as u64;
    let error = workspace_in(&path, &other, size, &SystemEntropy).expect_err("no room");
    assert_eq!(error.kind(), ErrorKind::DiskFull);
    assert_eq!(error.detail().matches("MB left").count(), 2, "{error}");
    let place = engine.place().await.expect("a place is small");
    let mut raw = backup.raw.as_slice();
    let error = engine.restore(&backup.manifest, &mut raw, &place, &Control::new());
    let error = error.expect_err("no room");
    assert_eq!(error.kind(), ErrorKind::DiskFull);
    assert!(error.hint().is_some());
    // It fills up while the file is written.
    let mut manifest = backup.manifest.clone();
    manifest.raw_bytes = 1000;
    let mut raw = backup.raw.as_slice();
    let error = engine.restore(&manifest, &mut raw, &place, &Control::new());
    assert_eq!(error.expect_err("no room").kind(), ErrorKind::DiskFull);
    engine.discard(place).await.expect("discarded");
    assert_eq!(names(disk.0.path()), ["app.db", "ballast", "other"]);
    assert_eq!(number(&path, "SELECT count(*) FROM t"), 1);
}

#[test]
fn a_disk_that_fills_up_while_it_is_copied_is_told() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    make(
        &path,
        "CREATE TABLE t (a); INSERT INTO t VALUES (randomblob(4000000))",
    );
    disk.fill(1024 * 1024);
    let source = super::super::open::existing(&path, Duration::from_secs(1)).expect("opens");
    source.execute_batch("BEGIN").expect("begins");
    let copy = disk.0.path().join("copy.db");
    let control = Control::new();
    let copied = super::super::trial::together(
        &path,
        &control,
        |_| Ok(()),
        |course| super::super::capture::copy_pages(&source, &path, &copy, &control, course),
    );
    let error = copied.expect_err("no room");
    assert_eq!(error.kind(), ErrorKind::DiskFull, "{error}");
}
