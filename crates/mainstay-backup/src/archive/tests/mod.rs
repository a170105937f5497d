//! Archives written, read back, damaged and exchanged.
//!
//! - `mod.rs`: what all of them need
//! - `whole`: what is written is read
//! - `damaged`: every byte counts
//! - `log`: segments
//! - `refused`: keys, versions, engines

mod damaged;
mod log;
mod refused;
mod whole;

use std::io::{Read, Write};

use chrono::DateTime;
use mainstay::entropy::{Entropy, SeededEntropy};
use mainstay::{Error, Result};

use super::*;
use crate::control::Control;
use crate::failure;

/// A manifest as whoever takes a backup fills it.
pub(crate) fn manifest() -> Manifest {
    let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    Manifest {
        format: 0,
        id: "20231114T221320Z-c0ffee".into(),
        label: "main".into(),
        engine: Engine::Sqlite,
        engine_version: "3.51.0".into(),
        kind: Kind::Physical,
        tools: Vec::new(),
        mainstay: "0.1.0".into(),
        schema: None,
        started_at: at,
        taken_at: at,
        duration_ms: 12,
        position: Some(serde_json::json!({"secret_position": 7})),
        raw_bytes: 0,
        stored_bytes: 0,
        chunks: 0,
        hash: String::new(),
        is_encrypted: false,
        tables: vec![Table {
            name: "secret_table".into(),
            rows: 3,
            hash: "00ff".into(),
        }],
    }
}

pub(super) fn sealed(keys: &Identities) -> Options {
    Options {
        recipients: Some(keys.recipients()),
        ..Options::default()
    }
}

pub(super) fn keys() -> Identities {
    use age::secrecy::ExposeSecret;
    let key = age::x25519::Identity::generate();
    Identities::parse(key.to_string().expose_secret()).unwrap()
}

/// Bytes that do not get smaller by compression.
pub(super) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SeededEntropy::new(seed).fill(&mut bytes);
    bytes
}

pub(super) fn archive(raw: &[u8], options: &Options) -> Vec<u8> {
    archive_of(raw, options, manifest(), 1).1
}

pub(super) fn archive_of(
    raw: &[u8],
    options: &Options,
    manifest: Manifest,
    seed: u64,
) -> (Manifest, Vec<u8>) {
    let entropy = SeededEntropy::new(seed);
    let control = Control::new();
    let mut writer = Writer::new(Vec::new(), options, &entropy, control.clone()).unwrap();
    for piece in raw.chunks(70_001) {
        writer.write_all(piece).unwrap();
    }
    assert_eq!(writer.raw_bytes(), raw.len() as u64);
    assert_eq!(control.snapshot().done, raw.len() as u64);
    writer.finish(manifest).unwrap()
}

pub(super) fn open(bytes: &[u8], keys: Option<&Identities>) -> Result<Archive> {
    Archive::of(container::Container::from_bytes(
        "test".into(),
        bytes,
        keys,
    )?)
}

/// The raw bytes of an archive, and how many were given before it was found to be damaged.
pub(super) fn read(bytes: &[u8], keys: Option<&Identities>) -> Result<Vec<u8>, (Vec<u8>, Error)> {
    let archive = open(bytes, keys).map_err(|error| (Vec::new(), error))?;
    read_data(&archive, &bytes[archive.data().start as usize..])
}

/// The raw bytes of an opened archive from what stands behind a header.
pub(super) fn read_data(archive: &Archive, data: &[u8]) -> Result<Vec<u8>, (Vec<u8>, Error)> {
    let mut out = Vec::new();
    let mut reader = archive
        .reader(data, Control::new())
        .map_err(|error| (Vec::new(), error))?;
    match reader.read_to_end(&mut out) {
        Ok(_) => Ok(out),
        Err(why) => {
            let error = failure::from_io("reading", why);
            // It stays that way.
            let again = reader.read(&mut [0; 1]).unwrap_err();
            assert_eq!(failure::from_io("", again).detail(), error.detail());
            Err((out, error))
        }
    }
}
