//! Where the server is and who we are.

use std::fmt;

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

use crate::config::{Tls, TlsMode};

/// Settings every session starts with, sent with the log-in so that they cost no round trip and
/// `RESET ALL` returns to them. They win over what is set for the role or the database.
///
/// The forms of dates, intervals and bytes matter where SQL casts them to text.
///
/// The server looks after a client that says nothing as we look after the server: a session whose
/// client is gone without a word, or whose connection a firewall has forgotten, would otherwise keep
/// its locks for two hours. On a Unix socket there is nothing to look after, and it is ignored.
const SESSION: &str = "-c default_transaction_isolation=read\\ committed \
     -c TimeZone=UTC \
     -c standard_conforming_strings=on \
     -c client_min_messages=warning \
     -c DateStyle=ISO,YMD \
     -c IntervalStyle=postgres \
     -c bytea_output=hex \
     -c tcp_keepalives_idle=15 \
     -c tcp_keepalives_interval=5 \
     -c tcp_keepalives_count=3";

/// How to reach one database of one server.
#[derive(Clone)]
pub(crate) struct PostgresOptions {
    /// A host name, an address, or the folder of a Unix socket when it starts with `/`.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// The user.
    pub(crate) user: String,
    /// The password, where the server asks for one.
    pub(crate) password: Option<String>,
    /// The database.
    pub(crate) database: String,
    /// Whether and how the connection is encrypted.
    pub(crate) tls: Tls,
    /// What the server shows as the client's name.
    pub(crate) application_name: String,
    /// How many prepared statements each connection keeps; 0 keeps none.
    pub(crate) statement_cache: usize,
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("database", &self.database)
            .field("tls", &self.tls)
            .field("application_name", &self.application_name)
            .field("statement_cache", &self.statement_cache)
            .finish()
    }
}

impl PostgresOptions {
    /// Whether the host is the folder of a Unix socket.
    pub(super) fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }

    /// Host and port, for messages.
    pub(super) fn place(&self) -> String {
        if self.is_socket() {
            format!("{}/.s.PGSQL.{}", self.host, self.port)
        } else if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The same server with another database.
    pub(super) fn with_database(&self, database: &str) -> Self {
        Self {
            database: database.to_owned(),
            ..self.clone()
        }
    }

    /// What the client library needs to log in. Dialing is ours, so no host is in it.
    pub(super) fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .user(self.user.as_str())
            .dbname(self.database.as_str())
            .application_name(self.application_name.as_str())
            .options(SESSION)
            .ssl_mode(if self.tls.mode == TlsMode::Disable || self.is_socket() {
                SslMode::Disable
            } else {
                SslMode::Require
            });
        if let Some(password) = &self.password {
            config.password(password);
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_not_shown() {
        let options = PostgresOptions {
            host: "::1".into(),
            port: 5432,
            user: "app".into(),
            password: Some("hunter2".into()),
            database: "quest".into(),
            tls: Tls::disabled(),
            application_name: "test".into(),
            statement_cache: 8,
        };
        let shown = format!("{options:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("***"), "{shown}");
        assert_eq!(options.place(), "[::1]:5432");
        assert_eq!(options.with_database("other").database, "other");
    }
}
