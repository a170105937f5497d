//! Every byte counts: what is changed, missing, moved or repeated is found before it is used.

use mainstay::ErrorKind;

use super::*;
use crate::archive::layout::{CHUNK, CHUNK_HEAD, HEADER, TRAILER};

/// What of the original was given before the damage was found has to be right.
fn assert_found(bytes: &[u8], keys: &Identities, raw: &[u8], what: &str) -> Error {
    match read(bytes, Some(keys)) {
        Ok(_) => panic!("{what} was not found"),
        Err((given, error)) => {
            assert!(raw.starts_with(&given), "{what}: wrong bytes were given");
            assert!(
                given.len() < raw.len() || raw.is_empty(),
                "{what}: all was given"
            );
            error
        }
    }
}

fn small(keys: &Identities, is_sealed: bool) -> (Vec<u8>, Vec<u8>) {
    let raw = b"a few bytes that a small database could have".to_vec();
    let options = match is_sealed {
        true => sealed(keys),
        false => Options::default(),
    };
    let bytes = archive(&raw, &options);
    (raw, bytes)
}

#[test]
fn every_byte_of_a_small_archive_counts() {
    let keys = keys();
    for is_sealed in [false, true] {
        let (raw, mut bytes) = small(&keys, is_sealed);
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                bytes[at] ^= flip;
                let error = assert_found(&bytes, &keys, &raw, &format!("byte {at}"));
                assert_eq!(error.kind(), ErrorKind::BackupDamaged, "{at}: {error}");
                assert!(error.hint().is_some());
                bytes[at] ^= flip;
            }
        }
    }
}

#[test]
fn every_length_but_the_whole_is_found() {
    let keys = keys();
    for is_sealed in [false, true] {
        let (raw, mut bytes) = small(&keys, is_sealed);
        for length in 0..bytes.len() {
            assert_found(&bytes[..length], &keys, &raw, &format!("length {length}"));
        }
        bytes.push(0);
        assert_found(&bytes, &keys, &raw, "a byte behind the end");
    }
}

#[test]
fn bytes_at_200_random_places_are_found_with_their_chunk() {
    let keys = keys();
    let random = noise(200 * 16, 12);
    for (chunks, options) in [(4, Options::default()), (2, sealed(&keys))] {
        let raw = noise((chunks - 1) * CHUNK + 777, 11);
        let mut bytes = archive(&raw, &options);
        let data_end = open(&bytes, Some(&keys)).unwrap().data().end as usize;
        for place in random.chunks(16) {
            let at = u64::from_le_bytes(place[..8].try_into().unwrap()) as usize % bytes.len();
            let flip = place[8] | 1;
            bytes[at] ^= flip;
            let error = assert_found(&bytes, &keys, &raw, &format!("byte {at}"));
            assert_eq!(error.kind(), ErrorKind::BackupDamaged, "{at}: {error}");
            if (HEADER..data_end).contains(&at) {
                let chunk = (at - HEADER) / (CHUNK + CHUNK_HEAD) + 1;
                let start = HEADER + (chunk - 1) * (CHUNK + CHUNK_HEAD);
                let expected = format!("chunk {chunk} of {chunks} (bytes {start} to ");
                assert!(error.detail().contains(&expected), "{at}: {error}");
            }
            bytes[at] ^= flip;
        }
        assert!(read(&bytes, Some(&keys)).unwrap() == raw);
    }
}

#[test]
fn the_error_names_the_archive_and_the_part() {
    let keys = keys();
    let (_, bytes) = small(&keys, false);
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        read(&bytes, None).unwrap_err().1.to_string()
    };
    let end = bytes.len();
    assert!(flipped(3).contains("header"), "{}", flipped(3));
    assert!(flipped(end - TRAILER).contains("trailer"));
    assert!(flipped(end - 1).contains("incomplete"));
    assert!(flipped(end - TRAILER - 1).contains("manifest"));
    assert!(
        flipped(HEADER + 60).starts_with("The backup is damaged: test: chunk 1 of 1 (bytes 64")
    );
}

/// The chunks of the data, in the order given: the trailer and the manifest stay.
fn reordered(bytes: &[u8], order: &[usize]) -> Vec<u8> {
    let data = open(bytes, None).unwrap().data();
    let (header, rest) = bytes.split_at(data.start as usize);
    let (data, end) = rest.split_at((data.end - data.start) as usize);
    let chunks: Vec<_> = data.chunks(CHUNK + CHUNK_HEAD).collect();
    let mut out = header.to_vec();
    for index in order {
        out.extend_from_slice(chunks[*index]);
    }
    out.extend_from_slice(end);
    out
}

#[test]
fn chunks_that_are_moved_repeated_or_dropped_are_found() {
    let raw = noise(4 * CHUNK, 21);
    let bytes = archive(&raw, &Options::default());
    assert!(reordered(&bytes, &[0, 1, 2, 3, 4]) == bytes);
    let keys = keys();
    let opened = open(&bytes, None).unwrap();
    for (order, what) in [
        (&[1, 0, 2, 3, 4][..], "chunk 1 of 5"),
        (&[0, 2, 1, 3, 4], "chunk 2 of 5"),
        (&[0, 1, 1, 3, 4], "chunk 3 of 5"),
        (&[0, 1, 2, 2, 4], "chunk 4 of 5"),
        (&[0, 1, 3, 4], "chunk 3 of 5"),
        (&[0, 1, 2, 3, 3, 4], "chunk 5 of 5"),
    ] {
        let moved = reordered(&bytes, order);
        assert_found(&moved, &keys, &raw, &format!("{order:?}"));
        // Also if that happens after it was opened.
        let (_, error) = read_data(&opened, &moved[HEADER..]).unwrap_err();
        assert!(error.detail().contains(what), "{order:?}: {error}");
    }
    let moved = reordered(&bytes, &[0, 2, 1, 3, 4]);
    let (_, error) = read_data(&opened, &moved[HEADER..]).unwrap_err();
    assert!(
        error.detail().contains("chunk 3 stands in its place"),
        "{error}"
    );
}

#[test]
fn data_that_was_exchanged_after_opening_is_found() {
    let keys = keys();
    let raw = noise(2 * CHUNK, 31);
    for options in [Options::default(), sealed(&keys)] {
        let ours = archive_of(&raw, &options, manifest(), 1).1;
        let theirs = archive_of(&noise(2 * CHUNK, 32), &options, manifest(), 2).1;
        let opened = open(&ours, Some(&keys)).unwrap();
        let (given, error) = read_data(&opened, &theirs[HEADER..]).unwrap_err();
        assert!(given.is_empty());
        assert_eq!(error.kind(), ErrorKind::BackupDamaged);
        // Even with the same salt and chunks that are whole by themselves.
        let twin = archive_of(&noise(2 * CHUNK, 32), &options, manifest(), 1).1;
        let (given, error) = read_data(&opened, &twin[HEADER..]).unwrap_err();
        assert!(given.len() < raw.len(), "{error}");
        assert_eq!(error.kind(), ErrorKind::BackupDamaged);
    }
}

#[test]
fn reading_ends_within_a_chunk() {
    let raw = noise(2 * CHUNK, 41);
    let bytes = archive(&raw, &Options::default());
    let opened = open(&bytes, None).unwrap();
    for length in [0, 20, CHUNK_HEAD, CHUNK, CHUNK + CHUNK_HEAD, 2 * CHUNK] {
        let (_, error) = read_data(&opened, &bytes[HEADER..HEADER + length]).unwrap_err();
        assert!(error.detail().contains("ends at byte"), "{error}");
    }
}
