//! Between the thread that reads or writes an archive and the target, which is asynchronous: a few
//! pieces at a time, so that memory stays bounded and the slower side sets the pace.

use std::io::{self, Read};
use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt;
use mainstay::{Error, ErrorKind, Result};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::archive::Sink;
use crate::failure::into_io;
use crate::target::Target;

/// Pieces on their way. Those of an archive have 1 MiB each.
const PIECES: usize = 4;

/// Runs blocking work that writes an object, and sends to the target what it puts meanwhile. The
/// object is there under its name once this has returned `Ok`; with any error nothing is.
///
/// If the future is dropped, the work's next put fails, and nothing is left of the object.
///
/// # Errors
/// What the target or the work fails with.
pub(crate) async fn upload<T: Send + 'static>(
    target: &Target,
    name: &str,
    expected: Option<u64>,
    work: impl FnOnce(PipeSink) -> Result<T> + Send + 'static,
) -> Result<T> {
    let mut upload = target.create(name, expected).await?;
    let (sender, mut receiver) = mpsc::channel::<Bytes>(PIECES);
    let work = tokio::task::spawn_blocking(move || work(PipeSink { sender }));
    let sent = async {
        while let Some(bytes) = receiver.recv().await {
            upload.write(bytes).await?;
        }
        Ok(())
    }
    .await;
    // If sending failed, this is what the work learns it by.
    drop(receiver);
    let done = work.await.unwrap_or_else(|why| Err(Error::unexpected(why)));
    match sent.and(done) {
        Ok(done) => {
            upload.finish().await?;
            Ok(done)
        }
        Err(error) => {
            upload.abort().await;
            Err(error)
        }
    }
}

/// Runs blocking work that reads bytes of an object, and fetches them meanwhile.
///
/// If the future is dropped, the work's next read fails.
///
/// # Errors
/// What the target or the work fails with.
pub(crate) async fn download<T: Send + 'static>(
    target: &Target,
    name: &str,
    range: Range<u64>,
    work: impl FnOnce(PipeReader) -> Result<T> + Send + 'static,
) -> Result<T> {
    let stream = target.stream(name, range)?;
    let (sender, receiver) = mpsc::channel(PIECES);
    let work = tokio::task::spawn_blocking(move || work(PipeReader::new(receiver)));
    let fetch = async {
        let mut stream = stream.map(Some).chain(futures_util::stream::iter([None]));
        while let Some(piece) = stream.next().await {
            let piece = match piece {
                Some(Ok(bytes)) => Piece::Bytes(bytes),
                Some(Err(error)) => Piece::Failed(error),
                None => Piece::End,
            };
            let is_last = !matches!(piece, Piece::Bytes(_));
            // The work has all it wants once it reads no more.
            if sender.send(piece).await.is_err() || is_last {
                break;
            }
        }
    };
    let ((), done) = tokio::join!(fetch, work);
    done.unwrap_or_else(|why| Err(Error::unexpected(why)))
}

/// Takes the bytes of an archive, to be sent to a target. Blocking.
#[derive(Debug)]
pub(crate) struct PipeSink {
    sender: Sender<Bytes>,
}

impl Sink for PipeSink {
    fn put(&mut self, bytes: Bytes) -> Result<()> {
        self.sender.blocking_send(bytes).map_err(|_| stopped())
    }
}

/// Gives bytes that come from a target. Blocking.
#[derive(Debug)]
pub(crate) struct PipeReader {
    receiver: Receiver<Piece>,
    bytes: Bytes,
    end: Option<Result<()>>,
}

#[derive(Debug)]
enum Piece {
    Bytes(Bytes),
    Failed(Error),
    /// A stream that stops without it was given up.
    End,
}

impl PipeReader {
    fn new(receiver: Receiver<Piece>) -> Self {
        Self {
            receiver,
            bytes: Bytes::new(),
            end: None,
        }
    }
}

impl Read for PipeReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.bytes.is_empty() && self.end.is_none() {
            match self.receiver.blocking_recv() {
                Some(Piece::Bytes(bytes)) => self.bytes = bytes,
                Some(Piece::End) => self.end = Some(Ok(())),
                Some(Piece::Failed(error)) => self.end = Some(Err(error)),
                None => self.end = Some(Err(stopped())),
            }
        }
        if let (true, Some(Err(error))) = (self.bytes.is_empty(), &self.end) {
            return Err(into_io(error.clone()));
        }
        let taken = self.bytes.len().min(out.len());
        out[..taken].copy_from_slice(&self.bytes.split_to(taken));
        Ok(taken)
    }
}

fn stopped() -> Error {
    Error::new(
        ErrorKind::Unexpected,
        "stopped: the other end of the transfer is gone",
    )
}
