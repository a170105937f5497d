//! An archive, opened.

use std::io::Read;
use std::ops::Range;

use mainstay::Result;

use super::container::Container;
use super::fault;
use super::keys::Identities;
use super::manifest::{Engine, Manifest};
use super::reader::Reader;
use crate::control::Control;
use crate::failure;
use crate::target::Target;

/// An archive whose header, trailer and manifest were read and found whole.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    container: Container,
    manifest: Manifest,
}

impl Archive {
    /// Reads the ends of an archive in a target. Without a key those of an encrypted one can be read
    /// too; its tables and its position in the log are missing then, and its data cannot be read.
    ///
    /// # Errors
    /// `BACKUP_REFUSED` when it is no archive, is newer than this version, or is encrypted and none
    /// of the keys that were given opens it; `BACKUP_DAMAGED` when it is incomplete, or header,
    /// trailer or manifest are damaged; what the target fails with.
    pub(crate) async fn open(
        target: &Target,
        name: &str,
        identities: Option<&Identities>,
    ) -> Result<Self> {
        let size = target.size(name).await?;
        Self::open_sized(target, name, size, identities).await
    }

    /// As [`open`](Self::open), where the size is known already.
    pub(crate) async fn open_sized(
        target: &Target,
        name: &str,
        size: u64,
        identities: Option<&Identities>,
    ) -> Result<Self> {
        Self::of(Container::open(target, name, size, identities).await?)
    }

    /// What was opened, as an archive.
    pub(crate) fn of(container: Container) -> Result<Self> {
        let mut manifest: Manifest = container.general()?;
        if let Some(contents) = container.contents() {
            manifest.position = contents.position.clone();
            manifest.tables = contents.tables.clone();
        }
        Ok(Self {
            container,
            manifest,
        })
    }

    /// What it says of itself.
    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether its data can be read: it is not encrypted, or a key was given.
    pub(crate) fn is_open(&self) -> bool {
        self.container.is_open()
    }

    /// Refuses an archive of another engine.
    pub(crate) fn expect_engine(&self, engine: Engine) -> Result<()> {
        if self.manifest.engine == engine {
            return Ok(());
        }
        let error = fault::other_engine(self.manifest.engine, engine);
        Err(failure::at(self.container.name(), error))
    }

    /// Where the data stands.
    pub(crate) fn data(&self) -> Range<u64> {
        self.container.data()
    }

    /// Reads the data: `input` gives the bytes of [`data`](Self::data). Blocking, as the whole of
    /// reading is.
    ///
    /// # Errors
    /// `BACKUP_REFUSED` when it is encrypted and no key was given. Here, as in each read,
    /// `BACKUP_DAMAGED` with the chunk that is.
    pub(crate) fn reader<R: Read>(&self, input: R, control: Control) -> Result<Reader<R>> {
        self.container.reader(input, control)
    }
}
