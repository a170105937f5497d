//! Private servers: they start, answer, survive what is done to them, and leave nothing behind.
//!
//! Only tests that disturb a server start one of their own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use mainstay_testkit::servers::{
    Options, Server, ServerKind, ServerUrl, TestDatabase, drop_database, require, run_sql,
};

/// Whether a process runs that has `folder` in its command line.
fn in_use(folder: &Path) -> bool {
    let output = Command::new("sh")
        .args(["-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).contains(folder.to_str().unwrap())
}

fn eventually(what: &str, check: impl Fn() -> bool) {
    for _ in 0..400 {
        if check() {
            return;
        }
        sleep(Duration::from_millis(50));
    }
    panic!("did not happen within 20 seconds: {what}");
}

/// One server through everything that can be done to it.
fn life_of_a_server(kind: ServerKind) {
    if require(kind).is_none() {
        return;
    }
    let mut server = Server::start(kind, Options::default()).unwrap();
    let (url, folder) = (server.url().clone(), server.folder().to_owned());
    assert!(in_use(&folder));

    run_sql(&url, "CREATE TABLE kept (id int PRIMARY KEY)").unwrap();
    run_sql(&url, "INSERT INTO kept VALUES (7)").unwrap();
    let read =
        |url: &ServerUrl| run_sql(url, "SELECT id FROM kept").map(|text| text.trim().to_owned());
    assert_eq!(read(&url).unwrap(), "7");

    let before = server.process_id().unwrap();
    server.kill().unwrap();
    assert_eq!(server.process_id(), None);
    assert!(read(&url).is_err(), "a killed server does not answer");
    server.restart().unwrap();
    assert_ne!(server.process_id().unwrap(), before);
    assert_eq!(
        read(&url).unwrap(),
        "7",
        "a killed process loses nothing that was committed"
    );

    server.restart().unwrap();
    assert_eq!(read(&url).unwrap(), "7", "an orderly restart neither");

    server.freeze().unwrap();
    let reading = std::thread::spawn({
        let url = url.clone();
        move || run_sql(&url, "SELECT id FROM kept").map(|text| text.trim().to_owned())
    });
    sleep(Duration::from_millis(300));
    assert!(!reading.is_finished(), "a frozen server does not answer");
    server.thaw().unwrap();
    assert_eq!(reading.join().unwrap().unwrap(), "7");

    // Dropped while frozen, the hardest case.
    server.freeze().unwrap();
    drop(server);
    assert!(!folder.exists(), "the folder is removed");
    assert!(!in_use(&folder), "no process is left");
}

#[test]
fn life_of_a_postgres_server() {
    life_of_a_server(ServerKind::Postgres);
}

#[test]
fn life_of_a_mariadb_server() {
    life_of_a_server(ServerKind::MariaDb);
}

fn speaks_tls_and_wants_the_password(kind: ServerKind, tls_query: &str, expected: &str) {
    let Some(url) = require(kind) else {
        return;
    };
    if url.ca().is_none() {
        return assert!(
            std::env::var_os(kind.url_variable()).is_some(),
            "ours have TLS"
        );
    }
    // run_sql verifies the certificate.
    let answer = run_sql(&url, tls_query).unwrap();
    assert!(answer.contains(expected), "{answer}");

    let text = url.as_str().replace(url.password(), "wrong");
    let stranger = ServerUrl::parse(kind, &text, url.ca().map(Path::to_owned)).unwrap();
    let refused = run_sql(&stranger, "SELECT 1").unwrap_err().to_string();
    assert!(!refused.contains(url.password()));
    assert!(refused.to_lowercase().contains("password"), "{refused}");
}

#[test]
fn postgres_speaks_tls_and_wants_the_password() {
    let query = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    speaks_tls_and_wants_the_password(ServerKind::Postgres, query, "TLSv1.");
}

#[test]
fn mariadb_speaks_tls_and_wants_the_password() {
    let query = "SHOW STATUS LIKE 'Ssl_version'";
    speaks_tls_and_wants_the_password(ServerKind::MariaDb, query, "TLSv1.");
}

#[test]
fn mariadb_lets_nobody_in_without_a_password() {
    let Some(url) = require(ServerKind::MariaDb) else {
        return;
    };
    let open = "SELECT count(*) FROM mysql.user WHERE authentication_string = '' AND is_role = 'N' \
                AND user <> 'mariadb.sys'";
    assert_eq!(run_sql(&url, open).unwrap().trim(), "0");
}

fn each_test_has_a_database_of_its_own(kind: ServerKind, names: &str) {
    let Some(server) = require(kind) else {
        return;
    };
    let (one, two) = (
        TestDatabase::create(&server).unwrap(),
        TestDatabase::create(&server).unwrap(),
    );
    assert_ne!(one.name(), two.name());
    run_sql(one.url(), "CREATE TABLE things (id int)").unwrap();
    assert!(
        run_sql(two.url(), "SELECT * FROM things").is_err(),
        "the other one is empty"
    );

    // A session that is still open does not keep the database alive.
    let (name, url) = (one.name().to_owned(), one.url().clone());
    let sleeping = match kind {
        ServerKind::Postgres => "SELECT pg_sleep(60)",
        ServerKind::MariaDb => "SELECT sleep(60) FROM (SELECT count(*) FROM things) AS t",
    };
    let session = std::thread::spawn(move || run_sql(&url, sleeping));
    sleep(Duration::from_millis(500));
    assert!(run_sql(&server, names).unwrap().contains(&name));
    drop(one);
    assert!(!run_sql(&server, names).unwrap().contains(&name));
    // PostgreSQL ends the session with an error, MariaDB's sleep() returns early or with one.
    let _ = session.join().unwrap();

    drop_database(&server, &name).expect("dropping what is gone is no error");
}

#[test]
fn each_test_has_a_postgres_database_of_its_own() {
    each_test_has_a_database_of_its_own(ServerKind::Postgres, "SELECT datname FROM pg_database");
}

#[test]
fn each_test_has_a_mariadb_database_of_its_own() {
    each_test_has_a_database_of_its_own(ServerKind::MariaDb, "SHOW DATABASES");
}

#[test]
fn settings_reach_the_server_and_durability_can_be_had() {
    let cases = [
        (
            ServerKind::Postgres,
            "work_mem=8MB",
            "SELECT current_setting('work_mem') || current_setting('fsync')",
            "8MBon",
        ),
        (
            ServerKind::MariaDb,
            "wait-timeout=77",
            "SELECT concat(@@global.wait_timeout, '/', @@innodb_flush_log_at_trx_commit)",
            "77/1",
        ),
    ];
    for (kind, setting, query, expected) in cases {
        if require(kind).is_none() {
            continue;
        }
        let options = Options {
            durable: true,
            settings: vec![setting.to_owned()],
        };
        let server = Server::start(kind, options).unwrap();
        assert_eq!(run_sql(server.url(), query).unwrap().trim(), expected);
    }
}

#[test]
fn a_wrong_setting_is_explained_by_the_servers_log() {
    for (kind, setting) in [
        (ServerKind::Postgres, "no_such_setting=1"),
        (ServerKind::MariaDb, "no-such-setting=1"),
    ] {
        if require(kind).is_none() {
            continue;
        }
        let options = Options {
            durable: false,
            settings: vec![setting.to_owned()],
        };
        let message = Server::start(kind, options).unwrap_err().to_string();
        assert!(
            message.contains(setting.split('=').next().unwrap()),
            "{message}"
        );
    }
}

/// Starts the binary, waits until it is ready, and returns it with its servers' URLs and folders.
fn start_testserver() -> (std::process::Child, Vec<ServerUrl>, Vec<PathBuf>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mainstay-testserver"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut urls, mut folders) = (Vec::new(), Vec::new());
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        if line.get("ready").is_some() {
            break;
        }
        if let (Some(url), Some(ca)) = (line["url"].as_str(), line["ca"].as_str()) {
            let kind = ServerKind::ALL
                .into_iter()
                .find(|kind| line["engine"] == kind.name())
                .expect("a known engine");
            urls.push(ServerUrl::parse(kind, url, Some(PathBuf::from(ca))).unwrap());
            folders.push(Path::new(ca).parent().unwrap().to_owned());
        } else {
            assert!(line.get("missing").is_some(), "{line}");
        }
    }
    (child, urls, folders)
}

#[test]
fn the_testserver_stops_its_servers_when_its_input_ends_or_it_is_terminated_or_killed() {
    for kind in ServerKind::ALL {
        // Says that there is nothing to see when nothing is installed.
        require(kind);
    }
    for way in ["input", "TERM", "KILL"] {
        let (mut child, urls, folders) = start_testserver();
        for url in &urls {
            assert_eq!(run_sql(url, "SELECT 1").unwrap().trim(), "1");
        }
        if way == "input" {
            drop(child.stdin.take());
        } else {
            let signal = format!("kill -s {way} {}", child.id());
            assert!(
                Command::new("sh")
                    .args(["-c", &signal])
                    .status()
                    .unwrap()
                    .success()
            );
        }
        assert_eq!(child.wait().unwrap().success(), way != "KILL");
        for folder in folders {
            eventually(&format!("{way}: {} is gone", folder.display()), || {
                !folder.exists() && !in_use(&folder)
            });
        }
    }
}
