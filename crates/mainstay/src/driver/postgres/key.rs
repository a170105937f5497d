//! The server process that a session was told to name in cancel requests.
//!
//! The client library does not tell its number, but writes it into every cancel request. So one is
//! written for nobody.
//!
//! A pooler that hands the server's sessions around gives out keys of its own making. Where the
//! number is that of the process that runs the session's statements, the two belong together.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::CancelToken;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// A cancel request: its length, this code, the process and its secret, four bytes each.
const REQUEST: [u8; 8] = [0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e];

/// The process that the session's key names.
pub(super) fn process(token: &CancelToken) -> Option<i32> {
    let mut written = Written(Vec::new());
    // Nothing in it waits.
    let sent = token.cancel_query_raw(&mut written, Bare).now_or_never();
    sent?.ok()?;
    let (_, request) = written.0.split_last_chunk::<16>()?;
    let number = request.strip_prefix(&REQUEST)?.first_chunk::<4>()?;
    Some(i32::from_be_bytes(*number))
}

/// Takes what is written, and says yes to TLS.
struct Written(Vec<u8>);

impl AsyncRead for Written {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() > 0 {
            buf.put_slice(b"S");
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Written {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl TlsStream for &mut Written {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

/// No encryption, whatever was agreed: nothing leaves this process.
struct Bare;

impl<'a> TlsConnect<&'a mut Written> for Bare {
    type Stream = &'a mut Written;
    type Error = Infallible;
    type Future = Ready<Result<&'a mut Written, Infallible>>;

    fn connect(self, stream: &'a mut Written) -> Self::Future {
        ready(Ok(stream))
    }
}
