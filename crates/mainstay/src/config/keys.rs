//! The one table of keys.
//!
//! Parsing, environment names, `config show`, suggestions and the reference in the README all
//! read this table, so a key is described once. [`Config`](super::Config) has the typed fields;
//! a key added here needs a field there, filled in `resolve.rs`.

use std::time::Duration;

use super::{Kind, Profile, TlsMode};

/// The definition of a key.
///
/// An application registers keys of its own with
/// [`ConfigLoader::with_keys`](super::ConfigLoader::with_keys):
///
/// ```
/// use mainstay::config::{KeyDef, Kind};
///
/// const KEYS: &[KeyDef] = &[
///     KeyDef::new("http.bind", "MAINSTAY_HTTP_BIND", Kind::Address, "Where the API listens.")
///         .default("127.0.0.1:3000"),
///     KeyDef::new("http.api_token", "MAINSTAY_HTTP_API_TOKEN", Kind::Text, "The API's token.")
///         .secret(),
/// ];
/// assert_eq!(KEYS[0].key, "http.bind");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct KeyDef {
    /// The name in the file and on the command line, with dots for tables.
    pub key: &'static str,
    /// The environment variable.
    pub env: &'static str,
    /// What it can hold.
    pub kind: Kind,
    /// One sentence on what it does.
    pub doc: &'static str,
    /// Whether the value must not be shown.
    pub secret: bool,
    /// The default in development, test and production, written as in the file.
    pub(crate) defaults: [Option<&'static str>; 3],
    /// The default in words, where it is not one value per profile.
    pub(crate) default_note: Option<&'static str>,
}

impl KeyDef {
    /// A key without a default.
    pub const fn new(key: &'static str, env: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self {
            key,
            env,
            kind,
            doc,
            secret: false,
            defaults: [None; 3],
            default_note: None,
        }
    }

    /// The same default in every profile, written as in the file.
    #[must_use]
    pub const fn default(mut self, text: &'static str) -> Self {
        self.defaults = [Some(text); 3];
        self
    }

    /// A default per profile: development, test, production.
    #[must_use]
    pub const fn defaults(
        mut self,
        development: Option<&'static str>,
        test: Option<&'static str>,
        production: Option<&'static str>,
    ) -> Self {
        self.defaults = [development, test, production];
        self
    }

    /// Marks a [`Kind::Text`] as a secret: it is read with
    /// [`Value::as_secret`](super::Value::as_secret) and never shown.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    const fn note(mut self, note: &'static str) -> Self {
        self.default_note = Some(note);
        self
    }

    /// The default of a profile, written as in the file.
    pub const fn default_of(&self, profile: Profile) -> Option<&'static str> {
        match profile {
            Profile::Development => self.defaults[0],
            Profile::Test => self.defaults[1],
            Profile::Production => self.defaults[2],
        }
    }

    /// Whether a text under this key must not be repeated in a message.
    pub(crate) const fn hides_text(&self) -> bool {
        self.secret || matches!(self.kind, Kind::Url)
    }
}

const fn between(min_ms: u64, max_seconds: u64) -> Kind {
    Kind::Duration {
        min: Duration::from_millis(min_ms),
        max: Duration::from_secs(max_seconds),
    }
}

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// The keys of the database layer.
pub(crate) const KEYS: &[KeyDef] = &[
    KeyDef::new(
        "profile",
        "MAINSTAY_ENV",
        Kind::Choice(Profile::NAMES),
        "Which defaults apply and what commands may do; in the file, at the top level only.",
    )
    .defaults(Some("development"), Some("test"), Some("production"))
    .note("`development`"),
    KeyDef::new(
        "url",
        "DATABASE_URL",
        Kind::Url,
        "Where the database is; production does not start without one.",
    )
    .defaults(Some("sqlite:dev.db"), Some("sqlite:test.db"), None),
    KeyDef::new(
        "pool.max",
        "MAINSTAY_POOL_MAX",
        Kind::Count {
            min: 1,
            max: 10_000,
        },
        "The most connections one process opens (on SQLite: readers; the writer is extra).",
    )
    .defaults(Some("10"), Some("5"), Some("20")),
    KeyDef::new(
        "pool.min",
        "MAINSTAY_POOL_MIN",
        Kind::Count {
            min: 0,
            max: 10_000,
        },
        "How many connections are kept open when idle; unless set, at most `pool.max`.",
    )
    .defaults(Some("2"), Some("1"), Some("5")),
    KeyDef::new(
        "pool.max_waiting",
        "MAINSTAY_POOL_MAX_WAITING",
        Kind::Count {
            min: 1,
            max: 1_000_000,
        },
        "How many callers may wait for a connection, or for SQLite's writer; more are refused at once.",
    )
    .default("10000"),
    KeyDef::new(
        "pool.shed_target",
        "MAINSTAY_POOL_SHED_TARGET",
        between(0, HOUR),
        "The longest wait for a connection while more callers come than the pool serves; `0s` \
         sheds nobody.",
    )
    .default("1s"),
    KeyDef::new(
        "pool.shed_interval",
        "MAINSTAY_POOL_SHED_INTERVAL",
        between(1, HOUR),
        "How long the queue may be longer than the pool is large before that counts.",
    )
    .default("2s"),
    KeyDef::new(
        "pool.leak_after",
        "MAINSTAY_POOL_LEAK_AFTER",
        between(0, DAY),
        "A connection on loan for longer, and beyond the limit of its call, is reported as a \
         leak; `0s` looks for none.",
    )
    .default("60s"),
    KeyDef::new(
        "pool.reclaim_leaks",
        "MAINSTAY_POOL_RECLAIM_LEAKS",
        Kind::Bool,
        "Whether a leaked connection is taken from its holder and closed.",
    )
    .default("false"),
    KeyDef::new(
        "instances",
        "MAINSTAY_INSTANCES",
        Kind::Count {
            min: 1,
            max: 100_000,
        },
        "How many processes share the server, to compare their pools with its connection limit.",
    )
    .default("1"),
    KeyDef::new(
        "timeouts.connect",
        "MAINSTAY_TIMEOUTS_CONNECT",
        between(1, HOUR),
        "How long opening a connection may take, login included.",
    )
    .default("10s"),
    KeyDef::new(
        "timeouts.acquire",
        "MAINSTAY_TIMEOUTS_ACQUIRE",
        between(1, HOUR),
        "How long a caller waits for a free connection.",
    )
    .default("5s"),
    KeyDef::new(
        "timeouts.statement",
        "MAINSTAY_TIMEOUTS_STATEMENT",
        between(1, 7 * DAY),
        "How long one statement may run.",
    )
    .default("30s"),
    KeyDef::new(
        "timeouts.transaction",
        "MAINSTAY_TIMEOUTS_TRANSACTION",
        between(1, 7 * DAY),
        "How long one transaction may stay open.",
    )
    .default("60s"),
    KeyDef::new(
        "timeouts.idle",
        "MAINSTAY_TIMEOUTS_IDLE",
        between(1, 30 * DAY),
        "After how long an unused connection above `pool.min` is closed.",
    )
    .default("10m"),
    KeyDef::new(
        "timeouts.lifetime",
        "MAINSTAY_TIMEOUTS_LIFETIME",
        between(1, 30 * DAY),
        "How old a connection may become before it is replaced.",
    )
    .default("30m"),
    KeyDef::new(
        "timeouts.lifetime_jitter",
        "MAINSTAY_TIMEOUTS_LIFETIME_JITTER",
        Kind::Percent { max: 50 },
        "By how much the lifetime varies, so that connections are not all replaced at once.",
    )
    .default("10%"),
    KeyDef::new(
        "timeouts.health_check",
        "MAINSTAY_TIMEOUTS_HEALTH_CHECK",
        between(1, 30 * DAY),
        "After how long unused a connection is checked before it is handed out.",
    )
    .default("30s"),
    KeyDef::new(
        "tls",
        "MAINSTAY_TLS",
        Kind::Choice(TlsMode::NAMES),
        "Encryption to the server; `require` verifies certificate and host name, \
         `require-unverified` does not and is warned about at start.",
    )
    .note("`require` in production and for every host but the loopback, else `disable`"),
    KeyDef::new(
        "tls_ca_file",
        "MAINSTAY_TLS_CA_FILE",
        Kind::Path,
        "Certificates (PEM) to trust instead of the public authorities.",
    ),
    KeyDef::new(
        "tls_client_cert",
        "MAINSTAY_TLS_CLIENT_CERT",
        Kind::Path,
        "The certificate chain (PEM) to show to the server; needs `tls_client_key`.",
    ),
    KeyDef::new(
        "tls_client_key",
        "MAINSTAY_TLS_CLIENT_KEY",
        Kind::Path,
        "The private key (PEM) of `tls_client_cert`.",
    ),
    KeyDef::new(
        "sqlite.synchronous",
        "MAINSTAY_SQLITE_SYNCHRONOUS",
        Kind::Choice(&["full", "normal"]),
        "Whether a commit reaches the disk before it is answered (`full`) or may be lost with \
         the power (`normal`).",
    )
    .default("full"),
    KeyDef::new(
        "sqlite.busy_timeout",
        "MAINSTAY_SQLITE_BUSY_TIMEOUT",
        between(1, HOUR),
        "How long to wait for another process's lock on the file.",
    )
    .default("5s"),
    KeyDef::new(
        "coalesce",
        "MAINSTAY_COALESCE",
        Kind::Bool,
        "Whether concurrent reads by key, and single-row inserts, of one entity are sent as one \
         statement (PostgreSQL, MariaDB).",
    )
    .default("true"),
    KeyDef::new(
        "resilience.retry",
        "MAINSTAY_RESILIENCE_RETRY",
        Kind::Bool,
        "Whether calls that failed without effect, for a cause that passes, are tried again.",
    )
    .default("true"),
    KeyDef::new(
        "resilience.patience",
        "MAINSTAY_RESILIENCE_PATIENCE",
        between(0, HOUR),
        "For how long of an outage calls wait for the circuit breaker, within their time limits; \
         later ones are refused at once.",
    )
    .default("10s"),
    KeyDef::new(
        "resilience.breaker",
        "MAINSTAY_RESILIENCE_BREAKER",
        Kind::Bool,
        "Whether calls are refused at once while the database does not answer.",
    )
    .default("true"),
    KeyDef::new(
        "stale.capacity",
        "MAINSTAY_STALE_CAPACITY",
        Kind::Count {
            min: 0,
            max: 10_000_000,
        },
        "How many rows are remembered for reads with `or_stale()`, over all entities; `0` \
         remembers none.",
    )
    .default("10000"),
    KeyDef::new(
        "stale.max_age",
        "MAINSTAY_STALE_MAX_AGE",
        between(1, 30 * DAY),
        "A remembered row that is older is never given.",
    )
    .default("1h"),
    KeyDef::new(
        "stale.patience",
        "MAINSTAY_STALE_PATIENCE",
        between(1, HOUR),
        "How long a read with `or_stale()` waits for the database when its row is remembered.",
    )
    .default("1s"),
    KeyDef::new(
        "startup.require_database",
        "MAINSTAY_STARTUP_REQUIRE_DATABASE",
        Kind::Bool,
        "Whether a server that cannot be reached at the start is an error; `false` starts without \
         it, refuses calls with 503, and joins it when it comes.",
    )
    .default("true"),
    KeyDef::new(
        "log.slow_after",
        "MAINSTAY_LOG_SLOW_AFTER",
        between(1, HOUR),
        "Statements that take longer are logged as slow, with the place in the code.",
    )
    .default("500ms"),
    KeyDef::new(
        "log.statements",
        "MAINSTAY_LOG_STATEMENTS",
        Kind::Choice(&["all", "errors"]),
        "Which statements are logged: `all`, or those that fail.",
    )
    .defaults(Some("all"), Some("errors"), Some("errors")),
];
