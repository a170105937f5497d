//! The engines, and whether a connection to one is encrypted.

use std::fmt;

/// The kinds of database server (or file) Mainstay talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EngineKind {
    /// SQLite, compiled in.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MariaDB or MySQL.
    MySql,
}

impl EngineKind {
    /// The name used in URLs, file names and machine-readable output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
        }
    }

    /// The name for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MariaDB/MySQL",
        }
    }

    /// The port a server listens on unless told otherwise. SQLite has none.
    pub const fn default_port(self) -> Option<u16> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(5432),
            Self::MySql => Some(3306),
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// How a connection to a server is encrypted. There is no mode that tries and falls back to plain
/// text: whoever sits between could force the fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsMode {
    /// No encryption.
    Disable,
    /// Encrypted; the server's certificate and host name are verified.
    Require,
    /// Encrypted, but to whoever answers. Warned about at every start.
    #[doc(alias = "rejectUnauthorized")]
    RequireUnverified,
}

impl TlsMode {
    /// Every mode as it is written.
    pub const NAMES: &'static [&'static str] = &["disable", "require", "require-unverified"];

    /// The mode as it is written in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Require => "require",
            Self::RequireUnverified => "require-unverified",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Disable, Self::Require, Self::RequireUnverified]
            .into_iter()
            .find(|mode| mode.as_str() == name)
    }

    /// Reads the `sslmode` of a PostgreSQL URL or the `ssl-mode` of a MySQL one.
    ///
    /// `require` verifies here, although libpq's does not: the safe reading of the same word.
    pub(crate) fn from_url_parameter(value: &str) -> Result<Self, &'static str> {
        match value.to_ascii_lowercase().replace('_', "-").as_str() {
            "disable" | "disabled" => Ok(Self::Disable),
            "require" | "required" | "verify-ca" | "verify-full" | "verify-identity" => {
                Ok(Self::Require)
            }
            "no-verify" | "require-unverified" => Ok(Self::RequireUnverified),
            "allow" | "prefer" | "preferred" => Err("the URL's sslmode would fall back to plain \
                 text without a word; write sslmode=require or sslmode=disable"),
            _ => Err(
                "the URL's sslmode is not known; it may be disable, require, verify-ca, \
                 verify-full or no-verify",
            ),
        }
    }

    /// The `sslmode` that reads back as this mode.
    pub(crate) const fn as_url_parameter(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Require => "verify-full",
            Self::RequireUnverified => "no-verify",
        }
    }
}

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_survives_both_spellings() {
        for mode in [
            TlsMode::Disable,
            TlsMode::Require,
            TlsMode::RequireUnverified,
        ] {
            assert!(TlsMode::NAMES.contains(&mode.as_str()));
            assert_eq!(TlsMode::from_name(mode.as_str()), Some(mode));
            assert_eq!(
                TlsMode::from_url_parameter(mode.as_url_parameter()),
                Ok(mode)
            );
        }
    }

    #[test]
    fn the_words_of_both_servers_are_understood() {
        assert_eq!(
            TlsMode::from_url_parameter("verify-ca"),
            Ok(TlsMode::Require)
        );
        assert_eq!(
            TlsMode::from_url_parameter("VERIFY_IDENTITY"),
            Ok(TlsMode::Require)
        );
        assert_eq!(
            TlsMode::from_url_parameter("REQUIRED"),
            Ok(TlsMode::Require)
        );
        assert_eq!(
            TlsMode::from_url_parameter("disabled"),
            Ok(TlsMode::Disable)
        );
        let refused = TlsMode::from_url_parameter("prefer").expect_err("prefer is refused");
        assert!(refused.contains("plain text"));
        assert!(TlsMode::from_url_parameter("yes").is_err());
    }
}
