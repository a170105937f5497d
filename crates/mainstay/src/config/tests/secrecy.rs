//! No secret is shown: not by `Debug`, not by an error, not by `config show`, not by a finding.

use proptest::prelude::*;

use crate::config::{Config, ConfigLoader, KeyDef, Kind};

const SECRET: &str = "Zq7hunter2";
const TOKEN: &[KeyDef] =
    &[KeyDef::new("api.token", "MAINSTAY_API_TOKEN", Kind::Text, "A token.").secret()];

fn everything(config: &Config) -> String {
    let effective = config.effective();
    let json = serde_json::to_string(&effective).expect("json");
    format!(
        "{config:?} {config:#?} {effective:?} {json} {:?}",
        config.check()
    )
}

#[test]
fn a_loaded_configuration_shows_neither_password_nor_token() {
    let url = format!("postgres://ann:{SECRET}@db.example.com/app");
    let config = ConfigLoader::new()
        .with_keys(TOKEN)
        .env([
            ("DATABASE_URL", url.as_str()),
            ("MAINSTAY_API_TOKEN", SECRET),
        ])
        .load()
        .expect("right");
    assert_eq!(
        config.url.password().map(|password| password.expose()),
        Some(SECRET)
    );
    let shown = everything(&config);
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(
        shown.contains("postgres://ann:[redacted]@db.example.com:5432/app"),
        "{shown}"
    );
}

#[test]
fn a_wrong_value_of_a_secret_is_redacted() {
    let error = ConfigLoader::new()
        .set("url", format!("postgres://ann:{SECRET}@h:port/app"))
        .load()
        .expect_err("no port");
    assert!(
        error
            .to_string()
            .contains("url = [redacted] (flag): the port"),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains(SECRET));
}

#[test]
fn a_secret_under_the_wrong_key_is_not_repeated() {
    let url = format!("postgres://ann:{SECRET}@h/app");
    let pem = format!("-----BEGIN PRIVATE KEY-----{SECRET}");
    for (key, value) in [
        ("pool.max", &url),
        ("tls_client_key", &pem),
        ("databse_url", &url),
    ] {
        let error = ConfigLoader::new().set(key, value).load().expect_err(key);
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
    }
}

proptest! {
    #[test]
    fn a_password_in_the_environment_is_never_shown(
        before in "[a-z@:/?#%]{0,4}",
        after in "[a-z@:/?#%]{0,4}",
    ) {
        let url = format!("mysql://ann:{before}{SECRET}{after}@h/app");
        let shown = match ConfigLoader::new().env([("DATABASE_URL", url)]).load() {
            Ok(config) => everything(&config),
            Err(error) => format!("{error} {error:?}"),
        };
        prop_assert!(!shown.contains(SECRET), "{}", shown);
    }
}
