//! From options to a connection that is signed in, and why that can fail.

use std::net::IpAddr;
use std::time::Duration;

use mysql_async::{Conn, DriverError, Error as Native, IoError, Opts, OptsBuilder, SslOpts};
use rustls::CertificateError;
use tokio::time::{Instant, timeout_at};

use super::options::MySqlOptions;
use super::{classify, fault, tls};
use crate::driver::progress::{DialProgress, DialStep};
use crate::error::{Error, ErrorKind, Result};

/// Options made ready for dialing.
pub(super) struct Dialer {
    pub(super) options: MySqlOptions,
    ssl: Option<SslOpts>,
    /// Holds the TLS files read once, and the password: never shown.
    opts: Opts,
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.options.fmt(f)
    }
}

impl Dialer {
    /// Reads the TLS files.
    ///
    /// # Errors
    /// `TLS_ERROR` naming a file that cannot be used, `CONFIGURATION_ERROR`.
    pub(super) async fn new(options: MySqlOptions) -> Result<Self> {
        let ssl = tls::load(&options.tls).await?;
        let opts = options
            .builder()
            .db_name(Some(options.database.clone()))
            .ssl_opts(ssl.clone())
            .into();
        Ok(Self { options, ssl, opts })
    }

    /// The same, signing in without a database: for creating and dropping it.
    pub(super) async fn without_database(options: MySqlOptions) -> Result<Self> {
        let mut dialer = Self::new(options).await?;
        dialer.opts = dialer.options.builder().ssl_opts(dialer.ssl.clone()).into();
        Ok(dialer)
    }

    /// Resolves the host, connects and signs in.
    ///
    /// # Errors
    /// The kinds that [`Driver::connect`](crate::driver::Driver::connect) names.
    pub(super) async fn dial(&self, deadline: Instant) -> Result<Conn> {
        self.dial_watched(deadline, &DialProgress::new(Instant::now()))
            .await
    }

    /// The same, telling which step is under way.
    pub(super) async fn dial_watched(
        &self,
        deadline: Instant,
        progress: &DialProgress,
    ) -> Result<Conn> {
        progress.enter(DialStep::Lookup);
        let addresses = self.resolve(deadline).await?;
        progress.enter(DialStep::ConnectAndAuthenticate);
        let opts: Opts = OptsBuilder::from_opts(self.opts.clone())
            .resolved_ips(Some(addresses))
            .into();
        match timeout_at(deadline, Conn::new(opts)).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(native)) => Err(self.explain("connecting", &native)),
            Err(_) => Err(self.late("connecting and signing in")),
        }
    }

    async fn resolve(&self, deadline: Instant) -> Result<Vec<IpAddr>> {
        let host = self.options.host.as_str();
        let unknown = |reason: String| {
            Error::new(
                ErrorKind::Unreachable,
                format!(
                    "the host of {} is unknown: {reason}",
                    self.options.address()
                ),
            )
            .with_hint("check the host name in the configuration")
        };
        let lookup = tokio::net::lookup_host((host, self.options.port));
        match timeout_at(deadline, lookup).await {
            Ok(Ok(found)) => {
                let found: Vec<_> = found.map(|address| address.ip()).collect();
                if found.is_empty() {
                    Err(unknown("it has no address".to_owned()))
                } else {
                    Ok(found)
                }
            }
            Ok(Err(error)) => Err(unknown(error.to_string())),
            Err(_) => Err(self.late("looking up the host")),
        }
    }

    /// The error of a step that took too long.
    pub(super) fn late(&self, step: &str) -> Error {
        Error::new(
            ErrorKind::Unreachable,
            format!(
                "{step} at {} as {} took longer than allowed",
                self.options.address(),
                self.options.user
            ),
        )
        .with_hint("check that the server runs, and that no firewall swallows the connection")
    }

    /// The error of a step that failed.
    pub(super) fn explain(&self, step: &str, native: &Native) -> Error {
        let (kind, reason, hint) = match native {
            Native::Server(server) => return self.explain_refusal(step, server),
            Native::Driver(DriverError::NoClientSslFlagFromServer) => (
                ErrorKind::Tls,
                "the server offers no TLS".to_owned(),
                "set up TLS on the server, or disable it in the configuration",
            ),
            Native::Driver(DriverError::UnexpectedPacket { .. }) => (
                ErrorKind::Unreachable,
                "what answers there does not speak the protocol of MariaDB and MySQL".to_owned(),
                "check host and port",
            ),
            Native::Io(IoError::Tls(error)) => (ErrorKind::Tls, error.to_string(), self.tls_hint()),
            Native::Io(IoError::Io(error)) => match tls_error(error) {
                Some(error) => (ErrorKind::Tls, self.tls_reason(error), self.tls_hint()),
                None => (
                    ErrorKind::Unreachable,
                    error.to_string(),
                    "check that the server runs and listens there",
                ),
            },
            Native::Driver(
                DriverError::UnknownAuthPlugin { .. }
                | DriverError::MysqlOldPasswordDisabled
                | DriverError::CleartextPluginDisabled,
            ) => (
                ErrorKind::CredentialsRefused,
                fault::describe(native),
                "give the user another authentication plugin",
            ),
            other => (
                ErrorKind::Unreachable,
                fault::describe(other),
                "check that the server runs and listens there",
            ),
        };
        Error::new(kind, self.during(step, &reason)).with_hint(hint)
    }

    fn during(&self, step: &str, reason: &str) -> String {
        format!(
            "{step} at {} as {}: {reason}",
            self.options.address(),
            self.options.user
        )
    }

    fn explain_refusal(&self, step: &str, server: &mysql_async::ServerError) -> Error {
        let told = classify::classify(server, None);
        let kind = match told.kind() {
            // Nothing was in use yet.
            ErrorKind::ConnectionLost => ErrorKind::Unreachable,
            kind => kind,
        };
        let error = Error::new(kind, self.during(step, told.detail()))
            .with_native_code(told.native_code().unwrap_or_default().to_owned());
        match told.hint() {
            Some(hint) => error.with_hint(hint.to_owned()),
            None => error,
        }
    }

    fn tls_reason(&self, error: &rustls::Error) -> String {
        use rustls::Error::InvalidCertificate as Invalid;
        match error {
            Invalid(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => format!(
                "the server's certificate does not name the host {}",
                self.options.host
            ),
            Invalid(CertificateError::UnknownIssuer) => format!(
                "the server's certificate is not signed by {}",
                match &self.options.tls.ca_file {
                    Some(path) => format!("the authority in {}", path.display()),
                    None => "a public authority".to_owned(),
                }
            ),
            other => other.to_string(),
        }
    }

    fn tls_hint(&self) -> &'static str {
        if self.options.tls.ca_file.is_some() {
            "check that the CA file is the one that signed the server's certificate, and that \
             the certificate names the host"
        } else {
            "name the CA file that signed the server's certificate, or check the host name"
        }
    }
}

/// The TLS error inside of an I/O error.
fn tls_error(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// The moment `limit` from now.
pub(super) fn deadline(limit: Duration) -> Instant {
    Instant::now() + limit
}
