//! The engines that need a server.

use std::fmt;

/// The engines that need a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServerKind {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    MariaDb,
}

impl ServerKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Postgres, Self::MariaDb];

    /// The name in commands and environment variables: `postgres` or `mysql`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mysql",
        }
    }

    /// The environment variable with the URL of the server a test run shares.
    pub fn url_variable(self) -> &'static str {
        match self {
            Self::Postgres => "MAINSTAY_TEST_POSTGRES_URL",
            Self::MariaDb => "MAINSTAY_TEST_MYSQL_URL",
        }
    }

    /// The environment variable with the path of that server's certificate authority.
    pub fn ca_variable(self) -> &'static str {
        match self {
            Self::Postgres => "MAINSTAY_TEST_POSTGRES_CA",
            Self::MariaDb => "MAINSTAY_TEST_MYSQL_CA",
        }
    }
}

impl fmt::Display for ServerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
        })
    }
}
