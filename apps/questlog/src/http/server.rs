//! Binding, serving and stopping.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use mainstay::{Error, ErrorKind, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long requests in flight may take to finish once the server is told to stop.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// Takes the address.
///
/// # Errors
/// `CONFIGURATION_ERROR` that names the address and says what to do. The port is never changed
/// silently: whoever calls the service expects it where the configuration says.
pub async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| cannot_bind(address, error))
}

fn cannot_bind(address: SocketAddr, error: io::Error) -> Error {
    let (what, hint) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            "another program listens there already".to_owned(),
            format!(
                "stop that program, or choose another port: MAINSTAY_HTTP_BIND={}:{}",
                bracketed(address),
                address.port().checked_add(1).unwrap_or(3000)
            ),
        ),
        io::ErrorKind::PermissionDenied => (
            "the system does not allow it".to_owned(),
            "choose a port from 1024 on with MAINSTAY_HTTP_BIND".to_owned(),
        ),
        io::ErrorKind::AddrNotAvailable => (
            "this machine does not have that address".to_owned(),
            "choose an address of this machine with MAINSTAY_HTTP_BIND".to_owned(),
        ),
        _ => (
            error.to_string(),
            "choose another address with MAINSTAY_HTTP_BIND".to_owned(),
        ),
    };
    Error::new(
        ErrorKind::Configuration,
        format!("the API cannot listen on {address} (http.bind): {what}"),
    )
    .with_hint(hint)
    .with_source(error)
}

fn bracketed(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

/// Serves until `stop` completes, then lets requests in flight finish, for ten seconds at most.
///
/// # Errors
/// `UNEXPECTED_ERROR` when the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let (stopping, mut stopped) = watch::channel(false);
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop.await;
        stopping.send_replace(true);
    });
    let overdue = async move {
        // An error means that the server has ended by itself; then nothing is overdue.
        if stopped.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(DRAIN_LIMIT).await;
    };
    tokio::select! {
        ended = server.into_future() => ended.map_err(Error::unexpected),
        () = overdue => {
            tracing::warn!("requests still in flight after {DRAIN_LIMIT:?} were cut off");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_busy_port_is_named_with_what_to_do() {
        let first = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = first.local_addr().unwrap();
        let error = bind(address).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&address.to_string()), "{text}");
        assert!(text.contains("another program listens there"), "{text}");
        assert!(text.contains("MAINSTAY_HTTP_BIND=127.0.0.1:"), "{text}");
    }
}
