//! `DatabaseUrl`: the accepted forms, the refused ones, and that no password is ever shown.

use std::path::Path;

use proptest::prelude::*;

use crate::config::{DatabaseUrl, EngineKind, Secret, TlsMode, UrlError};

fn parse(text: &str) -> DatabaseUrl {
    DatabaseUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> String {
    DatabaseUrl::parse(text).expect_err(text).to_string()
}

#[test]
fn every_way_to_write_a_file_is_read() {
    for (text, path) in [
        ("sqlite:dev.db", "dev.db"),
        ("sqlite:./dev.db", "./dev.db"),
        ("sqlite:/var/app.db", "/var/app.db"),
        ("sqlite://dev.db", "dev.db"),
        ("sqlite://data/dev.db", "data/dev.db"),
        ("sqlite:///var/app.db", "/var/app.db"),
        ("file:./dev.db", "./dev.db"),
        ("file:dev.db", "dev.db"),
        ("file:///var/app.db", "/var/app.db"),
        ("file://localhost/var/app.db", "/var/app.db"),
        ("SQLite:dev.db", "dev.db"),
        ("sqlite:my%20data%3F.db", "my data?.db"),
        ("sqlite:with space.db", "with space.db"),
        (" sqlite:dev.db\n", "dev.db"),
    ] {
        let url = parse(text);
        assert_eq!(url.engine(), EngineKind::Sqlite);
        assert_eq!(url.path(), Some(Path::new(path)), "{text}");
        assert_eq!(url.host(), None);
        assert!(url.is_loopback());
        assert_eq!(parse(&url.to_string()), url, "{text}");
    }
    assert_eq!(DatabaseUrl::sqlite("a.db"), parse("sqlite:a.db"));
    assert_eq!(
        parse(&parse("sqlite:////a/b").to_string()),
        parse("sqlite:////a/b")
    );
}

#[test]
fn a_database_in_memory_is_refused_with_a_way_out() {
    for text in [
        "sqlite::memory:",
        "sqlite://:memory:",
        "file::memory:",
        "file:x?mode=memory",
    ] {
        let error = refused(text);
        assert!(error.contains("separate connections"), "{error}");
        assert!(error.contains("temporary folder"), "{error}");
    }
}

#[test]
fn a_server_is_read_with_all_its_parts() {
    let url = parse("postgres://ann:pa%40ss%2F@db.example.com:6543/quest%20log?sslmode=disable");
    assert_eq!(url.engine(), EngineKind::Postgres);
    assert_eq!(url.host(), Some("db.example.com"));
    assert_eq!(url.port(), Some(6543));
    assert_eq!(url.user(), Some("ann"));
    assert_eq!(url.password().map(Secret::expose), Some("pa@ss/"));
    assert_eq!(url.database(), Some("quest log"));
    assert_eq!(url.tls(), Some(TlsMode::Disable));
    assert_eq!(url.path(), None);
}

#[test]
fn schemes_choose_engine_and_port() {
    for (scheme, engine, port) in [
        ("postgres", EngineKind::Postgres, 5432),
        ("postgresql", EngineKind::Postgres, 5432),
        ("mysql", EngineKind::MySql, 3306),
        ("mariadb", EngineKind::MySql, 3306),
    ] {
        let url = parse(&format!("{scheme}://h/d"));
        assert_eq!((url.engine(), url.port()), (engine, Some(port)));
        assert_eq!((url.user(), url.password()), (None, None));
    }
    assert_eq!(parse("mysql://root:@h/d").password(), None);
}

#[test]
fn an_ipv6_host_stands_in_brackets() {
    let url = parse("postgres://u@[::1]:99/d");
    assert_eq!((url.host(), url.port()), (Some("::1"), Some(99)));
    assert_eq!(url.to_string(), "postgres://u@[::1]:99/d");
    assert_eq!(parse("mysql://[2001:DB8::1]/d").host(), Some("2001:db8::1"));
    for text in [
        "postgres://[::1/d",
        "postgres://[x]/d",
        "postgres://[::1]x/d",
        "mysql://::1/d",
    ] {
        assert!(DatabaseUrl::parse(text).is_err(), "{text}");
    }
}

#[test]
fn loopback_is_told_from_elsewhere() {
    for host in [
        "localhost",
        "LOCALHOST",
        "127.0.0.1",
        "127.8.9.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ] {
        assert!(
            parse(&format!("postgres://{host}/d")).is_loopback(),
            "{host}"
        );
    }
    for host in [
        "db",
        "10.0.0.1",
        "0.0.0.0",
        "[::]",
        "localhost.example.com",
        "127.0.0.1.nip.io",
    ] {
        assert!(
            !parse(&format!("postgres://{host}/d")).is_loopback(),
            "{host}"
        );
    }
}

#[test]
fn the_database_can_be_exchanged() {
    let url = parse("mysql://u:secret@h:1/one");
    let other = url.with_database("two");
    assert_eq!(
        (other.database(), other.host(), other.port()),
        (Some("two"), Some("h"), Some(1))
    );
    assert_eq!(other.password(), url.password());
    assert_eq!(url.without_database().database(), None);
    assert_eq!(
        parse("sqlite:a.db").with_database("two"),
        parse("sqlite:a.db")
    );
}

#[test]
fn sslmode_is_mapped_and_never_falls_back() {
    let tls = |mode| parse(&format!("postgres://h/d?{mode}")).tls();
    assert_eq!(tls("sslmode=require"), Some(TlsMode::Require));
    assert_eq!(tls("sslmode=verify-full"), Some(TlsMode::Require));
    assert_eq!(tls("ssl-mode=VERIFY_IDENTITY"), Some(TlsMode::Require));
    assert_eq!(tls("sslmode=no-verify"), Some(TlsMode::RequireUnverified));
    assert_eq!(tls(""), None);
    assert!(refused("postgres://h/d?sslmode=prefer").contains("plain text"));
    assert!(refused("postgres://h/d?sslmode=disable&sslmode=require").contains("twice"));
}

#[test]
fn an_unknown_parameter_names_the_nearest_or_the_key_to_set() {
    assert!(refused("postgres://h/d?sslmod=require").contains("did you mean sslmode?"));
    assert!(refused("mysql://h/d?connection_limit=5").contains("set pool.max instead"));
    assert!(refused("mysql://h/d?zzzzzzzzz=5").contains("\"zzzzzzzzz\" is not known"));
    assert!(refused("sqlite:a.db?mode=rwc").contains("takes no parameters"));
}

#[test]
fn a_wrong_url_says_what_is_wrong_and_what_is_allowed() {
    for (text, part) in [
        ("", "is empty"),
        ("dev.db", "does not start with a scheme"),
        ("postgre://h/d", "did you mean postgres?"),
        ("http://h/d", "known scheme"),
        ("postgres:h/d", "two slashes"),
        ("postgres://h", "names no database"),
        ("postgres://h/", "names no database"),
        ("postgres:///d", "names no host"),
        ("postgres://@h/d", "no user"),
        ("postgres://a,b/d", "several hosts"),
        ("postgres://h:0/d", "port"),
        ("postgres://h:65536/d", "port"),
        ("postgres://b\u{fc}cher/d", "xn--"),
        ("postgres://h/a/b", "second slash"),
        ("postgres://u:a b@h/d", "white space"),
        ("postgres://u:50%@h/d", "%25"),
        ("postgres://u:%ff@h/d", "UTF-8"),
        ("postgres://u:%00@h/d", "control character"),
        ("postgres://u:a:b@h/d", "ambiguous"),
        ("sqlite:", "names no file"),
        ("sqlite:data/", "a folder"),
    ] {
        let error = refused(text);
        assert!(error.contains(part), "{text}: {error}");
        assert!(error.ends_with(UrlError::ALLOWED), "{error}");
    }
}

#[test]
fn printing_shows_everything_but_the_password() {
    let url = parse("mariadb://ann:hunter2@h/d?sslmode=require");
    let shown = "mysql://ann:[redacted]@h:3306/d?sslmode=verify-full";
    assert_eq!(url.to_string(), shown);
    assert_eq!(format!("{url:?}"), format!("DatabaseUrl({shown})"));
}

/// Distinctive, so that its appearance is no accident.
const MARK: &str = "Zq7hunter2";

proptest! {
    #[test]
    fn no_text_panics(text in ".*") {
        let _ = DatabaseUrl::parse(&text);
    }

    #[test]
    fn no_text_after_a_scheme_panics(
        scheme in "(sqlite|file|postgres|mysql):(//)?",
        rest in "[a-z0-9@:/?#%\\[\\]=&.é ]{0,30}",
    ) {
        if let Ok(url) = DatabaseUrl::parse(&format!("{scheme}{rest}")) {
            let _ = url.to_string();
        }
    }

    #[test]
    fn a_password_is_never_shown_however_it_is_written(
        before in "[a-z0-9@:/?#%&=\\[\\]. ]{0,6}",
        after in "[a-z0-9@:/?#%&=\\[\\]. ]{0,6}",
        scheme in "(postgres|mysql|mariadb|postgre|http)",
        tail in "(/d|/d\\?sslmode=require|/d\\?x=1|)",
    ) {
        let text = format!("{scheme}://user:{before}{MARK}{after}@host{tail}");
        let shown = match DatabaseUrl::parse(&text) {
            Ok(url) => format!("{url} {url:?} {:#?}", url.password()),
            Err(error) => format!("{error} {error:?}"),
        };
        prop_assert!(!shown.contains(MARK), "{text}: {shown}");
    }

    #[test]
    fn an_encoded_password_comes_back_whole(password in "[^\\p{Cc}]{1,20}") {
        let encoded: String = password.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let url = parse(&format!("mysql://u:{encoded}@h/d"));
        prop_assert_eq!(url.password().map(Secret::expose), Some(password.as_str()));
    }

    #[test]
    fn what_is_printed_without_a_password_reads_back(
        user in "[^\\p{Cc}]{1,10}",
        database in "[^\\p{Cc}]{1,10}",
        port in 1u16..,
    ) {
        let encode = |text: &str| -> String { text.bytes().map(|b| format!("%{b:02x}")).collect() };
        let url = parse(&format!("postgres://{}@h:{port}/{}", encode(&user), encode(&database)));
        prop_assert_eq!(url.user(), Some(user.as_str()));
        prop_assert_eq!(url.database(), Some(database.as_str()));
        prop_assert_eq!(parse(&url.to_string()), url);
    }
}

#[test]
fn the_same_place_is_known_by_whatever_path_and_user() {
    let same = |a: &str, b: &str| parse(a).is_same_place(&parse(b));
    assert!(same("postgres://a@h/app", "postgresql://b@h/app"));
    assert!(!same("postgres://a@h/app", "postgres://a@h/other"));
    assert!(!same("postgres://a@h/app", "mysql://a@h/app"));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.db"), "").expect("a file");
    let plain = format!("sqlite:{}/a.db", folder.path().display());
    let round = format!("sqlite:{}/./a.db", folder.path().display());
    assert!(same(&plain, &round));
    assert!(!same(&plain, "postgres://a@h/app"));
}
