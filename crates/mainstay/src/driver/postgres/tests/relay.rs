//! A relay between the driver and the server that can fall silent or hang up.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::driver::postgres::PostgresOptions;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Open,
    Silent,
    Cut,
}

pub(super) struct Relay {
    /// The server, by way of the relay.
    pub(super) options: PostgresOptions,
    mode: Arc<watch::Sender<Mode>>,
}

impl Relay {
    pub(super) async fn to(options: &PostgresOptions) -> Self {
        Self::at("127.0.0.1", options).await
    }

    /// A relay on another address of this machine, which the server's certificate does not name.
    pub(super) async fn at(host: &str, options: &PostgresOptions) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = (options.host.clone(), options.port);
        let mode = Arc::new(watch::channel(Mode::Open).0);
        let told = Arc::clone(&mode);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect((target.0.as_str(), target.1)).await;
                tokio::spawn(relay(near, far.unwrap(), told.subscribe()));
            }
        });
        Self {
            options: PostgresOptions {
                host: host.to_owned(),
                port,
                ..options.clone()
            },
            mode,
        }
    }

    /// Passes nothing on any more; connections stay open.
    pub(super) fn fall_silent(&self) {
        self.mode.send_replace(Mode::Silent);
    }

    /// Closes all connections.
    pub(super) fn cut(&self) {
        self.mode.send_replace(Mode::Cut);
    }
}

async fn relay(mut near: TcpStream, mut far: TcpStream, mut mode: watch::Receiver<Mode>) {
    let mut changed = mode.clone();
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => return,
        _ = changed.wait_for(|mode| *mode != Mode::Open) => {}
    }
    let _ = mode.wait_for(|mode| *mode == Mode::Cut).await;
}
