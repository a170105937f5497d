//! Large results in constant memory.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use tokio::sync::mpsc;

use super::find::FindMany;
use crate::driver::{BoxFuture, Row, RowSink};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Entity, FromRow};

/// Rows that travel together from the driver to the reader.
const CHUNK: usize = 256;

/// Rows one after another. The query runs while the stream is polled, and never more than a few
/// hundred rows ahead of its reader.
#[must_use = "a stream does nothing until it is polled"]
pub struct RowStream<T> {
    /// The query; `None` once it has ended.
    query: Option<BoxFuture<'static, Result<()>>>,
    chunks: mpsc::Receiver<Vec<T>>,
    current: std::vec::IntoIter<T>,
    failed: Option<Error>,
}

impl<T> std::fmt::Debug for RowStream<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowStream").finish_non_exhaustive()
    }
}

impl<T: FromRow> RowStream<T> {
    pub(super) fn start<E: Entity>(find: FindMany<E, T>) -> Self {
        let (sender, chunks) = mpsc::channel(1);
        let query = Box::pin(async move {
            let statement = find.table().select(&find.selection)?;
            let mut options = find.options;
            options.timeout = options
                .timeout
                .or(Some(find.executor.shared().timeouts.transaction));
            let mut sink = ChunkSink {
                chunk: Vec::new(),
                sender,
            };
            find.executor.run(statement, &mut sink, &options).await?;
            sink.flush().await
        });
        Self {
            query: Some(query),
            chunks,
            current: Vec::new().into_iter(),
            failed: None,
        }
    }
}

impl<E: Entity, T: FromRow> FindMany<E, T> {
    /// The rows one after another, in constant memory.
    ///
    /// The query holds a connection until the stream has ended or is dropped. Its time limit is
    /// that of a transaction unless [`timeout`](Self::timeout) says otherwise.
    ///
    /// Inside a transaction, read it to its end: until then other statements of the transaction
    /// wait, up to their time limits, and a stream that is dropped half way interrupts the
    /// transaction, which is then rolled back.
    pub fn stream(self) -> RowStream<T> {
        RowStream::start(self)
    }
}

impl<T> Unpin for RowStream<T> {}

impl<T: FromRow> Stream for RowStream<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.current.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            if let Poll::Ready(Some(chunk)) = self.chunks.poll_recv(context) {
                self.current = chunk.into_iter();
                continue;
            }
            let Some(query) = &mut self.query else {
                return Poll::Ready(self.failed.take().map(Err));
            };
            match query.as_mut().poll(context) {
                Poll::Pending => match self.chunks.poll_recv(context) {
                    Poll::Ready(Some(chunk)) => self.current = chunk.into_iter(),
                    _ => return Poll::Pending,
                },
                Poll::Ready(ended) => {
                    // What was read before the end is still handed out, then the error.
                    self.failed = ended.err();
                    self.query = None;
                }
            }
        }
    }
}

struct ChunkSink<T> {
    chunk: Vec<T>,
    sender: mpsc::Sender<Vec<T>>,
}

impl<T: FromRow> RowSink for ChunkSink<T> {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        self.chunk.push(T::from_row(row)?);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.chunk.len() >= CHUNK
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            let chunk = std::mem::take(&mut self.chunk);
            self.sender
                .send(chunk)
                .await
                .map_err(|_| Error::new(ErrorKind::Unexpected, "the reader of the stream is gone"))
        })
    }
}
