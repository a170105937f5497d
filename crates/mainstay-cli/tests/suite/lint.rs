//! `migrate lint`: its exit codes, its formats, and what it looks at.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tiny::Home;
use mainstay_cli::Exit;

/// A folder of migrations: names of files below it, and their text.
fn folder(home: &Home, files: &[(&str, &str)]) -> PathBuf {
    let folder = home.file().with_file_name("migrations");
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("it is inside")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

const GOOD: [(&str, &str); 2] = [
    (
        "20260101000000_create_drafts/up.sqlite.sql",
        "CREATE TABLE drafts (id INTEGER PRIMARY KEY, title TEXT) STRICT;",
    ),
    (
        "20260101000000_create_drafts/down.sqlite.sql",
        "-- mainstay: ignore drop-table because it undoes what was made\nDROP TABLE drafts;",
    ),
];

const WRONG: [(&str, &str); 2] = [
    (
        "20260102000000_add_level/up.sqlite.sql",
        "ALTER TABLE drafts ADD COLUMN level INTEGER NOT NULL;",
    ),
    (
        "20260102000000_add_level/down.sqlite.sql",
        "ALTER TABLE drafts DROP COLUMN level;",
    ),
];

#[tokio::test]
async fn errors_end_with_1_and_need_no_configuration() {
    let home = Home::new();
    let folder = folder(&home, &[GOOD, WRONG].concat());
    // Production has no database by default, and none is asked.
    let env = [("MAINSTAY_ENV", "production")];
    let words = ["migrate", "lint", "--folder", text(&folder)];
    let found = home.run_in(&words, &env).await.expect(Exit::Failed);
    let path = folder.join("20260102000000_add_level/up.sqlite.sql");
    assert!(found.out.starts_with(text(&path)), "{}", found.out);
    assert!(
        found.out.contains("error [add-column-refused]"),
        "{}",
        found.out
    );
    assert!(
        found.out.contains("2 migrations looked at"),
        "{}",
        found.out
    );

    let words = [&words[..], &["--after", "20260102000000"]].concat();
    let found = home.run_in(&words, &env).await.expect(Exit::Ok);
    assert!(
        found.out.contains("0 migrations looked at"),
        "{}",
        found.out
    );
}

#[tokio::test]
async fn warnings_end_with_1_when_it_is_strict() {
    let home = Home::new();
    let loose = [
        (
            "20260101000000_create_drafts/up.sqlite.sql",
            "CREATE TABLE drafts (id INTEGER PRIMARY KEY, title TEXT);",
        ),
        GOOD[1],
    ];
    let folder = folder(&home, &loose);
    let words = ["migrate", "lint", "--folder", text(&folder)];
    let found = home.run(&words).await.expect(Exit::Ok);
    assert!(
        found.out.contains("warning [table-not-strict]"),
        "{}",
        found.out
    );
    let words = [&words[..], &["--strict"]].concat();
    home.run(&words).await.expect(Exit::Failed);
}

#[tokio::test]
async fn what_cannot_be_looked_at_ends_with_2() {
    let home = Home::new();
    let words = ["migrate", "lint", "--folder", "/nowhere/at/all"];
    let wrong = home.run(&words).await.expect(Exit::Usage);
    assert!(wrong.err.contains("/nowhere/at/all"), "{}", wrong.err);
    let folder = folder(&home, &GOOD);
    let words = ["migrate", "lint", "--folder", text(&folder)];
    // A text for another engine is asked for, and there is none.
    let words_ = [&words[..], &["--dialect", "postgres"]].concat();
    let wrong = home.run(&words_).await.expect(Exit::Usage);
    assert!(wrong.err.contains("up.postgres.sql"), "{}", wrong.err);
    for more in [
        &["--dialect", "oracle"][..],
        &["--format", "xml"],
        &["--after", "20260101000000", "--pending"],
        &["--output", "/nowhere/at/all/report.txt"],
    ] {
        home.run(&[&words[..], more].concat())
            .await
            .expect(Exit::Usage);
    }
    // A database that is not there says so by its own code.
    let words = [&words[..], &["--database"]].concat();
    home.run(&words).await.expect(Exit::Unreachable);
}

#[tokio::test]
async fn reports_are_json_and_sarif_and_go_to_a_file() {
    let home = Home::new();
    let folder = folder(&home, &[GOOD, WRONG].concat());
    let file = home.file().with_file_name("report.sarif");
    let words = ["migrate", "lint", "--folder", text(&folder), "--format"];
    let json = home
        .run(&[&words[..], &["json"]].concat())
        .await
        .expect(Exit::Failed)
        .json();
    assert_eq!(json["migrations"], 2);
    assert_eq!(json["findings"][0]["rule"], "add-column-refused");
    let output = ["sarif", "--output", text(&file)];
    let found = home
        .run(&[&words[..], &output].concat())
        .await
        .expect(Exit::Failed);
    assert_eq!(found.out, "");
    assert!(
        found.err.contains("2 migrations looked at"),
        "{}",
        found.err
    );
    let log = fs::read_to_string(&file).expect("written");
    let log: serde_json::Value = serde_json::from_str(&log).expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    assert_eq!(log["runs"][0]["results"][0]["ruleId"], "add-column-refused");
}

#[tokio::test]
async fn rules_are_listed() {
    let home = Home::new();
    let found = home.run(&["migrate", "lint", "--rules"]).await;
    let found = found.expect(Exit::Ok).out;
    assert!(found.starts_with("RULE "), "{found}");
    assert!(
        found.lines().any(|line| line.starts_with("drop-table ")),
        "{found}"
    );
    let words = ["migrate", "lint", "--rules", "--format", "json"];
    let found = home.run(&words).await.expect(Exit::Ok).json();
    let rules = found.as_array().expect("a list");
    assert!(rules.len() >= 25);
    assert!(rules.iter().any(|rule| rule["rule"] == "wrong-directive"));
}

#[tokio::test]
async fn a_database_weighs_and_says_what_is_pending() {
    let home = Home::new();
    home.run(&["setup"]).await.expect(Exit::Ok);
    // The application's own migration, which the database has.
    let words = ["migrate", "lint", "--pending"];
    let found = home.run(&words).await.expect(Exit::Ok);
    assert!(
        found.out.contains("0 migrations looked at"),
        "{}",
        found.out
    );

    let all = [
        ("20260101000000_create_notes/up.sql", "SELECT 1"),
        (
            "20260102000000_fill_notes/up.sql",
            "UPDATE notes SET text = 'other';",
        ),
        ("20260102000000_fill_notes/down.sql", "SELECT 1;"),
    ];
    let folder = folder(&home, &all);
    let file = home.file().with_file_name("report.json");
    let words = [
        "migrate",
        "lint",
        "--folder",
        text(&folder),
        "--format",
        "json",
    ];
    let ids = |report: &serde_json::Value| -> Vec<(String, String)> {
        let findings = report["findings"].as_array().expect("a list");
        let pair = |finding: &serde_json::Value| {
            let of = |key: &str| finding[key].as_str().expect("text").to_owned();
            (of("rule"), of("severity"))
        };
        findings.iter().map(pair).collect()
    };
    let without = home.run(&words).await.json();
    let of = |report: &[(String, String)], rule: &str| {
        let found = report.iter().find(|(id, _)| id == rule);
        found.map(|(_, severity)| severity.clone())
    };
    let heavy = of(&ids(&without), "write-without-where");
    assert_eq!(heavy.as_deref(), Some("warning"), "{without}");
    let weighed = home
        .run(&[&words[..], &["--database"]].concat())
        .await
        .json();
    let light = of(&ids(&weighed), "write-without-where");
    assert_eq!(light.as_deref(), Some("note"), "{weighed}");
    assert!(!file.exists());
}
