//! What is of folders alone: rights, leftovers, and folders that are not there.

use std::fs;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use mainstay::ErrorKind;
use mainstay::clock::{Clock, SystemClock};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn now_and(later: TimeDelta) -> DateTime<Utc> {
    SystemClock.now() + later
}

#[tokio::test]
async fn a_folder_is_made_only_inside_one_that_is_there() {
    let top = tempfile::tempdir().unwrap();
    let target = Target::folder(top.path().join("backups"));
    let missing = target.list("").await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::BackupTarget);
    assert!(
        missing.detail().contains("backups does not exist"),
        "{missing}"
    );
    write(&target, "main/a.backup", b"x").await.unwrap();
    assert_eq!(names(&target, "main").await, ["main/a.backup"]);

    let unmounted = Target::folder(top.path().join("disk/backups"));
    let error = write(&unmounted, "a", b"x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BackupTarget);
    assert!(error.hint().unwrap().contains("mount"), "{error}");
    assert!(!top.path().join("disk").exists());

    fs::write(top.path().join("file"), "x").unwrap();
    let file = Target::folder(top.path().join("file"));
    assert!(write(&file, "a", b"x").await.is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_a_backup() {
    use std::os::unix::fs::PermissionsExt;
    let top = tempfile::tempdir().unwrap();
    write(&Target::folder(top.path()), "a", b"x").await.unwrap();
    let mode = fs::metadata(top.path().join("a"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn leftovers_are_never_listed_and_are_removed_when_old() {
    let top = tempfile::tempdir().unwrap();
    let target = Target::folder(top.path());
    write(&target, "main/a.backup", b"x").await.unwrap();
    let leftover = top.path().join("main/b.backup#1");
    fs::write(&leftover, "half").unwrap();
    fs::write(top.path().join("main/notes#x"), "not ours").unwrap();
    let listed = names(&target, "main").await;
    assert!(
        !listed.iter().any(|name| name.contains("b.backup")),
        "{listed:?}"
    );

    let mut living = target.create("main/c.backup", None).await.unwrap();
    living.write("half".into()).await.unwrap();
    // A name that a leftover has is no obstacle.
    write(&target, "main/b.backup", b"whole").await.unwrap();

    let young = target.tidy("", HOUR, now_and(TimeDelta::minutes(59))).await;
    assert_eq!(young.unwrap(), 0);
    let old = target.tidy("", HOUR, now_and(TimeDelta::minutes(61))).await;
    assert_eq!(old.unwrap(), 1);
    assert!(!leftover.exists());
    assert!(top.path().join("main/notes#x").exists());
    living.finish().await.unwrap();
    for name in ["main/a.backup", "main/b.backup", "main/c.backup"] {
        target.size(name).await.unwrap();
    }
    assert_eq!(
        target
            .tidy("none", HOUR, now_and(TimeDelta::zero()))
            .await
            .unwrap(),
        0
    );
}

#[tokio::test]
async fn an_upload_that_is_dropped_leaves_no_file() {
    let top = tempfile::tempdir().unwrap();
    let target = Target::folder(top.path());
    let mut upload = target.create("a", None).await.unwrap();
    upload.write("some".into()).await.unwrap();
    assert_eq!(fs::read_dir(top.path()).unwrap().count(), 1);
    drop(upload);
    assert_eq!(fs::read_dir(top.path()).unwrap().count(), 0);
}
