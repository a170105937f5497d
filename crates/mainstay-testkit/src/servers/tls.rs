//! The certificates of a private server.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use super::error::ServerError;

/// The file, beside the authority's, with a certificate that clients may show.
pub const CLIENT_CERTIFICATE: &str = "client.pem";
/// The file, beside the authority's, with its key.
pub const CLIENT_KEY: &str = "client.key";

/// The files [`write_certificates`] made.
#[derive(Debug, Clone)]
pub(super) struct Certificates {
    /// The authority clients must trust.
    pub(super) ca: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Makes a certificate authority, a certificate for 127.0.0.1 and localhost signed by it, and one
/// for a client, and writes them into `folder`. The authority's key is not kept: nothing more can be signed with it.
pub(super) fn write_certificates(folder: &Path) -> Result<Certificates, ServerError> {
    let failed = |error: rcgen::Error| {
        ServerError::new(format!(
            "the test server's certificates cannot be made: {error}"
        ))
    };

    let mut ca = CertificateParams::default();
    ca.distinguished_name
        .push(DnType::CommonName, "Mainstay test authority");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_key = KeyPair::generate().map_err(failed)?;
    let ca_certificate = ca.self_signed(&ca_key).map_err(failed)?;
    let issuer = Issuer::new(ca, ca_key);

    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut server = CertificateParams::new(names).map_err(failed)?;
    server
        .distinguished_name
        .push(DnType::CommonName, "Mainstay test server");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let server_key = KeyPair::generate().map_err(failed)?;
    let server_certificate = server.signed_by(&server_key, &issuer).map_err(failed)?;

    let files = Certificates {
        ca: folder.join("ca.pem"),
        certificate: folder.join("server.pem"),
        key: folder.join("server.key"),
    };
    let mut client = CertificateParams::default();
    client
        .distinguished_name
        .push(DnType::CommonName, "Mainstay test client");
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    client.use_authority_key_identifier_extension = true;
    let client_key = KeyPair::generate().map_err(failed)?;
    let client_certificate = client.signed_by(&client_key, &issuer).map_err(failed)?;
    fs::write(folder.join(CLIENT_CERTIFICATE), client_certificate.pem())?;
    write_private(&folder.join(CLIENT_KEY), &client_key.serialize_pem())?;

    fs::write(&files.ca, ca_certificate.pem())?;
    fs::write(&files.certificate, server_certificate.pem())?;
    write_private(&files.key, &server_key.serialize_pem())?;
    Ok(files)
}

/// Writes a new file that only its owner can read.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), ServerError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(())
}
