//! Where the server is and who signs in.

use std::fmt;
use std::time::Duration;

use mysql_async::OptsBuilder;

use crate::config::Tls;

/// What is needed to connect.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct MySqlOptions {
    /// Host name or address, without brackets.
    pub host: String,
    /// The port; 3306 unless the server was told otherwise.
    pub port: u16,
    /// The user.
    pub user: String,
    /// The password. Never shown.
    pub password: Option<String>,
    /// The database.
    pub database: String,
    /// How the connection is secured.
    pub tls: Tls,
    /// How many prepared statements each connection keeps; at least one.
    pub statement_cache: usize,
}

impl MySqlOptions {
    /// Options with the default port, no password, no TLS, and 256 kept statements.
    pub(super) fn new(
        host: impl Into<String>,
        user: impl Into<String>,
        database: impl Into<String>,
    ) -> Self {
        Self {
            host: host.into(),
            port: 3306,
            user: user.into(),
            password: None,
            database: database.into(),
            tls: Tls::disabled(),
            statement_cache: 256,
        }
    }

    /// `host:port`, for messages.
    pub(super) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The options in the form of `mysql_async`, but for TLS and the database.
    pub(super) fn builder(&self) -> OptsBuilder {
        OptsBuilder::default()
            .ip_or_hostname(self.host.clone())
            .tcp_port(self.port)
            .user(Some(self.user.clone()))
            .pass(self.password.clone())
            // Without any, prepared statements would pile up on the server.
            .stmt_cache_size(self.statement_cache.max(1))
            .client_found_rows(true)
            // So that a peer that is gone without a word is noticed in the end.
            .tcp_keepalive(Some(Duration::from_secs(15)))
            // A connection that moves to a socket behind our back would dodge TLS and proxies.
            .prefer_socket(false)
            // Rows may be larger than what the server takes. What is sent is checked against the
            // server's own limit before it is sent. Naming a value also saves a round trip.
            .max_allowed_packet(Some(1 << 30))
            // Only its pool looks at this; naming a value saves a round trip.
            .wait_timeout(Some(28_800))
    }
}

impl fmt::Debug for MySqlOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySqlOptions")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("database", &self.database)
            .field("tls", &self.tls)
            .field("statement_cache", &self.statement_cache)
            .finish()
    }
}
