//! Archives that are whole and are refused all the same; and what is told without a key.

use mainstay::ErrorKind;

use super::*;
use crate::archive::layout::{
    CHUNK, CHUNK_HEAD, ChunkHead, ChunkKind, HEADER, Header, TRAILER, Trailer,
};
use crate::archive::manifest::FORMAT;

#[test]
fn an_encrypted_archive_tells_little_without_a_key() {
    let keys = keys();
    let bytes = archive(b"secret_row", &sealed(&keys));
    for secret in ["secret_row", "secret_table", "secret_position"] {
        let secret = secret.as_bytes();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret));
    }
    let archive = open(&bytes, None).unwrap();
    assert!(!archive.is_open());
    let told = archive.manifest();
    assert_eq!(told.label, "main");
    assert_eq!(told.raw_bytes, 10);
    assert!(told.is_encrypted && told.tables.is_empty() && told.position.is_none());

    let (_, missing) = read(&bytes, None).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::BackupRefused);
    assert!(missing.detail().contains("no key was given"), "{missing}");
    let wrong = open(&bytes, Some(&super::keys())).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::BackupRefused);
    assert!(wrong.detail().contains("none of the keys"), "{wrong}");

    let opened = open(&bytes, Some(&keys)).unwrap();
    assert!(opened.is_open());
    assert_eq!(opened.manifest().tables[0].name, "secret_table");
    assert!(opened.manifest().position.is_some());
}

#[test]
fn any_of_several_recipients_opens_it() {
    let (one, other) = (keys(), keys());
    let both = format!("{} {}", public(&one), public(&other));
    let options = Options {
        recipients: Some(Recipients::parse(&both).unwrap()),
        ..Options::default()
    };
    let bytes = archive(b"rows", &options);
    assert_eq!(read(&bytes, Some(&one)).unwrap(), b"rows");
    assert_eq!(read(&bytes, Some(&other)).unwrap(), b"rows");
}

fn public(keys: &Identities) -> String {
    let text = format!("{:?}", keys.recipients());
    let from = text.find("age1").unwrap();
    text[from..].trim_end_matches([')', ']']).to_owned()
}

#[test]
fn a_key_that_is_not_needed_does_no_harm() {
    let bytes = archive(b"rows", &Options::default());
    assert_eq!(read(&bytes, Some(&keys())).unwrap(), b"rows");
}

#[test]
fn something_else_is_no_archive() {
    for bytes in [
        &b"SQLite format 3\0"[..],
        b"",
        &[0; 500],
        &noise(1000, 1),
        b"-- PostgreSQL database dump\n",
    ] {
        let error = open(bytes, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BackupRefused);
        assert!(error.detail().contains("not a Mainstay archive"), "{error}");
    }
}

/// With the hashes of header and trailer made anew, as a later version would write them.
fn with_header(bytes: &[u8], change: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    change(&mut bytes[..HEADER]);
    let hash = *blake3::hash(&bytes[..32]).as_bytes();
    bytes[32..HEADER].copy_from_slice(&hash);
    bytes
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let bytes = archive(b"rows", &Options::default());
    let newer = with_header(&bytes, |header| header[8] = FORMAT as u8 + 1);
    let error = open(&newer, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BackupRefused);
    assert!(error.detail().contains("has format 2"), "{error}");
    assert!(error.hint().unwrap().contains("version"));
}

#[test]
fn fields_of_later_versions_are_ignored() {
    let mut value = serde_json::to_value(manifest()).unwrap();
    value["a_later_field"] = serde_json::json!([1, 2]);
    value.as_object_mut().unwrap().remove("position");
    let read: Manifest = serde_json::from_value(value).unwrap();
    assert_eq!(read.position, None);
    assert_eq!(read.tables, manifest().tables);
}

#[test]
fn another_engine_is_refused() {
    let bytes = archive(b"rows", &Options::default());
    let archive = open(&bytes, None).unwrap();
    archive.expect_engine(Engine::Sqlite).unwrap();
    let error = archive.expect_engine(Engine::Postgres).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BackupRefused);
    assert!(error.detail().contains("is of SQLite"), "{error}");
}

/// What someone without a key can make of an encrypted archive: all hashes made anew, with other
/// data and another general part, but the encrypted part as it was.
fn forged(bytes: &[u8], data: &[u8], general: &Manifest) -> Vec<u8> {
    let header = bytes[..HEADER].try_into().unwrap();
    let salt = Header::decode(header).unwrap().salt;
    let manifest_at = open(bytes, None).unwrap().data().end as usize;
    let head = bytes[manifest_at..][..CHUNK_HEAD].try_into().unwrap();
    let skip = CHUNK_HEAD + ChunkHead::decode(head).length as usize;
    let contents = &bytes[manifest_at + skip + CHUNK_HEAD..bytes.len() - TRAILER];
    let general = serde_json::to_vec(general).unwrap();
    let mut manifest = Vec::new();
    for (kind, index, payload) in [
        (ChunkKind::General, 1, &general[..]),
        (ChunkKind::Contents, 2, contents),
    ] {
        manifest.extend(ChunkHead::of(&salt, kind, index, payload).encode());
        manifest.extend(payload);
    }
    let trailer = Trailer {
        manifest_at: (HEADER + data.len()) as u64,
        length: (HEADER + data.len() + manifest.len() + TRAILER) as u64,
        manifest_hash: *blake3::hash(&manifest).as_bytes(),
    };
    [header, data, &manifest, &trailer.encode(header)].concat()
}

#[test]
fn without_the_key_nothing_can_be_exchanged() {
    let keys = keys();
    // The same salt, so that the chunks of both fit both.
    let (told, ours) = archive_of(b"rows", &sealed(&keys), manifest(), 1);
    let (other, theirs) = archive_of(b"ROWS", &sealed(&keys), manifest(), 1);
    let data = |bytes: &[u8]| {
        let range = open(bytes, None).unwrap().data();
        bytes[range.start as usize..range.end as usize].to_vec()
    };
    let same = forged(&ours, &data(&ours), &told.general());
    assert_eq!(read(&same, Some(&keys)).unwrap(), b"rows");

    let renamed = Manifest {
        label: "other".into(),
        ..told.general()
    };
    for (what, forged) in [
        ("the data", forged(&ours, &data(&theirs), &other.general())),
        ("the label", forged(&ours, &data(&ours), &renamed)),
    ] {
        // Who has no key cannot know.
        open(&forged, None).unwrap();
        let (given, error) = read(&forged, Some(&keys)).unwrap_err();
        assert!(given.is_empty());
        assert!(error.detail().contains("exchanged"), "{what}: {error}");
    }
}

#[test]
fn a_stream_that_unpacks_to_more_than_was_told_is_stopped() {
    // As much as a bomb: far more zeros than the archive has bytes.
    let raw = vec![0; 64 * CHUNK];
    let (told, bytes) = archive_of(&raw, &Options::default(), manifest(), 1);
    assert!(bytes.len() < CHUNK);
    let opened = open(&bytes, None).unwrap();
    let reader = crate::archive::reader::Reader::new(
        "bomb".into(),
        &bytes[HEADER..],
        crate::archive::chunks::Expected {
            salt: bytes[16..32].try_into().unwrap(),
            chunks: told.chunks,
            hash: told.hash,
            end: opened.data().end,
        },
        1000,
        None,
        Control::new(),
    );
    let mut out = Vec::new();
    let error = reader.unwrap().read_to_end(&mut out).unwrap_err();
    assert!(out.len() <= 1000);
    assert!(
        error.to_string().contains("unpacks to more bytes"),
        "{error}"
    );
}

#[test]
fn a_window_that_takes_too_much_memory_is_refused() {
    use zstd::stream::raw::CParameter;
    let mut packer = zstd::stream::write::Encoder::new(Vec::new(), 19).unwrap();
    packer.set_parameter(CParameter::WindowLog(27)).unwrap();
    packer.write_all(b"rows").unwrap();
    let stream = packer.finish().unwrap();
    let mut chunks = super::super::chunker::Chunker::new(
        Vec::new(),
        crate::archive::layout::Header {
            is_encrypted: false,
            salt: [7; 16],
        },
    )
    .unwrap();
    chunks.write_all(&stream).unwrap();
    let cut = chunks.finish().unwrap();
    let expected = crate::archive::chunks::Expected {
        salt: [7; 16],
        chunks: cut.chunks,
        hash: cut.hash.clone(),
        end: cut.at,
    };
    let control = Control::new();
    let data = &cut.sink[HEADER..];
    let reader =
        crate::archive::reader::Reader::new("window".into(), data, expected, 4, None, control);
    let error = reader.unwrap().read_to_end(&mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("cannot be unpacked"), "{error}");
}
