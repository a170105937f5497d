//! The address of a server.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::ServerError;
use super::kind::ServerKind;

/// Where a server listens, and how to log in. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    kind: ServerKind,
    url: url::Url,
    ca: Option<PathBuf>,
}

impl ServerUrl {
    /// Reads a URL such as `postgres://user:password@127.0.0.1:5432/postgres`.
    ///
    /// `ca` is the file with the certificate authority to trust, if the server speaks TLS.
    pub fn parse(kind: ServerKind, text: &str, ca: Option<PathBuf>) -> Result<Self, ServerError> {
        // The text is not repeated in the error: it holds a password.
        let url = url::Url::parse(text).map_err(|error| {
            ServerError::new(format!(
                "the URL of the {kind} test server cannot be read: {error}"
            ))
        })?;
        let schemes: &[&str] = match kind {
            ServerKind::Postgres => &["postgres", "postgresql"],
            ServerKind::MariaDb => &["mysql", "mariadb"],
        };
        if !schemes.contains(&url.scheme()) || url.host_str().is_none() {
            return Err(ServerError::new(format!(
                "the URL of the {kind} test server must begin with {}:// and name a host, but its \
                 scheme is '{}'",
                schemes[0],
                url.scheme()
            )));
        }
        Ok(Self { kind, url, ca })
    }

    /// Which engine the server is.
    pub fn kind(&self) -> ServerKind {
        self.kind
    }

    /// The whole URL, password included: for drivers, not for logs.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The host name or address.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or("127.0.0.1")
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.url.port().unwrap_or(match self.kind {
            ServerKind::Postgres => 5432,
            ServerKind::MariaDb => 3306,
        })
    }

    /// The user name, as it stands in the URL.
    pub fn user(&self) -> &str {
        self.url.username()
    }

    /// The password, as it stands in the URL. Private servers have one that needs no escaping.
    pub fn password(&self) -> &str {
        self.url.password().unwrap_or("")
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        self.url.path().trim_start_matches('/')
    }

    /// The file with the certificate authority that signed the server's certificate.
    pub fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    /// The same server and user, with another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        let mut changed = self.clone();
        changed.url.set_path(name);
        changed
    }

    /// The same server through another port of 127.0.0.1: that of a
    /// [`FaultProxy`](crate::proxy::FaultProxy).
    #[must_use]
    pub fn through_port(&self, port: u16) -> Self {
        let mut changed = self.clone();
        changed
            .url
            .set_host(Some("127.0.0.1"))
            .and_then(|()| {
                changed
                    .url
                    .set_port(Some(port))
                    .map_err(|()| ::url::ParseError::InvalidPort)
            })
            .expect("a URL that has a host takes another host and a port");
        changed
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}:***@{}",
            self.url.scheme(),
            self.user(),
            self.host()
        )?;
        write!(f, ":{}/{}", self.port(), self.database())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> ServerUrl {
        let text = "mysql://mainstay:secret@127.0.0.1:4000/mainstay";
        ServerUrl::parse(ServerKind::MariaDb, text, None).unwrap()
    }

    #[test]
    fn takes_a_url_apart() {
        let url = sample();
        assert_eq!((url.host(), url.port()), ("127.0.0.1", 4000));
        assert_eq!((url.user(), url.password()), ("mainstay", "secret"));
        assert_eq!(url.database(), "mainstay");
    }

    #[test]
    fn changes_database_and_port() {
        let url = sample().with_database("other").through_port(4001);
        assert_eq!(url.as_str(), "mysql://mainstay:secret@127.0.0.1:4001/other");
    }

    #[test]
    fn debug_hides_the_password() {
        let shown = format!("{:?}", sample());
        assert_eq!(shown, "mysql://mainstay:***@127.0.0.1:4000/mainstay");
    }

    #[test]
    fn refuses_another_engines_url_without_showing_it() {
        let error = ServerUrl::parse(ServerKind::Postgres, sample().as_str(), None).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("postgres://"), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
}
