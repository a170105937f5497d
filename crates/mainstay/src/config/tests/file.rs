//! The file: its tables, its limits, and what is wrong in it.

use std::fs;

use super::errors;
use crate::config::{Config, ConfigError, ConfigLoader, DEFAULT_FILE, Profile, Source};

/// Loads a file with this text; the environment is given.
fn with_env(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(DEFAULT_FILE);
    fs::write(&path, text).expect("a file");
    ConfigLoader::new()
        .env(env.iter().copied())
        .file(path)
        .load()
}

fn load(text: &str) -> Result<Config, ConfigError> {
    with_env(text, &[])
}

const FILE: &str = r#"
profile = "test"
instances = 2
timeouts.acquire = "1s"

[pool]
max = 11

[test]
pool.max = 12
[test.timeouts]
acquire = "2s"

[production]
url = "postgres://db.example.com/app"
pool = { max = 40 }
tls = "require-unverified"
"#;

#[test]
fn the_file_overrides_defaults_and_its_profile_table_overrides_its_top() {
    let config = load(FILE).expect("right");
    assert_eq!(config.profile, Profile::Test);
    assert_eq!(
        (config.pool.max, config.pool.min, config.instances),
        (12, 1, 2)
    );
    assert_eq!(config.timeouts.acquire.as_secs(), 2);
    assert_eq!(config.url.to_string(), "sqlite:test.db");
    assert!(matches!(
        config.source("pool.max"),
        Some(Source::File { line: Some(10), .. })
    ));
    assert!(matches!(
        config.source("instances"),
        Some(Source::File { line: Some(3), .. })
    ));
    assert!(!config.profile_is_explicit());
}

#[test]
fn the_environment_overrides_the_file_and_chooses_among_its_tables() {
    let config = with_env(FILE, &[("MAINSTAY_ENV", "development")]).expect("right");
    assert_eq!(
        (config.profile, config.pool.max),
        (Profile::Development, 11)
    );
    let env = [("MAINSTAY_ENV", "production"), ("MAINSTAY_POOL_MAX", "50")];
    let config = with_env(FILE, &env).expect("right");
    assert_eq!(config.pool.max, 50);
    assert_eq!(config.url.host(), Some("db.example.com"));
    assert_eq!(config.tls.mode.as_str(), "require-unverified");
}

#[test]
fn production_does_not_inherit_the_url_of_every_profile() {
    let text = "url = \"sqlite:dev.db\"";
    assert!(load(text).is_ok());
    let error = errors(with_env(text, &[("MAINSTAY_ENV", "production")]));
    assert!(
        error.contains("is every profile's") && error.contains("DATABASE_URL"),
        "{error}"
    );
    let env = [
        ("MAINSTAY_ENV", "production"),
        ("DATABASE_URL", "mysql://db/app"),
    ];
    assert!(with_env(text, &env).is_ok());
}

#[test]
fn problems_name_file_line_and_the_nearest_key() {
    let error = errors(load(
        "\n[pool]\nmx = 3\n[pol]\nmax = 1\n[test.pool]\nmax = 0\n",
    ));
    assert!(error.contains("mainstay.toml line 3): there is no such key; did you mean pool.max?"));
    assert!(error.contains("pol.max ("), "{error}");
    assert!(error.contains("mainstay.toml line 7): out of range; allowed: a whole number"));
    assert!(
        error.contains("the configuration has 3 problems"),
        "{error}"
    );
}

#[test]
fn values_of_the_wrong_form_are_refused_with_what_is_allowed() {
    for (text, part) in [
        ("timeouts.acquire = 5", "the unit is missing"),
        (
            "timeouts.lifetime_jitter = 10",
            "the percent sign is missing",
        ),
        ("pool.max = 1.5", "written as a TOML float"),
        ("pool.max = [1]", "written as a TOML array"),
        ("url = 5", "written as a TOML integer"),
        ("pool = 5", "pool ("),
        ("[tls]\nca_file = \"x\"", "is a value, not a table"),
        (
            "[test]\nprofile = \"test\"",
            "cannot stand in the table [test]",
        ),
        ("[colours]", "colours ("),
        ("pool.max = 99999999999999999999", "out of range"),
    ] {
        let error = errors(load(text));
        assert!(error.contains(part), "{text}: {error}");
    }
    assert_eq!(load("pool.max = 0x10").expect("right").pool.max, 16);
    assert_eq!(
        load("[pool]\n[test]\n")
            .expect("empty tables are fine")
            .pool
            .max,
        10
    );
}

#[test]
fn what_is_not_toml_is_refused_with_its_line_but_not_its_text() {
    let error = errors(load("instances = 1\nurl = \"postgres://u:hunter2@h/d\n"));
    assert!(
        error.contains("mainstay.toml line 2: not valid TOML"),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_missing_file_matters_only_if_somebody_named_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("absent.toml");
    assert!(ConfigLoader::new().optional_file(&path).load().is_ok());
    let error = errors(ConfigLoader::new().file(&path).load());
    assert!(
        error.contains("absent.toml: the configuration file does not exist"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_too_large_or_no_text_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("big.toml");
    let comment = |length: usize| format!("#{}", "x".repeat(length - 1));
    fs::write(&path, comment(1024 * 1024)).expect("a file");
    assert!(ConfigLoader::new().file(&path).load().is_ok());
    fs::write(&path, comment(1024 * 1024 + 1)).expect("a file");
    assert!(errors(ConfigLoader::new().file(&path).load()).contains("larger than 1 MiB"));
    fs::write(&path, [b'#', 0xff]).expect("a file");
    assert!(errors(ConfigLoader::new().file(&path).load()).contains("not UTF-8"));
    let error = errors(ConfigLoader::new().optional_file(folder.path()).load());
    assert!(error.contains("cannot be read"), "{error}");
}
