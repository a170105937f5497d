//! `verify`: whether every byte of an archive is what was written.

use std::io;
use std::time::Duration;

use mainstay::Result;
use serde::Serialize;

use super::work::attended;
use super::{Backups, Which};
use crate::archive::Manifest;
use crate::control::Control;
use crate::failure::from_io;
use crate::pipe;
use crate::plan::name::ENDING;

/// An archive that was read to its end.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Verified {
    /// What it says of itself.
    pub manifest: Manifest,
    /// How long reading it took.
    #[serde(skip)]
    pub took: Duration,
}

impl Backups {
    /// Reads a backup to its end: each chunk against its hash, all of them against the manifest, and
    /// decrypted and decompressed. That it can be restored, only a [drill](Self::drill) proves.
    ///
    /// # Errors
    /// `CORRUPT` names the chunk that is damaged. Those of reading the target.
    pub async fn verify(&self, which: &Which, control: &Control) -> Result<Verified> {
        let id = self.find(which).await?;
        let archive = self.archive(&id).await?;
        let manifest = archive.manifest().clone();
        let started = tokio::time::Instant::now();
        control.begin("reading", Some(manifest.raw_bytes));
        let (name, range) = (self.object(&id, ENDING), archive.data());
        let work = control.clone();
        let read = pipe::download(&self.target, &name, range, move |input| {
            let mut reader = archive.reader(input, work)?;
            match io::copy(&mut reader, &mut io::sink()) {
                Ok(_) => Ok(()),
                Err(why) => Err(from_io("reading the archive", why)),
            }
        });
        attended(control, read).await?;
        Ok(Verified {
            manifest,
            took: started.elapsed(),
        })
    }
}
