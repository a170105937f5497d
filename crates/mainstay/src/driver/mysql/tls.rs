//! How the connection is secured.

use std::path::Path;

use mysql_async::{ClientIdentity, SslOpts};
use rustls::crypto::CryptoProvider;

use crate::config::{Tls, TlsMode};
use crate::error::{Error, ErrorKind, Result};

/// Reads the files, so that a wrong one is told by its path, and makes the settings of
/// `mysql_async`. `None` without TLS.
pub(super) async fn load(options: &Tls) -> Result<Option<SslOpts>> {
    if options.mode == TlsMode::Disable {
        return Ok(None);
    }
    // rustls panics when several crypto providers are compiled in and none is chosen. An
    // application's own choice stays.
    if CryptoProvider::get_default().is_none() {
        // Fails only when another thread has chosen in between, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let mut ssl = SslOpts::default();
    if options.mode == TlsMode::RequireUnverified {
        ssl = ssl
            .with_danger_accept_invalid_certs(true)
            .with_danger_skip_domain_validation(true);
    } else if let Some(path) = &options.ca_file {
        let pem = read_pem(path, "CA file", "CERTIFICATE").await?;
        ssl = ssl
            .with_root_certs(vec![pem.into()])
            .with_disable_built_in_roots(true);
    }
    match (&options.client_cert, &options.client_key) {
        (Some(cert), Some(key)) => {
            let cert = read_pem(cert, "client certificate", "CERTIFICATE").await?;
            let key = read_pem(key, "client key", "PRIVATE KEY").await?;
            ssl = ssl.with_client_identity(Some(ClientIdentity::new(cert.into(), key.into())));
        }
        (None, None) => {}
        _ => {
            return Err(Error::new(
                ErrorKind::Configuration,
                "a client certificate and its key go together, but only one of them is set",
            ));
        }
    }
    Ok(Some(ssl))
}

async fn read_pem(path: &Path, what: &str, label: &str) -> Result<Vec<u8>> {
    let owned = path.to_owned();
    let read = tokio::task::spawn_blocking(move || std::fs::read(owned)).await;
    let problem = |reason: String| {
        Error::new(
            ErrorKind::Tls,
            format!("the {what} {} {reason}", path.display()),
        )
        .with_hint("name an existing PEM file that the service may read")
    };
    let bytes = match read {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return Err(problem(format!("cannot be read: {error}"))),
        Err(error) => return Err(problem(format!("cannot be read: {error}"))),
    };
    let marker = format!("{label}-----");
    if String::from_utf8_lossy(&bytes).contains(&marker) {
        Ok(bytes)
    } else {
        Err(problem(format!("holds no PEM block of type {label}")))
    }
}
