//! Certificates and how far they are checked.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
};

use crate::config::{Tls, TlsMode};
use crate::error::{Error, ErrorKind, Result};

/// The configuration for a connection, or `None` when it is not encrypted.
///
/// # Errors
/// `CONFIGURATION_ERROR` naming the file that cannot be used.
pub(super) fn client_config(options: &Tls) -> Result<Option<ClientConfig>> {
    // The provider is passed along rather than installed: a process-wide one is the application's.
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Tls, format!("no TLS version to use: {error}")))?;
    let builder = match options.mode {
        TlsMode::Disable => return Ok(None),
        TlsMode::Require => builder.with_root_certificates(roots(options.ca_file.as_deref())?),
        TlsMode::RequireUnverified => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyServer { provider })),
    };
    client_auth(builder, options).map(Some)
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore> {
    let Some(path) = ca_file else {
        return Ok(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        });
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates("CA file", path)? {
        roots
            .add(certificate)
            .map_err(|error| unusable("CA file", path, &error))?;
    }
    Ok(roots)
}

fn certificates(what: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(what, path, &error))?;
    if found.is_empty() {
        return Err(unusable(what, path, &"it holds no certificate"));
    }
    Ok(found)
}

fn client_auth(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    options: &Tls,
) -> Result<ClientConfig> {
    match (&options.client_cert, &options.client_key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(cert), Some(key)) => {
            let chain = certificates("client certificate", cert)?;
            let secret = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| unusable("client key", key, &error))?;
            builder
                .with_client_auth_cert(chain, secret)
                .map_err(|error| unusable("client key", key, &error))
        }
        _ => Err(Error::new(
            ErrorKind::Configuration,
            "a client certificate and its key belong together, and only one of them is set",
        )
        .with_hint("set both or neither")),
    }
}

fn unusable(what: &str, path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("the {what} {} cannot be used: {why}", path.display()),
    )
    .with_hint("it must be a readable PEM file")
}

/// Takes any certificate, but insists that the server holds its key.
#[derive(Debug)]
struct AnyServer {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A refused handshake in words, with what to do.
pub(super) fn describe(error: &rustls::Error) -> (String, &'static str) {
    use CertificateError as C;
    match error {
        rustls::Error::InvalidCertificate(C::UnknownIssuer) => (
            "the server's certificate is not signed by a trusted authority".into(),
            "name the authority's certificate in ca_file",
        ),
        rustls::Error::InvalidCertificate(
            C::NotValidForName | C::NotValidForNameContext { .. },
        ) => (
            "the server's certificate is for another host name".into(),
            "connect by a name that the certificate holds",
        ),
        rustls::Error::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => (
            "the server's certificate has expired".into(),
            "renew it on the server",
        ),
        rustls::Error::InvalidCertificate(other) => (
            format!("the server's certificate was refused: {other}"),
            "a certificate that signs itself must not also be an authority; make a small CA",
        ),
        other => (
            format!("the TLS handshake failed: {other}"),
            "check the server's TLS settings and the client certificate",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(ca: &Path) -> Tls {
        Tls {
            mode: TlsMode::Require,
            ca_file: Some(ca.to_owned()),
            ..Tls::disabled()
        }
    }

    #[test]
    fn a_bad_ca_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no-such.pem");
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "nothing here\n").unwrap();
        let broken = folder.path().join("broken.pem");
        std::fs::write(
            &broken,
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        )
        .unwrap();
        for path in [missing, empty, broken] {
            let error = client_config(&options(&path)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(
                error.detail().contains(path.to_str().unwrap()),
                "{}",
                error.detail()
            );
        }
    }

    #[test]
    fn half_a_client_identity_is_refused() {
        let half = Tls {
            mode: TlsMode::RequireUnverified,
            client_cert: Some("/tmp/cert.pem".into()),
            ..Tls::disabled()
        };
        let error = client_config(&half).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }

    #[test]
    fn plain_and_public_configurations_are_made() {
        assert!(client_config(&Tls::disabled()).unwrap().is_none());
        let public = Tls {
            mode: TlsMode::Require,
            ..Tls::disabled()
        };
        assert!(client_config(&public).unwrap().is_some());
    }
}
