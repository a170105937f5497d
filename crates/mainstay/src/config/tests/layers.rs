//! Profiles, the order of the layers, and what is wrong in them.

use std::time::Duration;

use super::{errors, flags};
use crate::config::{
    Config, ConfigLoader, KeyDef, Kind, Percent, Profile, Source, StatementLog, Synchronous,
    TlsMode, Value,
};

fn load(profile: &str) -> Config {
    ConfigLoader::new()
        .env([("MAINSTAY_ENV", profile), ("DATABASE_URL", "")])
        .load()
        .unwrap_or_else(|error| panic!("{error}"))
}

fn production() -> ConfigLoader {
    ConfigLoader::new().env([
        ("MAINSTAY_ENV", "production"),
        ("DATABASE_URL", "postgres://u:p@db.example.com/app"),
    ])
}

#[test]
fn development_has_the_seeds_values() {
    let config = ConfigLoader::new().load().expect("the defaults are right");
    assert_eq!(config.profile, Profile::Development);
    assert_eq!(config.url.to_string(), "sqlite:dev.db");
    assert_eq!((config.pool.max, config.pool.min), (10, 2));
    assert_eq!(config.log.statements, StatementLog::All);
    assert_eq!(
        config.source("pool.max"),
        Some(&Source::Default(Profile::Development))
    );
}

#[test]
fn test_has_the_seeds_values() {
    let config = load("test");
    assert_eq!(config.url.to_string(), "sqlite:test.db");
    assert_eq!((config.pool.max, config.pool.min), (5, 1));
    assert_eq!(config.log.statements, StatementLog::Errors);
}

#[test]
fn production_has_the_seeds_values_and_verifies_certificates() {
    for url in ["postgres://db.example.com/app", "mysql://127.0.0.1/app"] {
        let config = production().set("url", url).load().expect("complete");
        assert_eq!((config.pool.max, config.pool.min), (20, 5));
        assert_eq!(config.tls.mode, TlsMode::Require);
        assert_eq!(config.log.statements, StatementLog::Errors);
    }
}

#[test]
fn production_does_not_start_without_a_url() {
    for url in [None, Some("")] {
        let env = [("MAINSTAY_ENV", "production")].into_iter();
        let loader = ConfigLoader::new().env(env.chain(url.map(|url| ("DATABASE_URL", url))));
        let error = errors(loader.load());
        assert!(
            error.contains("production does not start without it: set DATABASE_URL"),
            "{error}"
        );
    }
}

#[test]
fn a_broken_url_is_one_problem_not_two() {
    let error = production()
        .set("url", "postgres://")
        .load()
        .expect_err("no host");
    assert_eq!(error.problems().len(), 1, "{error}");
}

#[test]
fn the_timeouts_have_their_defaults() {
    let config = ConfigLoader::new().load().expect("the defaults are right");
    let t = config.timeouts;
    let seconds = Duration::from_secs;
    assert_eq!((t.connect, t.acquire), (seconds(10), seconds(5)));
    assert_eq!((t.statement, t.transaction), (seconds(30), seconds(60)));
    assert_eq!((t.idle, t.lifetime), (seconds(600), seconds(1800)));
    assert_eq!(
        (t.lifetime_jitter, t.health_check),
        (Percent(10), seconds(30))
    );
    assert_eq!(config.sqlite.synchronous, Synchronous::Full);
    assert_eq!(config.sqlite.busy_timeout, seconds(5));
    assert_eq!(config.instances, 1);
}

#[test]
fn a_flag_beats_the_environment() {
    let config = ConfigLoader::new()
        .env([("MAINSTAY_ENV", "production"), ("MAINSTAY_POOL_MAX", "7")])
        .set("profile", "test")
        .set("pool.max", "8")
        .set("pool.max", "9")
        .load()
        .expect("right");
    assert_eq!((config.profile, config.pool.max), (Profile::Test, 9));
    assert_eq!(config.source("profile"), Some(&Source::Flag));
    assert!(config.profile_is_explicit());
}

#[test]
fn every_key_is_read_from_its_environment_variable() {
    let values = [
        ("url", "sqlite:x.db"),
        ("profile", "test"),
        ("tls", "require"),
        ("sqlite.synchronous", "normal"),
        ("coalesce", "false"),
        ("pool.reclaim_leaks", "true"),
        ("resilience.retry", "false"),
        ("resilience.breaker", "false"),
        ("startup.require_database", "false"),
        ("log.statements", "all"),
    ];
    let loader = ConfigLoader::new();
    for def in loader.keys() {
        let text = match def.kind {
            Kind::Count { .. } => "3",
            Kind::Duration { .. } => "45s",
            Kind::Percent { .. } => "20%",
            Kind::Path => "file.pem",
            _ => {
                values
                    .iter()
                    .find(|(key, _)| *key == def.key)
                    .expect(def.key)
                    .1
            }
        };
        let config = ConfigLoader::new()
            .env([(def.env, text)])
            .load()
            .expect(def.key);
        assert_eq!(
            config.source(def.key),
            Some(&Source::Env(def.env.to_owned()))
        );
        assert_eq!(
            config.extra(def.key).map(ToString::to_string).as_deref(),
            Some(text)
        );
    }
}

#[test]
fn environment_names_follow_the_keys() {
    for def in ConfigLoader::new().keys() {
        let rule = format!("MAINSTAY_{}", def.key.replace('.', "_").to_uppercase());
        let exception = matches!(def.env, "MAINSTAY_ENV" | "DATABASE_URL");
        assert!(
            exception || def.env == rule,
            "{} is read from {}",
            def.key,
            def.env
        );
    }
}

#[test]
fn all_problems_are_reported_at_once_with_key_value_source_and_what_is_allowed() {
    let loader = ConfigLoader::new()
        .env([
            ("MAINSTAY_POOL_MAX", "many"),
            ("MAINSTAY_TIMEOUTS_ACQUIRE", "5"),
        ])
        .set("tls", "requir")
        .set("instances", "0");
    let error = errors(loader.load());
    assert_eq!(
        error,
        "the configuration has 4 problems:\n  \
         - pool.max = \"many\" (environment variable MAINSTAY_POOL_MAX): not a whole number; \
         allowed: a whole number from 1 to 10000\n  \
         - timeouts.acquire = \"5\" (environment variable MAINSTAY_TIMEOUTS_ACQUIRE): the unit is \
         missing; allowed: a whole number with a unit (ms, s, m, h, d), from 1ms to 1h\n  \
         - tls = \"requir\" (flag): not one of the allowed words; did you mean require?; \
         allowed: disable, require, require-unverified\n  \
         - instances = \"0\" (flag): out of range; allowed: a whole number from 1 to 100000"
    );
}

#[test]
fn an_unknown_profile_is_refused_with_the_nearest() {
    let error = errors(ConfigLoader::new().env([("MAINSTAY_ENV", "prod")]).load());
    assert!(
        error.contains("profile = \"prod\" (environment variable MAINSTAY_ENV)"),
        "{error}"
    );
    assert!(error.contains("did you mean production?"), "{error}");
}

#[test]
fn unknown_names_suggest_the_nearest() {
    for (name, near) in [
        ("MAINSTAY_POOL_MXA", "MAINSTAY_POOL_MAX"),
        ("MAINSTAY_URL", "DATABASE_URL"),
        ("MAINSTAY_PROFILE", "MAINSTAY_ENV"),
    ] {
        let error = errors(ConfigLoader::new().env([(name, "s3cret")]).load());
        assert!(error.contains(&format!("did you mean {near}?")), "{error}");
        assert!(error.contains(name) && !error.contains("s3cret"), "{error}");
    }
    let error = errors(flags([("pool.maxx", "1")]).load());
    assert!(error.contains("pool.maxx (flag): there is no such key; did you mean pool.max?"));
}

#[test]
fn variables_of_others_and_of_the_test_kit_are_left_alone() {
    let env = [
        ("HOME", "/root"),
        ("MAINSTAY_TEST_SERVERS", "no"),
        ("NODE_ENV", "production"),
    ];
    let config = ConfigLoader::new()
        .env(env)
        .load()
        .expect("none of them is ours");
    assert_eq!(config.profile, Profile::Development);
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8_is_a_problem() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let value = OsString::from_vec(vec![b'7', 0xff]);
    let error = errors(
        ConfigLoader::new()
            .env([("MAINSTAY_POOL_MAX", value)])
            .load(),
    );
    assert!(error.contains("pool.max (environment variable MAINSTAY_POOL_MAX): the value is not"));
}

#[test]
fn a_default_minimum_follows_a_smaller_maximum_but_a_written_one_does_not() {
    assert_eq!(
        flags([("pool.max", "1")]).load().expect("right").pool.min,
        1
    );
    assert_eq!(
        flags([("pool.max", "1"), ("pool.min", "2")])
            .load()
            .expect("read")
            .pool
            .min,
        2
    );
}

#[test]
fn tls_is_required_by_default_unless_the_server_is_on_this_machine() {
    for (url, mode) in [
        ("postgres://db.example.com/d", TlsMode::Require),
        ("postgres://127.0.0.1/d", TlsMode::Disable),
        ("mysql://[::1]/d", TlsMode::Disable),
        ("sqlite:dev.db", TlsMode::Disable),
        (
            "postgres://db.example.com/d?sslmode=no-verify",
            TlsMode::RequireUnverified,
        ),
    ] {
        assert_eq!(
            flags([("url", url)]).load().expect(url).tls.mode,
            mode,
            "{url}"
        );
    }
}

#[test]
fn the_nearer_of_tls_and_sslmode_wins_and_equals_must_agree() {
    let loader = ConfigLoader::new().env([("DATABASE_URL", "postgres://db/d?sslmode=disable")]);
    let by_url = loader.load().expect("right");
    assert_eq!(by_url.tls.mode, TlsMode::Disable);
    assert_eq!(
        by_url.source("tls"),
        Some(&Source::Env("DATABASE_URL".to_owned()))
    );
    let by_flag = loader.clone().set("tls", "require").load().expect("right");
    assert_eq!(by_flag.tls.mode, TlsMode::Require);
    let both = [
        ("DATABASE_URL", "postgres://db/d?sslmode=disable"),
        ("MAINSTAY_TLS", "require"),
    ];
    let error = errors(ConfigLoader::new().env(both).load());
    assert!(error.contains("the URL's sslmode says disable"), "{error}");
}

#[test]
fn certificates_are_read_as_paths() {
    let config = flags([
        ("tls_ca_file", "ca.pem"),
        ("tls_client_cert", "me.pem"),
        ("tls_client_key", "me.key"),
    ]);
    let tls = config.load().expect("right").tls;
    assert_eq!(tls.ca_file.as_deref(), Some("ca.pem".as_ref()));
    assert_eq!(tls.client_cert.as_deref(), Some("me.pem".as_ref()));
    assert_eq!(tls.client_key.as_deref(), Some("me.key".as_ref()));
    assert_eq!(ConfigLoader::new().load().expect("right").tls.ca_file, None);
}

const OWN: &[KeyDef] = &[
    KeyDef::new(
        "http.bind",
        "MAINSTAY_HTTP_BIND",
        Kind::Address,
        "Where to listen.",
    )
    .default("127.0.0.1:3000"),
    KeyDef::new(
        "http.api_token",
        "MAINSTAY_HTTP_API_TOKEN",
        Kind::Text,
        "The token.",
    )
    .secret(),
];

#[test]
fn an_application_adds_keys_of_its_own() {
    let loader = ConfigLoader::new().with_keys(OWN);
    let config = loader.load().expect("right");
    let bind = config
        .extra("http.bind")
        .and_then(Value::as_address)
        .map(|bind| bind.port());
    assert_eq!(bind, Some(3000));
    assert_eq!(config.extra("http.api_token"), None);
    let config = loader
        .env([("MAINSTAY_HTTP_API_TOKEN", "t0ken")])
        .load()
        .expect("right");
    let token = config.extra("http.api_token").and_then(Value::as_secret);
    assert_eq!(token.map(|token| token.expose()), Some("t0ken"));
    let error = errors(
        ConfigLoader::new()
            .env([("MAINSTAY_HTTP_BIND", "[::1]:1")])
            .load(),
    );
    assert!(error.contains("no such environment variable"), "{error}");
}

#[test]
fn an_applications_mistaken_definitions_are_problems() {
    const WRONG: &[KeyDef] = &[
        KeyDef::new("pool.max", "MAINSTAY_OTHER", Kind::Bool, "Twice."),
        KeyDef::new("test.x", "MAINSTAY_X", Kind::Bool, "A profile."),
        KeyDef::new("y", "MAINSTAY_Y", Kind::Bool, "A secret answer.").secret(),
    ];
    let error = errors(ConfigLoader::new().with_keys(WRONG).load());
    for part in [
        "pool.max: the program defines the key or its",
        "test.x: the",
        "y: the program",
    ] {
        assert!(error.contains(part), "{error}");
    }
}
