//! `migrate rehearse`: on a copy, with reports and exit codes.

use crate::tiny::Home;
use mainstay_cli::Exit;

/// A copy of the application's database.
async fn copy(home: &Home) -> String {
    home.run(&["setup"]).await.expect(Exit::Ok);
    let copy = home.file().with_file_name("copy.db");
    let sql: &'static str = format!("VACUUM INTO '{}'", copy.display()).leak();
    home.sql(sql).await;
    format!("sqlite:{}", copy.display())
}

#[tokio::test]
async fn migrations_are_rehearsed_on_a_copy() {
    let home = Home::new();
    let copy = copy(&home).await;
    let page = home.file().with_file_name("report.md");
    let report = page.to_str().expect("UTF-8");
    let words = ["migrate", "rehearse", "--copy", &copy, "--all"];
    let rows = ["--rows", "notes=2_500", "--report", report];
    let found = home
        .run(&[&words[..], &rows].concat())
        .await
        .expect(Exit::Ok);
    assert!(
        found
            .out
            .contains("1 migration rehearsed on SQLite: all is well"),
        "{}",
        found.out
    );
    assert!(
        found.err.contains("filled notes: 2500 rows"),
        "{}",
        found.err
    );
    assert!(found.err.contains("  1/1 in "), "{}", found.err);
    let page = std::fs::read_to_string(page).expect("written");
    assert!(
        page.starts_with("# Rehearsal of migrations\n\n## SQLite\n"),
        "{page}"
    );
    assert!(page.contains("| up again | 1 |"), "{page}");

    let json = home
        .run(&[&words[..], &["--json"]].concat())
        .await
        .expect(Exit::Ok)
        .json();
    assert_eq!(json["ways"][1]["name"], "down");
    assert_eq!(json["failures"], serde_json::json!([]));
    let limit = [&words[..], &["--limit", "0s"]].concat();
    let found = home.run(&limit).await.expect(Exit::Failed);
    assert!(found.out.contains("which is more than"), "{}", found.out);

    // The database itself was left alone.
    let status = home
        .run(&["status", "--json"])
        .await
        .expect(Exit::Ok)
        .json();
    assert_eq!(status["rows"]["notes"], 1);
}

#[tokio::test]
async fn the_database_itself_is_no_copy() {
    let home = Home::new();
    let copy = copy(&home).await;
    let url = home.url();
    let words = ["migrate", "rehearse", "--all", "--copy", &url];
    let refused = home.run(&words).await.expect(Exit::Refused);
    assert!(refused.err.contains("itself"), "{}", refused.err);
    // Whatever way it is named.
    let folder = home.file();
    let folder = folder.parent().expect("it is in one");
    let other = format!("sqlite:{}/../{}/tiny.db", folder.display(), {
        folder
            .file_name()
            .and_then(|name| name.to_str())
            .expect("UTF-8")
    });
    let words = ["migrate", "rehearse", "--all", "--copy", &other];
    home.run(&words).await.expect(Exit::Refused);

    let words = ["migrate", "rehearse", "--copy", &copy];
    let wrong = home.run(&words).await.expect(Exit::Failed);
    assert!(wrong.err.contains("nothing to rehearse"), "{}", wrong.err);
    for words in [
        &["migrate", "rehearse", "--rows", "notes"][..],
        &["migrate", "rehearse", "--limit", "30"],
        &["migrate", "rehearse", "--all", "--from", "20260101000000"],
        &["migrate", "rehearse", "--copy", "oracle:nothing"],
    ] {
        home.run(words).await.expect(Exit::Usage);
    }
}
