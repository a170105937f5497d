//! What a backup is made of.
//!
//! - [`manifest`]: what an archive says of itself
//! - [`keys`]: whom it is encrypted to, and what opens it
//! - `writer`: raw bytes in, an archive out; `chunker`: its lower half; `sink`: where it goes
//! - `open`: an archive, opened; `container`: its ends, read and checked
//! - `reader`: an archive in, raw bytes out; `chunks`: its lower half
//! - `log`: what follows a backup, in segments; `segment`: their names and their order
//! - `layout`: the bytes, and what is hashed
//! - `fault`: what can be wrong with an archive, in words
//!
//! The raw stream is compressed, encrypted if there are recipients, and cut into chunks. Each chunk
//! is checked before a byte of it is used, and the end of the stream is only told when the number of
//! chunks, their hash and the length are those of the manifest.
//!
//! Where an archive is encrypted, nobody without a key can read it, or change or exchange a part of
//! it unnoticed. A whole archive made anew is another matter: whoever knows a public key can encrypt
//! to it. Who may write to a target has to be trusted, as with any encryption to public keys.

pub(crate) mod chunker;
pub(crate) mod chunks;
pub(crate) mod container;
pub(crate) mod fault;
pub mod keys;
pub(crate) mod layout;
pub(crate) mod log;
pub mod manifest;
pub(crate) mod open;
pub(crate) mod reader;
pub(crate) mod segment;
mod sink;
pub(crate) mod writer;

pub use keys::{Identities, Keys, Recipients};
pub(crate) use log::Log;
pub use manifest::{Engine, Kind, Manifest, SchemaVersion, Table, Tool};
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use open::Archive;
pub(crate) use segment::{Segment, SegmentMeta};
pub(crate) use sink::Sink;
#[cfg(test)]
pub(crate) use tests::manifest as sample_manifest;
pub(crate) use writer::{Options, Writer};
