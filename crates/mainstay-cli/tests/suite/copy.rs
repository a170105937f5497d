//! `copy`: of an application's own binary, and of the binary `mainstay`.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::tiny::Home;
use mainstay_cli::Exit;
use mainstay_testkit::servers::{ServerKind, TestDatabase, require};

#[tokio::test]
async fn an_application_moves_to_a_server_and_back() {
    for kind in [ServerKind::Postgres, ServerKind::MariaDb] {
        let Some(server) = require(kind) else {
            continue;
        };
        let database = TestDatabase::create(&server).expect("a database");
        let to = database.url().as_str();
        let home = Home::new();
        home.run(&["setup"]).await.expect(Exit::Ok);
        let copied = home.run(&["copy", "--to", to]).await.expect(Exit::Ok);
        for told in [
            "1 row of 1 table",
            "both sides are equal",
            "schema      1 migration applied",
            "notes  1",
        ] {
            assert!(copied.out.contains(told), "{told}: {}", copied.out);
        }
        assert!(
            copied.err.contains("copying notes (1 of 1)"),
            "{}",
            copied.err
        );
        let password = database.url().password();
        assert!(!copied.out.contains(password), "{}", copied.out);

        let again = home.run(&["copy", "--to", to]).await.expect(Exit::Refused);
        assert!(
            again.err.contains("Tables with rows: notes"),
            "{}",
            again.err
        );

        let back = Home::new();
        let words = ["copy", "--from", to, "--to", &back.url(), "--json"];
        let report = back.run(&words).await.expect(Exit::Ok).json();
        assert_eq!(report["rows"], 1, "{report}");
        assert_eq!(report["tables"][0]["name"], "notes");
        assert!(!report.to_string().contains(password), "{report}");
        let status = back
            .run(&["status", "--json"])
            .await
            .expect(Exit::Ok)
            .json();
        assert_eq!(status["rows"]["notes"], 1);
        assert_eq!(status["migrations"]["current"], true);
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_by_the_exit_code() {
    let home = Home::new();
    home.run(&["setup"]).await.expect(Exit::Ok);
    let own = home.url();
    let same = home.run(&["copy", "--to", &own]).await.expect(Exit::Usage);
    assert!(same.err.contains("the same database"), "{}", same.err);
    let no_url = home
        .run(&["copy", "--to", "nowhere"])
        .await
        .expect(Exit::Usage);
    assert!(no_url.err.contains("--to: "), "{}", no_url.err);
    let unset = ["copy", "--to", "env:MAINSTAY_TEST_NOT_SET"];
    let unset = home.run(&unset).await.expect(Exit::Usage);
    assert!(
        unset.err.contains("no variable MAINSTAY_TEST_NOT_SET"),
        "{}",
        unset.err
    );
    let away = ["copy", "--to", "postgres://me@127.0.0.1:1/app"];
    home.run(&away).await.expect(Exit::Unreachable);
}

/// A folder with a database of many rows, and the same table in another one.
fn many_rows() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let table = "CREATE TABLE numbers (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;";
    let rows = "INSERT INTO numbers WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL \
                SELECT i + 1 FROM n WHERE i < 400000) SELECT i, 'row ' || i FROM n;";
    for (number, sql) in ["a", "b"]
        .iter()
        .zip([format!("{table} {rows}"), table.to_owned()])
    {
        let own = folder.path().join(format!("{number}/20260101000000_init"));
        std::fs::create_dir_all(&own).expect("made");
        std::fs::write(own.join("up.sql"), sql).expect("written");
        std::fs::write(folder.path().join(format!("{number}.db")), "").expect("written");
        let url = format!("sqlite:{number}.db");
        let words = ["migrate", "up", "--folder", number, "--url", &url];
        let done = mainstay(&folder, &words).output().expect("it runs");
        assert!(done.status.success(), "{done:?}");
        // The two are not said to have the same migrations.
        std::fs::remove_dir_all(folder.path().join(number)).expect("gone");
    }
    folder
}

fn mainstay(folder: &tempfile::TempDir, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mainstay"));
    command
        .args(words)
        .current_dir(folder.path())
        .env_remove("MAINSTAY_ENV")
        .env_remove("DATABASE_URL")
        .env("COPY_TO", "sqlite:b.db");
    command
}

#[test]
fn ctrl_c_stops_a_copy_and_says_how_to_go_on() {
    let folder = many_rows();
    let words = ["copy", "--from", "sqlite:a.db", "--to", "env:COPY_TO"];
    let mut child = mainstay(&folder, &words)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("piped"))
        .lines()
        .map_while(Result::ok);
    assert!(lines.any(|line| line.contains("copying numbers (1 of 1)")));
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(sent.success());
    let rest: Vec<String> = lines.collect();
    let code = child.wait().expect("it ends").code();
    assert_eq!(code, Some(130), "{rest:?}");
    assert!(
        rest.iter().any(|line| line.contains("--restart")),
        "{rest:?}"
    );

    let refused = mainstay(&folder, &words).output().expect("it runs");
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let err = String::from_utf8_lossy(&refused.stderr);
    assert!(err.contains("Not filled: numbers"), "{err}");
    let words = [&words[..], &["--restart"]].concat();
    let done = mainstay(&folder, &words).output().expect("it runs");
    assert!(done.status.success(), "{done:?}");
    let out = String::from_utf8_lossy(&done.stdout);
    assert!(out.contains("400000 rows of 1 table"), "{out}");
}
