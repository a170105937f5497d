//! `migrate squash`: on SQLite, and on servers where there are any.

use std::fs;
use std::path::Path;

use crate::desk::Desk;
use mainstay_cli::Exit;

const SECOND: &str = "20260102000000_add_mark";

/// A second migration, whose text is for this engine alone.
fn second(desk: &Desk, slug: &str, sql: &str) {
    write(
        &desk.folder().join(SECOND).join(format!("up.{slug}.sql")),
        sql,
    );
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("it is inside")).expect("made");
    fs::write(path, text).expect("written");
}

async fn slug(desk: &Desk) -> &'static str {
    let db = desk.open().await;
    let slug = db.dialect().slug();
    crate::desk::close(db).await;
    slug
}

fn folders(desk: &Desk) -> Vec<String> {
    let entries = fs::read_dir(desk.folder()).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| {
            let name = entry.expect("an entry").file_name();
            name.into_string().expect("UTF-8")
        })
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn many_become_one_that_makes_the_same() {
    for desk in Desk::all().await {
        let slug = slug(&desk).await;
        second(
            &desk,
            slug,
            "ALTER TABLE notes ADD COLUMN mark INTEGER; CREATE INDEX notes_mark_idx ON notes (mark)",
        );
        let folder = desk.folder_flag();
        let words = ["migrate", "squash", "start", folder.as_str()];
        // A part of them is applied.
        let part = desk.first(&words).await.expect(Exit::Failed);
        assert!(
            part.err.contains("has applied a part") && part.err.contains("migrate up --to"),
            "{}",
            part.err
        );
        desk.first(&["migrate", "up"]).await.expect(Exit::Ok);
        let before = desk.first(&["schema", "dump"]).await.expect(Exit::Ok).out;

        let asked = desk.first(&words).await.expect(Exit::Refused);
        assert!(asked.err.contains("no terminal to ask on"), "{}", asked.err);
        let shown = desk.first(&[&words[..], &["--dry-run"]].concat()).await;
        let shown = shown.expect(Exit::Ok).out;
        assert!(shown.contains("would go    20260101000000_create_notes"));
        assert!(shown.contains("has all of them"), "{shown}");
        assert!(shown.contains(&format!("-- up.{slug}.sql\n\nCREATE TABLE")));
        assert_eq!(folders(&desk), ["20260101000000_create_notes", SECOND]);

        let done = desk
            .first(&[&words[..], &["--yes", "--json"]].concat())
            .await;
        let done = done.expect(Exit::Ok).json();
        assert_eq!(done["written"], true);
        assert_eq!(done["replaces"]["first"], "20260101000000");
        assert_eq!(done["replaced"][1], SECOND);
        assert_eq!(done["texts"][0]["file"], format!("up.{slug}.sql"));
        assert_eq!(folders(&desk), ["20260102000000_start"]);

        // The database that has them has nothing to do; a new one becomes the same.
        let status = desk.first(&["migrate", "status"]).await.expect(Exit::Ok);
        assert!(status.out.contains("replaced"), "{}", status.out);
        let up = desk.first(&["migrate", "up"]).await.expect(Exit::Ok);
        assert!(up.out.contains("none pending"), "{}", up.out);
        desk.sql("DROP TABLE notes").await;
        desk.sql("DELETE FROM _mainstay_migrations").await;
        desk.first(&["migrate", "up"]).await.expect(Exit::Ok);
        let after = desk.first(&["schema", "dump"]).await.expect(Exit::Ok).out;
        assert_eq!(before, after);
        let lint = desk.first(&["migrate", "lint"]).await;
        assert_eq!(lint.exit, Exit::Ok, "{}", lint.out);
        // One alone is nothing to squash.
        let again = ["migrate", "squash", "again", &folder, "--yes"];
        let none = desk.first(&again).await.expect(Exit::Usage);
        assert!(none.err.contains("nothing to squash"), "{}", none.err);
    }
}

#[tokio::test]
async fn what_the_text_cannot_have_is_named_and_refused() {
    for desk in Desk::all().await {
        let slug = slug(&desk).await;
        second(
            &desk,
            slug,
            "INSERT INTO notes (id, text) VALUES (1, 'a'), (2, 'b')",
        );
        desk.first(&["migrate", "up"]).await.expect(Exit::Ok);
        let folder = desk.folder_flag();
        let words = ["migrate", "squash", "start", "--yes", folder.as_str()];
        let rows = desk.first(&words).await.expect(Exit::Failed);
        assert!(rows.err.contains("2 rows in table notes"), "{}", rows.err);
        assert_eq!(folders(&desk).len(), 2);
        let words = [&words[..], &["--leave-out"]].concat();
        let done = desk.first(&words).await.expect(Exit::Ok);
        assert!(
            done.out.contains("left out    2 rows in table notes"),
            "{}",
            done.out
        );
        assert_eq!(folders(&desk), ["20260102000000_start"]);
    }
}

#[tokio::test]
async fn every_engine_with_a_text_needs_a_database() {
    let all = Desk::all().await;
    let desk = &all[0];
    let up = "ALTER TABLE notes ADD COLUMN mark INTEGER";
    for slug in ["sqlite", "postgres", "mysql"] {
        let create = "CREATE TABLE notes (id BIGINT NOT NULL PRIMARY KEY, text VARCHAR(100))";
        let one = desk.folder().join("20260101000000_create_notes");
        if slug != "sqlite" {
            write(&one.join(format!("up.{slug}.sql")), create);
        }
        second(desk, slug, up);
    }
    desk.first(&["migrate", "up"]).await.expect(Exit::Ok);
    let folder = desk.folder_flag();
    let words = ["migrate", "squash", "start", "--yes", folder.as_str()];
    let missing = desk.first(&words).await.expect(Exit::Usage);
    assert!(
        missing.err.contains("have up.postgres.sql") && missing.err.contains("--beside"),
        "{}",
        missing.err
    );
    let twice = [&words[..], &["--beside", "sqlite:other.db"]].concat();
    let twice = desk.first(&twice).await.expect(Exit::Usage);
    assert!(
        twice.err.contains("of this engine already"),
        "{}",
        twice.err
    );
    let wrong = [&words[..], &["--beside", "oracle://x"]].concat();
    desk.first(&wrong).await.expect(Exit::Usage);
    if let [_, postgres, mariadb] = &all[..] {
        let beside = ["--beside", &postgres.url, "--beside", &mariadb.url];
        desk.first(&[&words[..], &beside].concat())
            .await
            .expect(Exit::Ok);
        for slug in ["sqlite", "postgres", "mysql"] {
            let made = desk.folder().join("20260102000000_start");
            let text = fs::read_to_string(made.join(format!("up.{slug}.sql"))).expect("there");
            assert!(text.starts_with("-- mainstay: replaces 2026"), "{text}");
            assert!(text.contains("mark"), "{text}");
        }
    }
}
