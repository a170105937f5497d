//! What a backup is made of.
//!
//! - [`manifest`]: what an archive says of itself

pub mod manifest;

pub use manifest::{Engine, Kind, Manifest, SchemaVersion, Table, Tool};
