//! The driver of one database file.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::caller::{Caller, Presence};
use super::options::SqliteOptions;
use super::reader::ReaderConnection;
use super::session::Role;
use super::writer::Writer;
use super::writer_client::WriterConnection;
use super::{open, registry};
use crate::driver::{BoxFuture, Capabilities, Connection, Driver, ServerInfo};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Dialect;

/// The driver of one database file.
#[derive(Debug)]
pub(crate) struct SqliteDriver {
    options: SqliteOptions,
    capabilities: Capabilities,
    writer: Arc<Writer>,
    open: AtomicBool,
}

impl SqliteDriver {
    /// Opens the file, creating it where `options` allow, and starts its writer or joins the one
    /// that this process has.
    ///
    /// # Errors
    /// `DATABASE_MISSING` when the folder, or a file that may not be created, is not there;
    /// `ACCESS_DENIED`, `READ_ONLY`, `DISK_FULL`; `DATABASE_CORRUPT` also for a file of another
    /// kind; `WRITE_CONFLICT` when another process keeps the file locked; `CONFIGURATION_ERROR`
    /// for a path that cannot be a database. Each says what to do next.
    pub(crate) async fn open(options: SqliteOptions) -> Result<Self> {
        let options = open::blocking(move || {
            let path = open::locate(&options)?;
            Ok(SqliteOptions { path, ..options })
        })
        .await?;
        let writer = registry::writer(&options).await?;
        Ok(Self {
            options,
            capabilities: Capabilities::of(Dialect::Sqlite),
            writer,
            open: AtomicBool::new(true),
        })
    }

    #[cfg(test)]
    pub(super) fn shared_writer(&self) -> &Arc<Writer> {
        &self.writer
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        if !self.open.load(Ordering::Acquire) {
            return Err(Error::new(
                ErrorKind::ConnectionLost,
                format!("the handle on {} was closed", self.options.path.display()),
            )
            .with_hint("open it again"));
        }
        let options = self.options.clone();
        let caller = Caller::default();
        let presence = Presence::of(&caller);
        let watch = Arc::clone(self.writer.watch());
        let opened = open::blocking(move || {
            // Looked at before, because to open another file beside the log of the old one would
            // damage it; and after, because it may have been exchanged meanwhile.
            let number = watch.number();
            watch.look();
            watch.check(number)?;
            let session = open::open(&options, Role::Reader, &caller);
            watch.look();
            watch.check(number)?;
            Ok((session?, number))
        });
        let (session, number) = opened.await?;
        presence.stay();
        let writer = Arc::clone(&self.writer);
        Ok(Box::new(ReaderConnection::new(session, writer, number)))
    }
}

impl Driver for SqliteDriver {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn connect(&self, limit: Duration) -> BoxFuture<'_, Result<Box<dyn Connection>>> {
        Box::pin(async move {
            match tokio::time::timeout(limit, self.connect()).await {
                Ok(result) => result,
                Err(_) => Err(Error::new(
                    ErrorKind::Unreachable,
                    format!(
                        "{} was not opened within {limit:?}",
                        self.options.path.display()
                    ),
                )
                .with_hint("the disk may be slow, or another process may hold the file's lock")),
            }
        })
    }

    fn writer(&self) -> Option<Box<dyn Connection>> {
        Some(Box::new(WriterConnection::new(Arc::clone(&self.writer))))
    }

    fn writer_id(&self) -> Option<usize> {
        Some(Arc::as_ptr(&self.writer) as usize)
    }

    fn server_info(&self) -> ServerInfo {
        ServerInfo {
            version: rusqlite::version().to_owned(),
            max_connections: None,
        }
    }

    /// With the last handle on the file the writer ends: what is queued is finished and the WAL
    /// moves into the file. Close the readers first, as one that still reads keeps the WAL.
    fn close(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if self.open.swap(false, Ordering::AcqRel) {
                self.writer.leave();
            }
            if self.writer.is_ending() {
                self.writer.wait_for_end().await
            } else {
                Ok(())
            }
        })
    }
}

impl Drop for SqliteDriver {
    fn drop(&mut self) {
        if self.open.swap(false, Ordering::AcqRel) {
            self.writer.leave();
        }
    }
}
