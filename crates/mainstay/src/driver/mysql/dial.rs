//! From options to a connection that is signed in, and why that can fail.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mysql_async::{Conn, DriverError, Error as Native, IoError, Opts, OptsBuilder, SslOpts};
use rustls::CertificateError;
use tokio::time::{Instant, timeout_at};

use super::options::MySqlOptions;
use super::probe::Probe;
use super::{classify, fault, tls};
use crate::driver::progress::{DialProgress, DialStep};
use crate::error::{Error, ErrorKind, Result};

/// Options made ready for dialing.
pub(super) struct Dialer {
    pub(super) options: MySqlOptions,
    ssl: Option<SslOpts>,
    /// Holds the TLS files read once, and the password: never shown.
    opts: Opts,
    /// One for all attempts, so that those that are slow together ask the server once.
    probe: Probe,
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
        Ok(Self {
            options,
            ssl,
            opts,
            probe: Probe::default(),
        })
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
        progress.enter(DialStep::Connect);
        let opts: Opts = OptsBuilder::from_opts(self.opts.clone())
            .resolved_ips(Some(
                addresses.iter().map(SocketAddr::ip).collect::<Vec<_>>(),
            ))
            .into();
        let signing_in = timeout_at(deadline, Conn::new(opts));
        // The client library does both in one future and tells nothing in between.
        let telling = async {
            if self.probe.is_accepted(&addresses, deadline).await {
                progress.enter(DialStep::Authenticate);
            }
            std::future::pending::<Infallible>().await
        };
        let opened = tokio::select! {
            biased;
            opened = signing_in => opened,
            never = telling => match never {},
        };
        let step = progress.current().0;
        match opened {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(native)) => Err(self.explain(failed_step(&native, step), &native)),
            Err(_) => Err(self.late(words(step))),
        }
    }

    async fn resolve(&self, deadline: Instant) -> Result<Vec<SocketAddr>> {
        let host = self.options.host.as_str();
        let unknown = |reason: &str| {
            let detail = self.during(words(DialStep::Lookup), reason);
            Error::new(ErrorKind::Unreachable, detail)
                .with_hint("check the host name in the configuration, and the name server")
        };
        let lookup = tokio::net::lookup_host((host, self.options.port));
        match timeout_at(deadline, lookup).await {
            Ok(Ok(found)) => {
                let found: Vec<_> = found.collect();
                if found.is_empty() {
                    Err(unknown("it has no address"))
                } else {
                    Ok(found)
                }
            }
            Ok(Err(error)) => Err(unknown(&error.to_string())),
            Err(_) => Err(unknown("no answer within the time allowed")),
        }
    }

    /// The error of a step that took too long.
    pub(super) fn late(&self, step: &str) -> Error {
        let detail = self.during(step, "no answer within the time allowed");
        let hint = match step {
            DIALING => "check that the server runs, and that no firewall swallows the connection",
            LOGGING_IN => "the server takes connections: check that it does not hang",
            _ => "check that the server is not overloaded",
        };
        Error::new(ErrorKind::Unreachable, detail).with_hint(hint)
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
        format!("{}: {step} failed: {reason}", self.options.address())
    }

    fn explain_refusal(&self, step: &str, server: &mysql_async::ServerError) -> Error {
        let told = classify::classify(server, None);
        let kind = match told.kind() {
            // Nothing was in use yet.
            ErrorKind::ConnectionLost => ErrorKind::Unreachable,
            kind => kind,
        };
        let reason = format!("user {}: {}", self.options.user, told.detail());
        let error = Error::new(kind, self.during(step, &reason))
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

const DIALING: &str = "dialing";
const LOGGING_IN: &str = "logging in";

/// A step in the words of errors, which are those of PostgreSQL's driver, too.
fn words(step: DialStep) -> &'static str {
    match step {
        DialStep::Connect => DIALING,
        DialStep::Authenticate => LOGGING_IN,
        other => other.words(),
    }
}

/// Which step has failed, if `step` was known to be under way. That the connection stands may show
/// only in how it fails.
fn failed_step(native: &Native, step: DialStep) -> &'static str {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset};
    let dials = match native {
        Native::Io(IoError::Io(error)) => match error.kind() {
            ConnectionRefused => true,
            ConnectionReset | ConnectionAborted | BrokenPipe | io::ErrorKind::UnexpectedEof => {
                false
            }
            _ => step == DialStep::Connect && tls_error(error).is_none(),
        },
        // The server has said something, or hung up.
        _ => false,
    };
    words(if dials {
        DialStep::Connect
    } else {
        DialStep::Authenticate
    })
}

/// The TLS error inside of an I/O error.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// The moment `limit` from now.
pub(super) fn deadline(limit: Duration) -> Instant {
    Instant::now() + limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_that_failed_shows_in_how_it_failed() {
        let io = |kind: io::ErrorKind| Native::Io(IoError::Io(kind.into()));
        let closed = Native::Driver(DriverError::ConnectionClosed);
        let untrusted = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let untrusted = io::Error::new(io::ErrorKind::InvalidData, untrusted);
        for (native, while_connecting, while_signing_in) in [
            (io(io::ErrorKind::ConnectionRefused), "dialing", "dialing"),
            (io(io::ErrorKind::HostUnreachable), "dialing", "logging in"),
            (io(io::ErrorKind::TimedOut), "dialing", "logging in"),
            (
                io(io::ErrorKind::ConnectionReset),
                "logging in",
                "logging in",
            ),
            (io(io::ErrorKind::UnexpectedEof), "logging in", "logging in"),
            (closed, "logging in", "logging in"),
            (
                Native::Io(IoError::Io(untrusted)),
                "logging in",
                "logging in",
            ),
        ] {
            let step = failed_step(&native, DialStep::Connect);
            assert_eq!(step, while_connecting, "{native}");
            let step = failed_step(&native, DialStep::Authenticate);
            assert_eq!(step, while_signing_in, "{native}");
        }
    }
}
