use std::fs;
use std::path::Path;

use chrono::TimeZone;
use mainstay::ErrorKind;
use mainstay::schema::Dialect::{MariaDb, Postgres, Sqlite};

use super::*;
use crate::migration::Direction;

/// A folder with files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is inside")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

fn refusal(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let error = read(folder.path()).expect_err("must be refused");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    error.to_string()
}

const A: &str = "20260101000000_a";

#[test]
fn a_dialects_own_file_wins_over_the_shared_one() {
    let folder = folder(&[
        ("20260102000000_b/up.postgres.sql", "only here"),
        ("20260101000000_a/up.sql", "shared"),
        ("20260101000000_a/up.mysql.sql", "own"),
        ("20260101000000_a/down.sqlite.sql", "down"),
        ("20260101000000_a/notes.txt", ""),
        ("README.md", ""),
        (".gitkeep", ""),
    ]);
    let found = read(folder.path()).expect("a folder");
    let all = found.set.migrations();
    assert_eq!((all.len(), all[0].name, all[1].name), (2, "a", "b"));
    assert_eq!((all[0].up.sqlite, all[0].up.mysql), ("shared", "own"));
    let text = |version, direction, dialect| found.set.text(version, direction, dialect);
    let down = text(all[0].version, Direction::Down, Sqlite).expect("there");
    assert_eq!(down, Some("down"));
    let down = text(all[0].version, Direction::Down, Postgres).expect("known");
    assert_eq!(down, None);
    let error = text(all[1].version, Direction::Up, MariaDb).expect_err("missing");
    assert!(
        error
            .to_string()
            .contains("20260102000000_b has neither up.mysql.sql nor up.sql"),
        "{error}"
    );
    assert_eq!(found.warnings.len(), 2, "{:?}", found.warnings);
    assert!(
        found.warnings[0].contains("notes.txt"),
        "{:?}",
        found.warnings
    );
    assert!(
        found.warnings[1].contains("README.md"),
        "{:?}",
        found.warnings
    );
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let error = read(Path::new("/no/such/folder")).expect_err("missing");
    assert!(error.to_string().contains("/no/such/folder"), "{error}");
    for bad in [
        "2026_a",
        "20260101000000",
        "20260101000000_A",
        "notes",
        "20260101000000-a",
    ] {
        let text = refusal(&[(&format!("{bad}/up.sql"), "")]);
        assert!(
            text.contains(bad) && text.contains("no migration's name"),
            "{text}"
        );
    }
    let twice = refusal(&[
        ("20260101000000_a/up.sql", ""),
        ("20260101000000_b/up.sql", ""),
    ]);
    assert!(
        twice.contains("two migrations of version 20260101000000: a and b"),
        "{twice}"
    );
    let none = refusal(&[("20260101000000_a/down.sql", "")]);
    assert!(none.contains("has neither up.sql"), "{none}");
    for misnamed in [
        "up.mariadb.sql",
        "up.postgresql.sql",
        "up.txt",
        "down",
        "up.SQL",
    ] {
        let text = refusal(&[(&format!("{A}/{misnamed}"), "")]);
        assert!(
            text.contains("looks like a migration's file"),
            "{misnamed}: {text}"
        );
    }
}

#[test]
fn what_is_no_text_or_too_much_of_it_is_refused() {
    let folder = folder(&[("20260101000000_a/up.sql", "")]);
    let path = folder.path().join(A).join("up.sql");
    fs::write(&path, b"SELECT 1;\nSELECT '\xff'").expect("written");
    let error = read(folder.path()).expect_err("not UTF-8").to_string();
    assert!(error.contains("up.sql line 2 is not UTF-8"), "{error}");
    let large = fs::File::create(&path).expect("made");
    large.set_len(MOST_BYTES + 1).expect("grown");
    let error = read(folder.path()).expect_err("too large").to_string();
    assert!(error.contains("larger than 16 MB"), "{error}");
    large.set_len(MOST_BYTES).expect("shrunk");
    assert!(read(folder.path()).is_ok());
}

#[test]
fn a_new_migration_is_the_newest() {
    let at = |second| {
        chrono::Utc
            .with_ymd_and_hms(2026, 2, 14, 9, 30, second)
            .unwrap()
    };
    let folder = folder(&[]);
    let all = folder.path().join("migrations");
    let made = create(&all, "add_nickname", at(5), &[]).expect("made");
    assert!(made.ends_with("20260214093005_add_nickname"));
    let found = read(&all).expect("readable");
    let text = found.set.text("20260214093005", Direction::Up, Sqlite);
    assert!(
        text.expect("there")
            .expect("a text")
            .starts_with("-- add nickname")
    );
    for late in [4, 5] {
        let error = create(&all, "other", at(late), &[]).expect_err("not the newest");
        assert!(error.to_string().contains("would not be newer"), "{error}");
    }
    assert!(create(&all, "No Such", at(9), &[]).is_err());
    let made = create(&all, "other", at(6), &["sqlite", "mysql"]).expect("made");
    assert!(made.join("down.mysql.sql").exists());
    assert!(!made.join("up.sql").exists());
}

#[test]
fn many_become_one_that_says_so() {
    let folder = folder(&[
        ("20260101000000_a/up.sql", "CREATE TABLE a (id INT)"),
        ("20260102000000_b/up.sqlite.sql", "CREATE TABLE b (id INT)"),
        ("20260103000000_c/up.sql", "CREATE TABLE c (id INT)"),
    ]);
    let path = folder.path();
    let text = |slug| SquashText {
        slug,
        sql: "CREATE TABLE a (id INT);\nCREATE TABLE b (id INT)".to_owned(),
    };
    assert!(squash(path, "20260109000000", "start", &[text(None)]).is_err());
    assert!(squash(path, "20260102000000", "b", &[text(None)]).is_err());
    assert!(squash(path, "20260102000000", "start", &[text(Some("postgres"))]).is_err());
    let done = squash(path, "20260102000000", "start", &[text(None)]).expect("squashed");
    assert_eq!(done.replaced, ["20260101000000_a", "20260102000000_b"]);
    let found = read(path).expect("readable");
    let labels: Vec<_> = found.set.migrations().iter().map(|m| m.label()).collect();
    assert_eq!(labels, ["20260102000000_start", "20260103000000_c"]);
    let again = squash(path, "20260103000000", "again", &[text(None)]).expect("squashed");
    let text = fs::read_to_string(again.made.join("up.sql")).expect("there");
    assert!(
        text.starts_with("-- mainstay: replaces 20260101000000..20260103000000\n"),
        "{text}"
    );
}
