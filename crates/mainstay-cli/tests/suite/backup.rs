//! The commands of `backup`, as a process of the binary `mainstay` on a file.

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
        let migration = place.path().join("migrations/20260101000000_create_notes");
        fs::create_dir_all(&migration).expect("made");
        let sql = "CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY, title TEXT NOT NULL) STRICT;\n\
                   INSERT INTO notes VALUES (1, 'milk'), (2, 'bread');";
        fs::write(migration.join("up.sql"), sql).expect("written");
        fs::write(place.path().join("notes.db"), "").expect("written");
        place.expect(&["migrate", "up"], 0);
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mainstay"));
        command
            .args(words)
            .current_dir(self.path())
            .env_clear()
            .env("DATABASE_URL", "sqlite:notes.db");
        command
    }

    fn expect(&self, words: &[&str], code: i32) -> (String, String) {
        let output = self.command(words).output().expect("it starts");
        ended(words, output, code)
    }

    /// The names of the files beside the database.
    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path())
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .filter(|name| name.contains(".db"))
            .collect();
        names.sort();
        names
    }
}

fn ended(words: &[&str], output: Output, code: i32) -> (String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{words:?}\n{out}\n{err}");
    (out, err)
}

#[test]
fn a_backup_is_taken_proven_and_restored() {
    let place = Place::new();
    let (out, _) = place.expect(&["backup", "create", "--to", "kept"], 0);
    assert!(out.contains("migrated to 20260101000000"), "{out}");
    let (out, _) = place.expect(&["backup", "list", "--from", "kept", "--json"], 0);
    let listed: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(listed[0]["state"], "complete");
    let id = listed[0]["id"].as_str().expect("a name").to_owned();
    let (out, _) = place.expect(&["backup", "verify", &id, "--from", "kept"], 0);
    assert!(out.contains("every byte"), "{out}");
    let (out, _) = place.expect(&["backup", "drill", "--from", "kept"], 0);
    assert!(out.contains("recovered"), "{out}");

    let (_, err) = place.expect(&["backup", "restore", "--from", "kept"], 1);
    assert!(err.contains("--replace"), "{err}");
    assert_eq!(place.files(), ["notes.db"]);
    let words = ["backup", "restore", "--from", "kept", "--replace"];
    let (out, _) = place.expect(&words, 0);
    assert!(out.contains("notes.db.before-restore-"), "{out}");
    assert_eq!(place.files().len(), 2);

    let words = ["backup", "prune", "--from", "kept", "--keep-last", "1"];
    let (out, _) = place.expect(&words, 0);
    assert!(out.contains("0 backups removed"), "{out}");
    let words = ["backup", "watch", "--check", "--to", "kept"];
    let (out, _) = place.expect(&words, 0);
    assert!(out.contains("as they should"), "{out}");
}

#[test]
fn the_configuration_says_where_and_doubt_ends_with_one() {
    let place = Place::new();
    let (_, err) = place.expect(&["backup", "create"], 2);
    assert!(err.contains("MAINSTAY_BACKUP_TARGET"), "{err}");
    fs::write(
        place.path().join("mainstay.toml"),
        "[backup]\ntarget = \"kept\"\nlabel = \"book\"\n",
    )
    .expect("written");
    place.expect(&["backup", "create"], 0);
    let folder = place.path().join("kept/book");
    let archive = fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|ending| ending == "backup"))
        .expect("a backup");
    let mut bytes = fs::read(&archive).expect("readable");
    bytes[120] ^= 4;
    fs::write(&archive, bytes).expect("written");
    let (_, err) = place.expect(&["backup", "verify"], 1);
    assert!(
        err.contains("BACKUP_DAMAGED") && err.contains("chunk 1 of 1"),
        "{err}"
    );
    let (out, _) = place.expect(&["backup", "drill", "--report", "report.json"], 1);
    assert!(out.contains("FAILED"), "{out}");
    let report = fs::read_to_string(place.path().join("report.json")).expect("written");
    assert!(report.contains("\"ok\": false"), "{report}");
    let (_, err) = place.expect(&["backup", "restore", "--replace"], 1);
    assert!(err.contains("BACKUP_DAMAGED"), "{err}");
    assert_eq!(place.files(), ["notes.db"]);
    let (_, err) = place.expect(&["backup", "verify", "nothing"], 1);
    assert!(err.contains("backup list"), "{err}");
    let (_, err) = place.expect(&["backup", "list", "--from", "away"], 1);
    assert!(err.contains("does not exist"), "{err}");
}

#[cfg(unix)]
#[test]
fn a_watch_follows_until_it_is_stopped_and_any_moment_comes_back() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let place = Place::new();
    let words = [
        "backup",
        "watch",
        "--to",
        "kept",
        "--point-in-time",
        "--no-drills",
    ];
    let mut watch = place
        .command(&words)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(watch.stdout.take().expect("piped")).lines();
    let is_on = lines.any(|line| line.is_ok_and(|line| line.starts_with("following the log")));
    assert!(is_on, "the log is not followed");
    let sql = "INSERT INTO notes VALUES (3, 'eggs')";
    let migration = place.path().join("migrations/20260102000000_more");
    fs::create_dir_all(&migration).expect("made");
    fs::write(migration.join("up.sql"), sql).expect("written");
    place.expect(&["migrate", "up"], 0);
    let pid = watch.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status();
    assert!(sent.expect("it is sent").success());
    assert_eq!(watch.wait().expect("it ends").code(), Some(0));

    let words = [
        "backup",
        "restore",
        "--from",
        "kept",
        "--to",
        "newest",
        "--replace",
    ];
    let (out, _) = place.expect(&words, 0);
    assert!(out.contains("all there is"), "{out}");
    let (out, _) = place.expect(&["migrate", "status"], 0);
    assert!(!out.contains("pending"), "{out}");
    // In front of everything there is no base: it is said from when on there is.
    let words = [
        "backup",
        "restore",
        "--from",
        "kept",
        "--to",
        "2020-01-01T00:00:00Z",
        "--replace",
    ];
    let (_, err) = place.expect(&words, 1);
    assert!(err.contains("can be recovered from 20"), "{err}");
    assert!(err.contains("not to a moment before"), "{err}");
}
