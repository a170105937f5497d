//! The binary `mainstay`, as a process: a folder of migrations, a database, and no application.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        place.write(
            "migrations/20260101000000_create_notes/up.sql",
            "CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY, title VARCHAR(40) NOT NULL);",
        );
        place.write(
            "migrations/20260101000000_create_notes/down.sql",
            "DROP TABLE notes;",
        );
        // A database has to be there: this program makes none.
        place.write("notes.db", "");
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("it is inside")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn run(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_mainstay"))
            .args(words)
            .current_dir(self.path())
            .env_clear()
            .env("DATABASE_URL", "sqlite:notes.db")
            .output()
            .expect("it starts")
    }

    /// Runs it and says what it printed.
    fn expect(&self, words: &[&str], code: i32) -> (String, String) {
        let output = self.run(words);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        let (out, err) = (text(output.stdout), text(output.stderr));
        assert_eq!(output.status.code(), Some(code), "{words:?}\n{out}\n{err}");
        (out, err)
    }
}

#[test]
fn migrations_of_a_folder_are_applied_and_undone() {
    let place = Place::new();
    let (out, _) = place.expect(&["migrate", "status"], 0);
    assert!(
        out.contains("create_notes") && out.contains("pending"),
        "{out}"
    );
    let (out, err) = place.expect(&["migrate", "up"], 0);
    assert!(out.contains("1 applied, 0 before"), "{out}");
    assert!(
        err.contains("applying 20260101000000_create_notes"),
        "{err}"
    );
    place.expect(&["migrate", "new", "add_body"], 0);
    let made: Vec<_> = fs::read_dir(place.path().join("migrations"))
        .expect("a folder")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    assert!(
        made.iter().any(|name| name.ends_with("_add_body")),
        "{made:?}"
    );
    let (out, _) = place.expect(&["migrate", "down", "--yes"], 0);
    assert!(out.contains("1 undone"), "{out}");
}

#[test]
fn the_folder_and_the_database_are_named_by_flags() {
    let place = Place::new();
    fs::rename(place.path().join("migrations"), place.path().join("sql")).expect("moved");
    fs::rename(place.path().join("notes.db"), place.path().join("other.db")).expect("moved");
    let (_, err) = place.expect(&["migrate", "up"], 2);
    assert!(err.contains("folder of migrations"), "{err}");
    let (_, err) = place.expect(&["migrate", "up", "--folder", "sql"], 4);
    assert!(err.contains("--url") && !err.contains("setup"), "{err}");
    let url = "sqlite:other.db";
    place.expect(&["--folder", "sql", "--url", url, "migrate", "up"], 0);
    let (out, _) = place.expect(&["migrate", "status", "--folder", "sql", "--url", url], 0);
    assert!(out.contains("applied"), "{out}");
}

#[test]
fn a_folder_is_looked_over_and_rehearsed() {
    let place = Place::new();
    let (out, _) = place.expect(&["migrate", "lint"], 0);
    assert!(out.contains("1 migration looked at"), "{out}");
    place.write(
        "migrations/20260102000000_add_level/up.sql",
        "ALTER TABLE notes ADD COLUMN level INTEGER NOT NULL;",
    );
    let (out, _) = place.expect(&["migrate", "lint"], 1);
    let path = "migrations/20260102000000_add_level/up.sql\n";
    assert!(out.contains(path), "{out}");
    fs::remove_dir_all(place.path().join("migrations/20260102000000_add_level")).expect("gone");

    place.write("copy.db", "");
    let words = [
        "migrate",
        "rehearse",
        "--copy",
        "sqlite:copy.db",
        "--rows",
        "notes=2000",
    ];
    let (out, _) = place.expect(&words, 0);
    assert!(out.contains("all is well"), "{out}");
    // Without a copy one is made, and is gone afterwards.
    let words = ["migrate", "rehearse", "--rows", "notes=2000"];
    let (out, err) = place.expect(&words, 0);
    assert!(out.contains("all is well"), "{out}");
    assert!(err.contains("filled notes: 2000 rows"), "{err}");
    place.expect(&["migrate", "up"], 0);
    let (_, err) = place.expect(&words, 1);
    assert!(err.contains("nothing to rehearse"), "{err}");
}

#[test]
fn what_needs_an_application_is_not_offered() {
    let place = Place::new();
    let (out, _) = place.expect(&["--help"], 0);
    for command in ["serve", "seed", "setup", "reset"] {
        assert!(!out.contains(&format!("\n  {command}")), "{out}");
        place.expect(&[command], 2);
    }
    assert!(out.contains("\n  migrate"), "{out}");
    let (out, _) = place.expect(&["--version"], 0);
    assert_eq!(out, format!("mainstay {}\n", env!("CARGO_PKG_VERSION")));
    for words in [
        &["schema", "show"][..],
        &["schema", "check"],
        &["schema", "diff", "--to", "entities"],
        &["migrate", "new", "add_note", "--draft"],
    ] {
        let (_, err) = place.expect(words, 2);
        assert!(err.contains("application's own binary"), "{err}");
    }
    // What needs none goes on.
    place.expect(&["migrate", "up"], 0);
    let (out, _) = place.expect(&["schema", "dump"], 0);
    assert!(out.contains("CREATE TABLE \"notes\""), "{out}");
    let (out, _) = place.expect(&["--url", "sqlite:notes.db", "schema", "diff"], 0);
    assert!(out.contains("nothing differs"), "{out}");
}
