//! The configuration keys of the API.

use std::net::{Ipv4Addr, SocketAddr};

use mainstay::config::{Finding, KeyDef, Kind, Severity};
use mainstay::{Config, Error, ErrorKind, Result};

use super::auth::{ApiToken, MIN_LENGTH};

/// The keys that questlog adds to those of the database layer.
pub const KEYS: &[KeyDef] = &[
    KeyDef::new(
        "http.bind",
        "MAINSTAY_HTTP_BIND",
        Kind::Address,
        "Where the API listens; an address other than the loopback needs `http.api_token`.",
    )
    .default("127.0.0.1:3000"),
    KeyDef::new(
        "http.api_token",
        "MAINSTAY_HTTP_API_TOKEN",
        Kind::Text,
        "What requests must bring as `Authorization: Bearer`; at least 16 characters.",
    )
    .secret(),
];

/// Where the API listens, and what it asks of requests.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens.
    pub bind: SocketAddr,
    /// The token requests must bring, if any.
    pub token: Option<ApiToken>,
}

impl Settings {
    /// Reads the settings from a configuration loaded with [`KEYS`].
    ///
    /// # Errors
    /// `CONFIGURATION_ERROR` when the token is too short, or missing although the address can be
    /// reached from elsewhere.
    pub fn from_config(config: &Config) -> Result<Self> {
        Ok(Self::read(config)?)
    }

    /// What [`Settings::from_config`] refuses, as `config check` says it.
    pub fn check(config: &Config) -> Option<Finding> {
        Self::read(config).err().map(Finding::from)
    }

    fn read(config: &Config) -> std::result::Result<Self, Refused> {
        let bind = config
            .extra("http.bind")
            .and_then(mainstay::config::Value::as_address)
            .unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)));
        let secret = config
            .extra("http.api_token")
            .and_then(mainstay::config::Value::as_secret);
        let token = match secret {
            None => None,
            Some(secret) => Some(ApiToken::new(secret).ok_or_else(too_short)?),
        };
        if token.is_none() && !bind.ip().is_loopback() {
            return Err(exposed(bind));
        }
        Ok(Self { bind, token })
    }
}

/// A setting the API does not start with.
struct Refused {
    key: &'static str,
    /// Reads on from the key.
    what: String,
    /// What to do.
    hint: &'static str,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let Refused { key, what, hint } = refused;
        Self::new(ErrorKind::Configuration, format!("{key} {what}")).with_hint(hint)
    }
}

impl From<Refused> for Finding {
    fn from(refused: Refused) -> Self {
        Self {
            severity: Severity::Error,
            key: refused.key,
            message: format!("{}; {}", refused.what, refused.hint),
        }
    }
}

fn too_short() -> Refused {
    Refused {
        key: "http.api_token",
        what: format!("has fewer than {MIN_LENGTH} characters"),
        hint: "make one with: openssl rand -hex 32",
    }
}

fn exposed(bind: SocketAddr) -> Refused {
    Refused {
        key: "http.bind",
        what: format!("is {bind}, which others can reach, but there is no http.api_token"),
        hint: "set MAINSTAY_HTTP_API_TOKEN (openssl rand -hex 32 makes one), or bind to 127.0.0.1",
    }
}

#[cfg(test)]
mod tests {
    use mainstay::config::ConfigLoader;

    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Result<Settings> {
        let mut loader = ConfigLoader::new().with_keys(KEYS);
        for (key, value) in pairs {
            loader = loader.set(*key, *value);
        }
        Settings::from_config(&loader.load()?)
    }

    #[test]
    fn the_readme_has_the_table_of_keys() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
        let readme = std::fs::read_to_string(path).unwrap();
        let table = mainstay::config::reference_markdown_of(KEYS);
        assert!(
            readme.contains(&table),
            "README.md, section Configuration, must hold this table:\n{table}"
        );
    }

    #[test]
    fn without_settings_it_listens_on_the_loopback_only() {
        let settings = settings(&[]).unwrap();
        assert_eq!(settings.bind.to_string(), "127.0.0.1:3000");
        assert!(settings.token.is_none());
    }

    #[test]
    fn an_address_others_can_reach_needs_a_token() {
        for bind in ["0.0.0.0:3000", "[::]:3000", "192.168.1.5:80"] {
            let error = settings(&[("http.bind", bind)]).unwrap_err();
            assert_eq!(error.code(), "CONFIGURATION_ERROR");
            assert!(error.to_string().contains(bind), "{error}");
            let with_token = [("http.bind", bind), ("http.api_token", "0123456789abcdef")];
            assert!(settings(&with_token).unwrap().token.is_some());
        }
        assert!(settings(&[("http.bind", "[::1]:0")]).is_ok());
    }

    #[test]
    fn the_check_says_what_is_refused() {
        let check = |pairs: &[(&str, &str)]| {
            let loader = ConfigLoader::new().with_keys(KEYS);
            let loader = pairs.iter().fold(loader, |l, (k, v)| l.set(*k, *v));
            Settings::check(&loader.load().unwrap())
        };
        assert_eq!(check(&[]), None);
        let exposed = check(&[("http.bind", "0.0.0.0:3099")]).unwrap();
        assert_eq!(exposed.severity, Severity::Error);
        let said = exposed.to_string();
        assert!(
            said.starts_with("error: http.bind: is 0.0.0.0:3099"),
            "{said}"
        );
        assert!(said.contains("MAINSTAY_HTTP_API_TOKEN"), "{said}");
        let short = check(&[("http.api_token", "short-secret")]).unwrap();
        assert_eq!(short.key, "http.api_token");
        assert!(!short.message.contains("short-secret"));
    }

    #[test]
    fn a_short_token_is_refused_and_not_repeated() {
        let error = settings(&[("http.api_token", "short-secret")]).unwrap_err();
        assert!(error.to_string().contains("fewer than 16"), "{error}");
        assert!(!format!("{error:?}").contains("short-secret"));
    }
}
