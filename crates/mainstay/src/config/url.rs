//! Where the database is: [`DatabaseUrl`]. It is read in `url_parse`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use super::secret::REDACTED;
use super::{EngineKind, Secret, TlsMode};

/// What stays as it is in a user or database name; the rest is percent-encoded.
const NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// What has a meaning in `sqlite:PATH`.
const FILE: &AsciiSet = &CONTROLS.add(b'%').add(b'?');

/// The address of a database: a SQLite file or a server, with user, password and database.
///
/// Accepted forms:
/// - `sqlite:PATH`, `file:PATH`; also `sqlite://PATH`. A path that starts with a slash is absolute
///   (`sqlite:///var/lib/app.db`), any other is relative to the working directory.
/// - `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, `postgresql://...`
/// - `mysql://USER:PASSWORD@HOST:PORT/DATABASE`, `mariadb://...`
///
/// User, password, database and path may be percent-encoded, and must be where they contain
/// `@ : / ? # %`. The one query parameter is `sslmode` (`ssl-mode`), for servers.
///
/// `Debug` and `Display` print the password as `[redacted]`.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    pub(super) engine: EngineKind,
    pub(super) place: Place,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Place {
    File(PathBuf),
    Server(Server),
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) database: Option<String>,
    pub(super) tls: Option<TlsMode>,
}

/// The host twice: as it is dialled and verified (no brackets), and whether it is an IPv6 address.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) v6: bool,
}

/// Why a text is no [`DatabaseUrl`]. It never repeats the text, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlError {
    pub(super) message: String,
}

impl UrlError {
    /// The forms that are accepted, in one line.
    pub const ALLOWED: &'static str = "sqlite:PATH, file:PATH, \
        postgres://USER:PASSWORD@HOST:PORT/DATABASE, mysql://USER:PASSWORD@HOST:PORT/DATABASE \
        (also postgresql:// and mariadb://)";

    /// What is wrong, without the accepted forms.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; allowed: {}", self.message, Self::ALLOWED)
    }
}

impl std::error::Error for UrlError {}

impl DatabaseUrl {
    /// The address of a SQLite file.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self {
            engine: EngineKind::Sqlite,
            place: Place::File(path.into()),
        }
    }

    /// Which engine is there.
    pub const fn engine(&self) -> EngineKind {
        self.engine
    }

    /// The SQLite file. `None` for a server.
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            Place::Server(_) => None,
        }
    }

    /// The server's host name or address; an IPv6 address stands without brackets. `None` for a
    /// file, as for all that follows.
    pub fn host(&self) -> Option<&str> {
        self.server().map(|server| server.host.name.as_str())
    }

    /// The server's port, the engine's usual one if the URL names none.
    pub fn port(&self) -> Option<u16> {
        self.server().map(|server| server.port)
    }

    /// The user to log in as.
    pub fn user(&self) -> Option<&str> {
        self.server()?.user.as_deref()
    }

    /// The password to log in with.
    pub fn password(&self) -> Option<&Secret> {
        self.server()?.password.as_ref()
    }

    /// The database on the server. A parsed URL of a server always names one.
    pub fn database(&self) -> Option<&str> {
        self.server()?.database.as_deref()
    }

    /// Whether another address is of the same database, whoever connects. Files are compared by where
    /// they really are. A server that has two names is not known for one.
    pub fn is_same_place(&self, other: &Self) -> bool {
        let file = |url: &Self| {
            let path = url.path()?;
            Some(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
        };
        match (file(self), file(other)) {
            (None, None) => {
                self.engine() == other.engine()
                    && self.host() == other.host()
                    && self.port() == other.port()
                    && self.database() == other.database()
            }
            (one, other) => one == other,
        }
    }

    /// What the URL's `sslmode` asks for. [`Tls::mode`](super::Tls) is what counts in the end.
    pub fn tls(&self) -> Option<TlsMode> {
        self.server()?.tls
    }

    /// The same server with another database. A SQLite URL comes back unchanged.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        self.edit(|server| server.database = Some(name.to_owned()))
    }

    /// The same server with no database chosen, for creating one where the engine allows to log in
    /// without (MariaDB and MySQL). A SQLite URL comes back unchanged.
    #[must_use]
    pub fn without_database(&self) -> Self {
        self.edit(|server| server.database = None)
    }

    /// Whether the data stays on this machine: a file, `localhost`, or a loopback address.
    ///
    /// A name that only resolves to a loopback address does not count: the answer must not depend
    /// on a name server.
    pub fn is_loopback(&self) -> bool {
        let Some(host) = self.host() else { return true };
        match host.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            Err(_) => host == "localhost",
        }
    }

    fn server(&self) -> Option<&Server> {
        match &self.place {
            Place::File(_) => None,
            Place::Server(server) => Some(server),
        }
    }

    fn edit(&self, change: impl FnOnce(&mut Server)) -> Self {
        let mut copy = self.clone();
        if let Place::Server(server) = &mut copy.place {
            change(server);
        }
        copy
    }
}

impl Host {
    pub(super) fn v6(address: Ipv6Addr) -> Self {
        Self {
            name: address.to_string(),
            v6: true,
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = match &self.place {
            Place::File(path) => {
                let path = path.to_string_lossy();
                // A second pair of slashes, or the first would be read as part of the scheme.
                let slashes = if path.starts_with("//") { "//" } else { "" };
                return write!(f, "sqlite:{slashes}{}", utf8_percent_encode(&path, FILE));
            }
            Place::Server(server) => server,
        };
        write!(f, "{}://", self.engine.as_str())?;
        if let Some(user) = &server.user {
            write!(f, "{}", utf8_percent_encode(user, NAME))?;
            if server.password.is_some() {
                write!(f, ":{REDACTED}")?;
            }
            f.write_str("@")?;
        }
        let Host { name, v6 } = &server.host;
        if *v6 {
            write!(f, "[{name}]")
        } else {
            f.write_str(name)
        }?;
        let database = server.database.as_deref().unwrap_or_default();
        write!(
            f,
            ":{}/{}",
            server.port,
            utf8_percent_encode(database, NAME)
        )?;
        match server.tls {
            Some(mode) => write!(f, "?sslmode={}", mode.as_url_parameter()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}
