//! What is written is read, whatever it is and however long.

use proptest::prelude::*;

use super::*;
use crate::archive::layout::{CHUNK, CHUNK_HEAD, HEADER};

const EDGES: &[usize] = &[
    0,
    1,
    CHUNK - 1,
    CHUNK,
    CHUNK + 1,
    2 * CHUNK,
    3 * CHUNK + 12_345,
];

#[test]
fn lengths_around_the_edges_of_chunks_are_read_back() {
    let keys = keys();
    for options in [Options::default(), sealed(&keys)] {
        for length in EDGES {
            let raw = noise(*length, 5);
            let bytes = archive(&raw, &options);
            assert!(read(&bytes, Some(&keys)).unwrap() == raw, "{length}");
        }
    }
}

#[test]
fn the_manifest_says_what_is_in_it() {
    let keys = keys();
    for options in [Options::default(), sealed(&keys)] {
        let raw = noise(2 * CHUNK, 9);
        let (told, bytes) = archive_of(&raw, &options, manifest(), 1);
        assert_eq!(told.raw_bytes, raw.len() as u64);
        assert_eq!(told.chunks, 3);
        assert_eq!(told.is_encrypted, options.recipients.is_some());
        let archive = open(&bytes, Some(&keys)).unwrap();
        assert_eq!(archive.manifest(), &told);
        let data = archive.data();
        assert_eq!(told.stored_bytes, data.end - data.start);
        assert_eq!(data.start, HEADER as u64);
        assert!(told.stored_bytes > raw.len() as u64 + 3 * CHUNK_HEAD as u64);
    }
}

#[test]
fn text_is_compressed_with_and_without_threads() {
    let raw = "INSERT INTO goals VALUES (1, 'read a book');\n".repeat(100_000);
    for workers in [0, 1, 2] {
        let options = Options {
            workers,
            ..Options::default()
        };
        let bytes = archive(raw.as_bytes(), &options);
        assert!(bytes.len() < raw.len() / 100, "{}", bytes.len());
        assert!(read(&bytes, None).unwrap() == raw.as_bytes());
    }
}

#[test]
fn an_error_of_the_sink_or_a_stop_ends_the_archive() {
    struct Full(usize);
    impl Sink for Full {
        fn put(&mut self, _: bytes::Bytes) -> Result<()> {
            self.0 += 1;
            match self.0 {
                1 => Ok(()),
                _ => Err(Error::new(mainstay::ErrorKind::DiskFull, "no room")),
            }
        }
    }
    let options = Options {
        workers: 0,
        ..Options::default()
    };
    let entropy = SeededEntropy::new(1);
    let mut writer = Writer::new(Full(0), &options, &entropy, Control::new()).unwrap();
    let written = writer.write_all(&noise(4 * CHUNK, 3)).unwrap_err();
    let told = failure::from_io("", written);
    assert_eq!(told.kind(), mainstay::ErrorKind::DiskFull);
    let error = writer.finish(manifest()).err().unwrap();
    assert_eq!(error.kind(), mainstay::ErrorKind::DiskFull);

    let control = Control::new();
    let mut writer = Writer::new(Vec::new(), &options, &entropy, control.clone()).unwrap();
    writer.write_all(b"some").unwrap();
    control.cancel();
    assert!(writer.write_all(b"more").is_err());
    assert!(writer.finish(manifest()).is_err());
}

#[test]
fn reading_can_be_stopped() {
    let bytes = archive(&noise(3 * CHUNK, 3), &Options::default());
    let opened = open(&bytes, None).unwrap();
    let control = Control::new();
    let mut reader = opened.reader(&bytes[HEADER..], control.clone()).unwrap();
    let mut some = [0; 1000];
    reader.read_exact(&mut some).unwrap();
    assert_eq!(control.snapshot().done, 1000);
    control.cancel();
    assert!(reader.read(&mut some).is_err());
}

/// A stream of stretches: noise, and bytes that repeat.
fn stretches() -> impl Strategy<Value = Vec<u8>> {
    let stretch = (0..600_000_usize, any::<u64>(), any::<bool>());
    proptest::collection::vec(stretch, 0..6).prop_map(|stretches| {
        let mut out = Vec::new();
        for (length, seed, is_noise) in stretches {
            match is_noise {
                true => out.extend(noise(length, seed)),
                false => out.resize(out.len() + length, seed as u8),
            }
        }
        out
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_written_is_read_back(
        raw in stretches(),
        level in 1..=4_i32,
        workers in 0..=2_u32,
        is_sealed in any::<bool>(),
    ) {
        let keys = keys();
        let options = Options {
            level,
            workers,
            recipients: is_sealed.then(|| keys.recipients()),
        };
        let bytes = archive(&raw, &options);
        prop_assert!(read(&bytes, Some(&keys)).unwrap() == raw);
    }
}
