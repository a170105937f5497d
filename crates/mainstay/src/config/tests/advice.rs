//! `check`, `effective` and the setup policy.

use super::flags;
use crate::config::{
    Config, ConfigLoader, SetupPolicy, Severity, Source, connection_limit_finding, setup_policy,
};

const ELSEWHERE: &str = "postgres://db.example.com/app";

fn found(config: &Config) -> Vec<(Severity, &'static str)> {
    config
        .check()
        .into_iter()
        .map(|finding| (finding.severity, finding.key))
        .collect()
}

fn load<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Config {
    flags(values)
        .load()
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_defaults_of_every_profile_have_nothing_to_say() {
    for (profile, url) in [
        ("development", "sqlite:dev.db"),
        ("test", "sqlite:test.db"),
        ("production", ELSEWHERE),
    ] {
        assert_eq!(found(&load([("profile", profile), ("url", url)])), []);
    }
}

#[test]
fn each_unwise_setting_is_found_on_its_key() {
    use Severity::{Error, Warning};
    const PRODUCTION: (&str, &str) = ("profile", "production");
    const SERVER: (&str, &str) = ("url", ELSEWHERE);
    type Case = (
        &'static [(&'static str, &'static str)],
        Severity,
        &'static str,
    );
    const CASES: &[Case] = &[
        (&[("pool.min", "11")], Error, "pool.min"),
        (&[("instances", "2")], Warning, "instances"),
        (&[PRODUCTION, ("url", "sqlite:a.db")], Warning, "url"),
        (&[("profile", "test"), SERVER], Warning, "url"),
        (&[SERVER], Warning, "url"),
        (
            &[PRODUCTION, SERVER, ("tls", "require-unverified")],
            Warning,
            "tls",
        ),
        (&[PRODUCTION, SERVER, ("tls", "disable")], Warning, "tls"),
        (&[("tls", "require")], Warning, "tls"),
        (
            &[PRODUCTION, SERVER, ("tls_client_cert", "a")],
            Error,
            "tls_client_cert",
        ),
        (
            &[PRODUCTION, SERVER, ("tls_client_key", "a")],
            Error,
            "tls_client_key",
        ),
        (&[("tls_ca_file", "a")], Warning, "tls_ca_file"),
        (
            &[("url", "mysql://localhost/d"), ("tls_ca_file", "a")],
            Warning,
            "tls_ca_file",
        ),
        (
            &[
                PRODUCTION,
                SERVER,
                ("tls", "require-unverified"),
                ("tls_ca_file", "a"),
            ],
            Warning,
            "tls_ca_file",
        ),
        (
            &[("timeouts.statement", "61s")],
            Warning,
            "timeouts.statement",
        ),
        (&[("timeouts.idle", "31m")], Warning, "timeouts.idle"),
        (
            &[("timeouts.health_check", "31m")],
            Warning,
            "timeouts.health_check",
        ),
        (
            &[PRODUCTION, SERVER, ("log.statements", "all")],
            Warning,
            "log.statements",
        ),
    ];
    for (values, severity, key) in CASES {
        let found = found(&load(values.iter().copied()));
        assert!(found.contains(&(*severity, *key)), "{values:?}: {found:?}");
    }
}

#[test]
fn errors_come_first_and_findings_name_sources() {
    let config = load([("instances", "2"), ("pool.min", "11")]);
    let findings = config.check();
    assert_eq!(
        findings[0].to_string(),
        "error: pool.min: 11 (flag) is more than pool.max 10 (default of development); lower the \
         one or raise the other"
    );
    assert_eq!(findings[1].severity, Severity::Warning);
    let json = serde_json::to_value(&findings[0]).expect("json");
    assert_eq!(json["severity"], "error");
}

#[test]
fn an_unverified_certificate_is_warned_about_in_plain_words() {
    let config = load([
        ("profile", "production"),
        ("url", ELSEWHERE),
        ("tls", "require-unverified"),
    ]);
    let message = config.check().remove(0).message;
    assert!(
        message.contains("the certificate of db.example.com is not verified"),
        "{message}"
    );
}

#[test]
fn a_password_in_the_file_is_warned_about() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mainstay.toml");
    std::fs::write(&path, "url = \"mysql://u:hunter2@localhost/d\"").expect("a file");
    let config = ConfigLoader::new().file(&path).load().expect("right");
    let findings = config.check();
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].message.contains("mainstay.toml line 1"),
        "{}",
        findings[0]
    );
    assert!(!findings[0].message.contains("hunter2"));
}

#[test]
fn pools_are_compared_with_the_servers_limit() {
    assert_eq!(connection_limit_finding(20, 5, 100), None);
    let finding = connection_limit_finding(20, 6, 100).expect("120 is more than 100");
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.message.contains("are 120") && finding.message.contains("pool.max to 16"));
    assert!(connection_limit_finding(u32::MAX, u32::MAX, u32::MAX).is_some());
    assert!(
        connection_limit_finding(2, 100, 50)
            .expect("200")
            .message
            .contains("to 1 or")
    );
    assert_eq!(connection_limit_finding(5, 0, 1), None);
}

#[test]
fn config_show_lists_every_key_with_its_source() {
    let loader = flags([("pool.max", "7")]).env([("MAINSTAY_TIMEOUTS_IDLE", "90s")]);
    let config = loader.load().expect("right");
    let effective = config.effective();
    let keys: Vec<_> = effective.iter().map(|value| value.key).collect();
    assert_eq!(
        keys,
        loader.keys().iter().map(|def| def.key).collect::<Vec<_>>()
    );
    let of = |key| {
        effective
            .iter()
            .find(|value| value.key == key)
            .expect("listed")
    };
    assert_eq!(
        (of("pool.max").value.as_deref(), &of("pool.max").source),
        (Some("7"), &Source::Flag)
    );
    assert_eq!(of("timeouts.idle").value.as_deref(), Some("90s"));
    assert_eq!(of("timeouts.lifetime").value.as_deref(), Some("30m"));
    assert_eq!(of("tls").value.as_deref(), Some("disable"));
    assert_eq!(of("tls_ca_file").value, None);
    let json = serde_json::to_value(of("timeouts.idle")).expect("json");
    assert_eq!(
        json["source"],
        "environment variable MAINSTAY_TIMEOUTS_IDLE"
    );
}

fn policy(profile: &str, url: &str, explicit: bool) -> SetupPolicy {
    setup_policy(&load([("profile", profile), ("url", url)]), explicit)
}

#[test]
fn what_may_be_set_up_unasked_depends_on_profile_and_place() {
    for profile in ["development", "test"] {
        for explicit in [true, false] {
            for url in [
                "sqlite:x.db",
                "postgres://localhost/d",
                "mysql://127.0.0.1/d",
            ] {
                let policy = policy(profile, url, explicit);
                assert!(
                    policy.migrate && policy.seed && policy.create_database,
                    "{policy:?}"
                );
            }
        }
        let asked = policy(profile, ELSEWHERE, true);
        assert!(
            asked.migrate && asked.seed && asked.create_database,
            "{asked:?}"
        );
        let unasked = policy(profile, ELSEWHERE, false);
        assert!(
            !unasked.migrate && !unasked.seed && !unasked.create_database,
            "{unasked:?}"
        );
        assert!(unasked.reason.contains("db.example.com"), "{unasked:?}");
        assert!(unasked.reason.contains("MAINSTAY_ENV"), "{unasked:?}");
    }
}

#[test]
fn production_is_never_set_up_unasked() {
    for explicit in [true, false] {
        for url in ["sqlite:x.db", "postgres://localhost/d", ELSEWHERE] {
            let policy = policy("production", url, explicit);
            assert!(
                !policy.migrate && !policy.seed && !policy.create_database,
                "{policy:?}"
            );
        }
    }
}
