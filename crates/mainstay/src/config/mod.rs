//! The configuration: profiles, layers, checks, redaction.
//!
//! Values come from four layers, each overriding the one before: the profile's defaults, the file
//! (`mainstay.toml`: its top level, then the table of the profile), the environment
//! (`DATABASE_URL`, `MAINSTAY_*`), and flags. [`ConfigLoader`] reads them into a [`Config`].
//! This module uses no other module of the crate and reads the process's environment in one place,
//! [`ConfigLoader::from_process_env`].
//!
//! What is said about a key is said once, in the table of `keys.rs`.
//!
//! - `mod.rs`: [`Config`], the result
//! - `keys`: [`KeyDef`], the table of keys; `value`: what a key can hold and holds
//! - `profile`, `engine`, `duration`, `secret`: small types of values
//! - `url`, `url_parse`: [`DatabaseUrl`]
//! - `file`, `layer`, `loader`, `resolve`: from the four layers to a [`Config`]
//! - `error`: [`ConfigError`], all problems at once; `suggest`: "did you mean"
//! - `effective`: what `config show` prints; `check`: what `config check` finds
//! - `policy`: what may be set up at start without being asked
//! - `reference`: the table of keys as Markdown

mod check;
mod duration;
mod effective;
mod engine;
mod error;
mod file;
mod keys;
mod layer;
mod loader;
mod policy;
mod profile;
mod reference;
mod resolve;
mod secret;
mod suggest;
mod url;
mod url_parse;
mod value;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

pub use check::{Finding, Severity, connection_limit_finding};
pub use duration::{format_duration, parse_duration};
pub use effective::EffectiveValue;
pub use engine::{EngineKind, TlsMode};
pub use error::{ConfigError, Problem, Source};
pub use keys::KeyDef;
pub use loader::{ConfigLoader, DEFAULT_FILE};
pub use policy::{SetupPolicy, setup_policy};
pub use profile::Profile;
pub use reference::{reference_markdown, reference_markdown_of};
pub use secret::{REDACTED, Secret};
pub use url::{DatabaseUrl, UrlError};
pub use value::{Kind, Percent, Value};

/// The configuration of one database, complete and free of contradictions in form; what is unwise
/// in it is found by [`Config::check`].
///
/// The fields are a copy for the program's convenience: [`Config::effective`] and
/// [`Config::source`] tell what was loaded, not what a program assigned afterwards. To override a
/// value, use [`ConfigLoader::set`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Which profile is active.
    pub profile: Profile,
    /// Where the database is.
    pub url: DatabaseUrl,
    /// The size of the pool.
    pub pool: PoolConfig,
    /// How many processes share the server.
    pub instances: u32,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// Encryption to the server.
    pub tls: Tls,
    /// What concerns SQLite only.
    pub sqlite: SqliteConfig,
    /// Whether concurrent calls of one kind are sent as one statement, where that pays.
    pub coalesce: bool,
    /// How the handle behaves when the database is in trouble.
    pub resilience: ResilienceConfig,
    /// What is remembered for reads while the database does not answer.
    pub stale: StaleConfig,
    /// What has to be there at the start.
    pub startup: StartupConfig,
    /// What is logged.
    pub log: LogConfig,
    keys: Vec<KeyDef>,
    values: layer::Layer,
}

/// The size of the pool, and what it does about callers who are too many or hold too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolConfig {
    /// The most connections one process opens.
    pub max: u32,
    /// How many are kept open when idle.
    pub min: u32,
    /// How many callers may wait for a connection.
    pub max_waiting: u32,
    /// The longest wait while more callers come than the pool serves. Zero sheds nobody.
    pub shed_target: Duration,
    /// How long the queue may be longer than the pool is large before that counts.
    pub shed_interval: Duration,
    /// After how long on loan a connection counts as leaked. Zero looks for no leaks.
    pub leak_after: Duration,
    /// Whether leaked connections are taken from their holders.
    pub reclaim_leaks: bool,
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Opening a connection, login included.
    pub connect: Duration,
    /// Waiting for a free connection.
    pub acquire: Duration,
    /// One statement.
    pub statement: Duration,
    /// One transaction.
    pub transaction: Duration,
    /// After how long an unused connection is closed.
    pub idle: Duration,
    /// How old a connection may become.
    pub lifetime: Duration,
    /// By how much the lifetime varies.
    pub lifetime_jitter: Percent,
    /// After how long unused a connection is checked before it is handed out.
    pub health_check: Duration,
}

/// Encryption to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Whether, and whether verified.
    pub mode: TlsMode,
    /// Certificates to trust instead of the public authorities.
    pub ca_file: Option<PathBuf>,
    /// The certificate chain to show to the server.
    pub client_cert: Option<PathBuf>,
    /// Its private key.
    pub client_key: Option<PathBuf>,
}

impl Tls {
    /// No encryption.
    pub const fn disabled() -> Self {
        Self {
            mode: TlsMode::Disable,
            ca_file: None,
            client_cert: None,
            client_key: None,
        }
    }
}

/// What concerns SQLite only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqliteConfig {
    /// When a commit is answered.
    pub synchronous: Synchronous,
    /// How long to wait for another process's lock.
    pub busy_timeout: Duration,
}

/// When SQLite answers a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// After it reached the disk.
    Full,
    /// Before; a power failure may lose the last commits, but nothing older.
    Normal,
}

/// How the handle behaves when the database is in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResilienceConfig {
    /// Whether calls that failed without effect are tried again.
    pub retry: bool,
    /// For how long of an outage calls wait for the circuit breaker.
    pub patience: Duration,
    /// Whether calls are refused at once while the database does not answer.
    pub breaker: bool,
}

/// What is remembered for reads while the database does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaleConfig {
    /// How many rows.
    pub capacity: u32,
    /// A row that is older is never given.
    pub max_age: Duration,
    /// How long a read waits for the database when its row is remembered.
    pub patience: Duration,
}

/// What has to be there at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartupConfig {
    /// Whether a server that cannot be reached is an error.
    pub require_database: bool,
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogConfig {
    /// From when on a statement is logged as slow.
    pub slow_after: Duration,
    /// Which statements.
    pub statements: StatementLog,
}

/// Which statements are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementLog {
    /// Every statement.
    All,
    /// Those that fail.
    Errors,
}

impl Config {
    /// Where a key's value came from. `None` for a key that is not set and has no default.
    pub fn source(&self, key: &str) -> Option<&Source> {
        self.values.get(key).map(|entry| &entry.source)
    }

    /// Whether this run was given its profile by environment or flag.
    ///
    /// A profile in the file does not count: the file is committed and travels to machines its
    /// author did not think of.
    pub fn profile_is_explicit(&self) -> bool {
        matches!(self.source("profile"), Some(Source::Env(_) | Source::Flag))
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.values.get(key).map(|entry| &entry.value)
    }
}
