//! What every target promises. The target is empty.

use futures_util::TryStreamExt;
use mainstay::ErrorKind;

use super::*;
use crate::archive::{Archive, Options, Writer};
use crate::control::Control;
use crate::{archive, failure, pipe};

pub(in crate::target) async fn run(target: &Target) {
    written_is_read(target).await;
    unfinished_is_not_there(target).await;
    lists(target).await;
    missing(target).await;
    through_the_pipe(target).await;
}

fn some(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 / 3 % 251) as u8).collect()
}

async fn written_is_read(target: &Target) {
    // One request, one part, several parts.
    for length in [0, 1, 1 << 20, (8 << 20) + 1, 20 << 20] {
        let bytes = some(length);
        write(target, "read/object", &bytes).await.unwrap();
        assert_eq!(target.size("read/object").await.unwrap(), length as u64);
        let read = target.stream("read/object", 0..length as u64).unwrap();
        let read: Vec<Bytes> = read.try_collect().await.unwrap();
        assert!(read.concat() == bytes, "{length}");
    }
    let bytes = some(20 << 20);
    for range in [0..1, 5..2_000_000, (20 << 20) - 1..20 << 20] {
        let expected = &bytes[range.start as usize..range.end as usize];
        let read = target.read_range("read/object", range.clone()).await;
        assert!(read.unwrap() == expected, "{range:?}");
        let read = target.stream("read/object", range.clone()).unwrap();
        let read: Vec<Bytes> = read.try_collect().await.unwrap();
        assert!(read.concat() == expected, "{range:?}");
    }
    let beyond = target.read_range("read/object", (20 << 20) - 1..(20 << 20) + 1);
    assert!(beyond.await.is_err());
    write(target, "read/object", b"replaced").await.unwrap();
    assert_eq!(target.size("read/object").await.unwrap(), 8);
    target.delete("read/object").await.unwrap();
    target.delete("read/object").await.unwrap();
    assert_eq!(names(target, "read").await, Vec::<String>::new());
}

async fn unfinished_is_not_there(target: &Target) {
    for length in [10, 20 << 20] {
        let mut upload = target.create("half/object", None).await.unwrap();
        upload.write(some(length).into()).await.unwrap();
        assert_eq!(names(target, "half").await, Vec::<String>::new());
        assert!(target.size("half/object").await.is_err());
        match length {
            10 => drop(upload),
            _ => upload.abort().await,
        }
        assert_eq!(names(target, "half").await, Vec::<String>::new());
    }
    // What was there stays until its successor is complete.
    write(target, "half/object", b"old").await.unwrap();
    let mut upload = target.create("half/object", None).await.unwrap();
    upload.write(some(9 << 20).into()).await.unwrap();
    assert_eq!(target.read_range("half/object", 0..3).await.unwrap(), "old");
    upload.abort().await;
    assert_eq!(target.read_range("half/object", 0..3).await.unwrap(), "old");
}

async fn lists(target: &Target) {
    for name in [
        "list/b",
        "list/a",
        "list/a.log/2",
        "list/a.log/1",
        "list2/x",
    ] {
        write(target, name, b"123").await.unwrap();
    }
    let listing = target.list("list").await.unwrap();
    let found: Vec<_> = listing.objects.iter().map(|o| o.name.as_str()).collect();
    assert_eq!(found, ["list/a", "list/b"]);
    assert!(listing.objects.iter().all(|object| object.size == 3));
    assert_eq!(listing.folders, ["list/a.log"]);
    assert_eq!(target.list("list/").await.unwrap(), listing);
    let top = target.list("").await.unwrap();
    assert!(top.folders.contains(&"list2".to_owned()), "{top:?}");
    assert!(target.list("nothing").await.unwrap().objects.is_empty());

    let walk = target.walk("list", None).await.unwrap();
    let found: Vec<_> = walk.iter().map(|o| o.name.as_str()).collect();
    assert_eq!(found, ["list/a", "list/a.log/1", "list/a.log/2", "list/b"]);
    let after = target
        .walk("list/a.log", Some("list/a.log/1"))
        .await
        .unwrap();
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].name, "list/a.log/2");
}

async fn missing(target: &Target) {
    let told = |error: mainstay::Error| {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.detail().contains("no/such"), "{error}");
    };
    told(target.size("no/such").await.unwrap_err());
    told(target.read_range("no/such", 0..1).await.unwrap_err());
    let stream = target.stream("no/such", 0..1).unwrap();
    told(stream.try_collect::<Vec<_>>().await.unwrap_err());
    let error = target.size("../etc/passwd").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

async fn through_the_pipe(target: &Target) {
    let raw = some(30 << 20);
    let expected = raw.clone();
    let name = "pipe/one.backup";
    let manifest = pipe::upload(target, name, None, move |sink| {
        let entropy = mainstay::entropy::SeededEntropy::new(1);
        let options = Options::default();
        let mut writer = Writer::new(sink, &options, &entropy, Control::new())?;
        std::io::Write::write_all(&mut writer, &raw).map_err(|why| failure::from_io("", why))?;
        let (manifest, _) = writer.finish(archive::sample_manifest())?;
        Ok(manifest)
    });
    let manifest = manifest.await.unwrap();

    let opened = Archive::open(target, name, None).await.unwrap();
    assert_eq!(opened.manifest(), &manifest);
    let data = opened.data();
    let read = pipe::download(target, name, data, move |input| {
        let mut out = Vec::new();
        let mut reader = opened.reader(input, Control::new())?;
        std::io::Read::read_to_end(&mut reader, &mut out)
            .map_err(|why| failure::from_io("", why))?;
        Ok(out)
    });
    assert!(read.await.unwrap() == expected);

    // Work that fails leaves nothing, and work that stops early is fine.
    let failed = pipe::upload(target, "pipe/two.backup", None, |mut sink| {
        archive::Sink::put(&mut sink, some(9 << 20).into())?;
        Err::<(), _>(mainstay::Error::new(
            ErrorKind::Unexpected,
            "changed my mind",
        ))
    });
    assert_eq!(failed.await.unwrap_err().detail(), "changed my mind");
    assert_eq!(names(target, "pipe").await, [name]);
    let size = target.size(name).await.unwrap();
    let first = pipe::download(target, name, 0..size, |mut input| {
        let mut first = [0; 8];
        std::io::Read::read_exact(&mut input, &mut first)
            .map_err(|why| failure::from_io("", why))?;
        Ok(first)
    });
    assert_eq!(&first.await.unwrap()[1..7], b"MNSTAY");
}
