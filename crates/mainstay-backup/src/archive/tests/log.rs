//! Segments of a log: written, listed, read, missing and exchanged.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mainstay::ErrorKind;

use super::*;
use crate::archive::segment;
use crate::target::Target;

fn meta(sequence: u64) -> SegmentMeta {
    let from = DateTime::<Utc>::from_timestamp(1_700_000_000, 0).unwrap();
    let from = from + TimeDelta::seconds(sequence as i64);
    SegmentMeta {
        sequence,
        from,
        to: from + TimeDelta::milliseconds(999),
        detail: serde_json::json!({"secret_salt": sequence}),
    }
}

fn log(target: &Target, base: &str, keys: Keys) -> Log {
    let entropy = Arc::new(SeededEntropy::new(7));
    Log::new(target, "main", base, keys, entropy)
}

fn both(keys: &Identities) -> Keys {
    Keys {
        recipients: Some(keys.recipients()),
        identities: Some(keys.clone()),
    }
}

#[tokio::test]
async fn segments_are_listed_by_name_and_read_back() {
    let keys = keys();
    for keys in [Keys::default(), both(&keys)] {
        let target = Target::memory();
        let log = log(&target, "base", keys);
        assert!(log.list().await.unwrap().is_empty());
        // The second one is larger than what is fetched at once.
        let contents = [noise(0, 1), noise(9 << 20, 2), noise(5000, 3)];
        let mut appended = Vec::new();
        for (number, bytes) in contents.iter().enumerate() {
            let meta = meta(number as u64 + 10);
            appended.push(log.append(meta, bytes.clone()).await.unwrap());
        }
        let listed = log.list().await.unwrap();
        assert_eq!(listed, appended);
        assert!(listed[0].name.starts_with("main/base.log/"), "{listed:?}");
        for (segment, expected) in listed.iter().zip(&contents) {
            let (told, bytes) = log.read(segment).await.unwrap();
            assert!(bytes == *expected);
            assert_eq!(told, meta(segment.sequence));
        }
        let rest = log.list_after(Some(&listed[1])).await.unwrap();
        assert_eq!(rest, listed[2..]);
        log.remove(&listed[1]).await.unwrap();
        let gaps = segment::gaps(&log.list().await.unwrap());
        assert_eq!(gaps.len(), 1);
        assert!(gaps[0].to_string().contains("segment 11 is missing"));
        let gone = log.read(&listed[1]).await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_segment_under_another_name_is_found() {
    let target = Target::memory();
    let ours = log(&target, "base", Keys::default());
    let first = ours.append(meta(1), b"one".to_vec()).await.unwrap();
    let second = ours.append(meta(2), b"two".to_vec()).await.unwrap();
    let theirs = log(&target, "other", Keys::default());
    let foreign = theirs.append(meta(2), b"two".to_vec()).await.unwrap();
    for source in [&first, &foreign] {
        let bytes = target.read_range(&source.name, 0..source.size).await;
        let mut upload = target.create(&second.name, None).await.unwrap();
        upload.write(bytes.unwrap()).await.unwrap();
        upload.finish().await.unwrap();
        let listed = ours.list().await.unwrap();
        let error = ours.read(&listed[1]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BackupDamaged);
        assert!(error.detail().contains("it is segment"), "{error}");
    }
}

#[tokio::test]
async fn every_byte_of_a_segment_counts() {
    let keys = keys();
    let target = Target::memory();
    let log = log(&target, "base", both(&keys));
    let segment = log.append(meta(1), b"some frames".to_vec()).await.unwrap();
    let bytes = target.read_range(&segment.name, 0..segment.size).await;
    let bytes = bytes.unwrap().to_vec();
    for secret in [&b"some frames"[..], b"secret_salt"] {
        assert!(!bytes.windows(secret.len()).any(|part| part == secret));
    }
    let mut damaged = Vec::new();
    for at in (0..bytes.len()).step_by(3) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        damaged.push(flipped);
    }
    damaged.push(bytes[..bytes.len() - 1].to_vec());
    damaged.push(bytes[..10].to_vec());
    for flipped in damaged {
        let mut upload = target.create(&segment.name, None).await.unwrap();
        upload.write(flipped.into()).await.unwrap();
        upload.finish().await.unwrap();
        let listed = log.list().await.unwrap();
        let error = log.read(&listed[0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BackupDamaged, "{error}");
        assert!(error.detail().contains(&segment.name), "{error}");
    }
}

#[tokio::test]
async fn an_encrypted_segment_needs_the_key() {
    let keys = keys();
    let target = Target::memory();
    let segment = log(&target, "base", both(&keys))
        .append(meta(1), b"frames".to_vec())
        .await
        .unwrap();
    let without = log(&target, "base", Keys::default());
    assert_eq!(
        without.list().await.unwrap(),
        std::slice::from_ref(&segment)
    );
    let error = without.read(&segment).await.unwrap_err();
    assert!(error.detail().contains("no key was given"), "{error}");
    let wrong = log(&target, "base", both(&super::keys()));
    let error = wrong.read(&segment).await.unwrap_err();
    assert!(error.detail().contains("none of the keys"), "{error}");
}

#[tokio::test]
async fn a_list_reads_names_alone() {
    let top = tempfile::tempdir().unwrap();
    let target = Target::folder(top.path());
    let log = log(&target, "base", Keys::default());
    log.append(meta(0), b"frames".to_vec()).await.unwrap();
    let folder = top.path().join(log.folder());
    // Nothing is in them that could be read.
    for number in 1..3000 {
        let SegmentMeta { from, to, .. } = meta(number);
        std::fs::write(folder.join(segment::file_name(number, from, to)), "").unwrap();
    }
    let listed = log.list().await.unwrap();
    assert_eq!(listed.len(), 3000);
    assert_eq!(segment::gaps(&listed), []);
    assert_eq!(listed[2999].from, meta(2999).from);
}
