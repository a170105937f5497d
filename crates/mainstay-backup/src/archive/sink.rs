//! Where the bytes of an archive go.

use bytes::Bytes;
use mainstay::Result;

/// Where the bytes of an archive go.
pub(crate) trait Sink {
    /// Takes the next piece. Waits until there is room for it.
    fn put(&mut self, bytes: Bytes) -> Result<()>;
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: Bytes) -> Result<()> {
        self.extend_from_slice(&bytes);
        Ok(())
    }
}
