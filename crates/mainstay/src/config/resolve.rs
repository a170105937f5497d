//! From merged values to a [`Config`]: what one key means for another, then the typed fields.

use std::path::PathBuf;
use std::time::Duration;

use super::error::{ConfigError, Problem, Source};
use super::keys::KeyDef;
use super::layer::{Entry, Layer};
use super::{
    Config, DatabaseUrl, EngineKind, LogConfig, Percent, PoolConfig, Profile, ResilienceConfig,
    SqliteConfig, StaleConfig, StartupConfig, StatementLog, Synchronous, Timeouts, Tls, TlsMode,
    UrlError, Value,
};

pub(crate) fn config(
    keys: Vec<KeyDef>,
    profile: Profile,
    mut values: Layer,
    mut problems: Vec<Problem>,
) -> Result<Config, ConfigError> {
    match values
        .get("url")
        .and_then(|entry| Some((entry.value.as_url()?.clone(), entry.source.clone())))
    {
        Some((url, source)) => settle_tls(&mut values, profile, &url, &source, &mut problems),
        None => require_url(profile, &mut problems),
    }
    lower_default_minimum(&mut values);
    if !problems.is_empty() {
        return Err(ConfigError::new(problems));
    }
    Ok(build(keys, profile, values))
}

fn require_url(profile: Profile, problems: &mut Vec<Problem>) {
    // A URL that could not be read has been reported; "there is none" would be one too many.
    if problems
        .iter()
        .any(|problem| problem.key.as_deref() == Some("url"))
    {
        return;
    }
    problems.push(
        Problem::new(format!(
            "the profile {profile} does not start without it: set DATABASE_URL"
        ))
        .key("url")
        .allowed(UrlError::ALLOWED),
    );
}

/// `tls` and the URL's `sslmode` are two ways to say one thing: the one said closer to the start
/// of the program wins, as everywhere. Said side by side they must agree.
fn settle_tls(
    values: &mut Layer,
    profile: Profile,
    url: &DatabaseUrl,
    url_source: &Source,
    problems: &mut Vec<Problem>,
) {
    let key = values
        .get("tls")
        .and_then(|entry| Some((mode_of(entry)?, entry.source.clone())));
    let (mode, source) = match (key, url.tls()) {
        (None, None) => (default_tls(profile, url), Source::Default(profile)),
        (Some(key), None) => key,
        (None, Some(mode)) => (mode, url_source.clone()),
        (Some((key, source)), Some(mode)) if key == mode || source.rank() > url_source.rank() => {
            (key, source)
        }
        (Some((_, source)), Some(mode)) if source.rank() < url_source.rank() => {
            (mode, url_source.clone())
        }
        (Some((key, source)), Some(mode)) => {
            problems.push(
                Problem::new(format!(
                    "the URL's sslmode says {mode} ({url_source}); remove one of the two"
                ))
                .key("tls")
                .value(key.as_str(), false)
                .source(source),
            );
            return;
        }
    };
    values.set("tls", Value::Text(mode.as_str().to_owned()), source);
}

fn mode_of(entry: &Entry) -> Option<TlsMode> {
    entry.value.as_str().and_then(TlsMode::from_name)
}

fn default_tls(profile: Profile, url: &DatabaseUrl) -> TlsMode {
    let server = url.engine() != EngineKind::Sqlite;
    if server && (profile == Profile::Production || !url.is_loopback()) {
        TlsMode::Require
    } else {
        TlsMode::Disable
    }
}

/// Whoever sets only `pool.max = 1` has not asked for a minimum above it.
fn lower_default_minimum(values: &mut Layer) {
    let count = |key| values.get(key).and_then(|entry| entry.value.as_count());
    let source = values.get("pool.min").map(|entry| entry.source.clone());
    if let (Some(min), Some(max), Some(source @ Source::Default(_))) =
        (count("pool.min"), count("pool.max"), source)
    {
        values.set("pool.min", Value::Count(min.min(max)), source);
    }
}

fn build(keys: Vec<KeyDef>, profile: Profile, values: Layer) -> Config {
    let read = Reader(&values);
    Config {
        profile,
        url: read.get("url", |value| value.as_url().cloned()),
        pool: PoolConfig {
            max: read.count("pool.max"),
            min: read.count("pool.min"),
            max_waiting: read.count("pool.max_waiting"),
            shed_target: read.duration("pool.shed_target"),
            shed_interval: read.duration("pool.shed_interval"),
            leak_after: read.duration("pool.leak_after"),
            reclaim_leaks: read.get("pool.reclaim_leaks", Value::as_bool),
        },
        instances: read.count("instances"),
        timeouts: Timeouts {
            connect: read.duration("timeouts.connect"),
            acquire: read.duration("timeouts.acquire"),
            statement: read.duration("timeouts.statement"),
            transaction: read.duration("timeouts.transaction"),
            idle: read.duration("timeouts.idle"),
            lifetime: read.duration("timeouts.lifetime"),
            lifetime_jitter: read.percent("timeouts.lifetime_jitter"),
            health_check: read.duration("timeouts.health_check"),
        },
        tls: Tls {
            mode: read.get("tls", |value| TlsMode::from_name(value.as_str()?)),
            ca_file: read.path("tls_ca_file"),
            client_cert: read.path("tls_client_cert"),
            client_key: read.path("tls_client_key"),
        },
        sqlite: SqliteConfig {
            synchronous: match read.word("sqlite.synchronous").as_str() {
                "normal" => Synchronous::Normal,
                _ => Synchronous::Full,
            },
            busy_timeout: read.duration("sqlite.busy_timeout"),
        },
        coalesce: read.get("coalesce", Value::as_bool),
        resilience: ResilienceConfig {
            retry: read.get("resilience.retry", Value::as_bool),
            patience: read.duration("resilience.patience"),
            breaker: read.get("resilience.breaker", Value::as_bool),
        },
        stale: StaleConfig {
            capacity: read.count("stale.capacity"),
            max_age: read.duration("stale.max_age"),
            patience: read.duration("stale.patience"),
        },
        startup: StartupConfig {
            require_database: read.get("startup.require_database", Value::as_bool),
        },
        log: LogConfig {
            slow_after: read.duration("log.slow_after"),
            statements: match read.word("log.statements").as_str() {
                "all" => StatementLog::All,
                _ => StatementLog::Errors,
            },
        },
        keys,
        values,
    }
}

struct Reader<'a>(&'a Layer);

impl Reader<'_> {
    /// The value of a key that always has one.
    fn get<T>(&self, key: &str, as_type: impl Fn(&Value) -> Option<T>) -> T {
        self.0
            .get(key)
            .and_then(|entry| as_type(&entry.value))
            .expect("keys.rs gives this key this kind and a default, or its absence is a problem")
    }

    fn count(&self, key: &str) -> u32 {
        self.get(key, Value::as_count)
    }

    fn duration(&self, key: &str) -> Duration {
        self.get(key, Value::as_duration)
    }

    fn percent(&self, key: &str) -> Percent {
        self.get(key, Value::as_percent)
    }

    fn word(&self, key: &str) -> String {
        self.get(key, |value| value.as_str().map(str::to_owned))
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        Some(self.0.get(key)?.value.as_path()?.to_owned())
    }
}
