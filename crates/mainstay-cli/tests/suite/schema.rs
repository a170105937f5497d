//! The commands of `schema`, and drafting migrations: on SQLite, and on servers where there are any.

use std::path::PathBuf;

use crate::desk::{Desk, close, first};
use mainstay::Schema;
use mainstay_cli::Exit;
use mainstay_testkit::servers::{ServerKind, TestDatabase, require};

#[tokio::test]
async fn what_says_the_same_ends_with_0() {
    for desk in Desk::all().await {
        let check = desk.first(&["schema", "check"]).await.expect(Exit::Ok);
        assert!(check.out.starts_with("in sync"), "{}", check.out);
        assert_eq!(check.err, "");
        let json = desk.first(&["schema", "check", "--json"]).await;
        let json = json.expect(Exit::Ok).json();
        assert_eq!(json["in_sync"], true);
        assert_eq!(json["ways_out"], serde_json::json!([]));
        let diff = desk.first(&["schema", "diff"]).await.expect(Exit::Ok);
        assert_eq!(diff.out, "-- nothing differs\n");
        let words = ["schema", "revert", "--apply", "--yes"];
        desk.first(&words).await.expect(Exit::Ok);
        let words = ["schema", "adopt", "nothing", &desk.folder_flag()];
        let none = desk.first(&words).await.expect(Exit::Failed);
        assert!(none.err.contains("nothing to adopt"), "{}", none.err);
        let words = ["migrate", "new", "nothing", "--draft", &desk.folder_flag()];
        let none = desk.first(&words).await.expect(Exit::Failed);
        assert!(none.err.contains("nothing to draft"), "{}", none.err);
    }
}

#[tokio::test]
async fn what_was_changed_by_hand_ends_with_1_and_is_reverted() {
    for desk in Desk::all().await {
        desk.sql("CREATE TABLE extra (id BIGINT PRIMARY KEY)").await;
        let check = desk.first(&["schema", "check"]).await.expect(Exit::Failed);
        for said in [
            "drift       1 difference\n",
            "the database was changed by hand:\n  table extra is in the database and not in the \
             migrations\n",
            "book schema adopt NAME",
            "book schema revert",
        ] {
            assert!(check.out.contains(said), "{said}: {}", check.out);
        }
        assert!(!check.out.contains("reset"), "{}", check.out);
        let json = desk.first(&["schema", "check", "--json"]).await;
        let json = json.expect(Exit::Failed).json();
        assert_eq!(json["differences"][0]["odd"], "database");
        assert_eq!(json["differences"][0]["object"], "table");

        let revert = desk.first(&["schema", "revert"]).await.expect(Exit::Ok);
        assert!(revert.out.contains("-- Destructive: "), "{}", revert.out);
        assert!(revert.out.contains("DROP TABLE"), "{}", revert.out);
        let diff = desk.first(&["schema", "diff"]).await.expect(Exit::Ok);
        assert_eq!(diff.out, revert.out);

        let words = ["schema", "revert", "--apply"];
        let refused = desk.first(&words).await.expect(Exit::Refused);
        assert!(refused.err.contains("no terminal"), "{}", refused.err);
        let production = [("MAINSTAY_ENV", "production"), ("MAINSTAY_TLS", "disable")];
        let schema = Schema::new().with::<first::Note>();
        let refused = desk.run(schema, &words, &production).await;
        let refused = refused.expect(Exit::Refused);
        assert!(refused.err.contains("--yes"), "{}", refused.err);
        desk.first(&["schema", "check"]).await.expect(Exit::Failed);

        let words = ["schema", "revert", "--apply", "--yes"];
        let done = desk.first(&words).await.expect(Exit::Ok);
        assert!(
            done.out.contains("reverted    1 statement run"),
            "{}",
            done.out
        );
        desk.first(&["schema", "check"]).await.expect(Exit::Ok);
    }
}

#[tokio::test]
async fn what_was_changed_by_hand_is_adopted_and_recorded() {
    for desk in Desk::all().await {
        desk.sql("ALTER TABLE notes ADD COLUMN by_hand INTEGER")
            .await;
        let words = ["schema", "adopt", "by_hand", &desk.folder_flag()];
        let made = desk.first(&words).await.expect(Exit::Ok);
        assert!(
            made.out.contains("adopted     1 statement for "),
            "{}",
            made.out
        );
        assert!(
            made.out.contains("book schema adopt by_hand --record"),
            "{}",
            made.out
        );
        // Built with it, the program sees it as pending, and the database differs as before.
        let check = desk.first(&["schema", "check"]).await.expect(Exit::Failed);
        assert!(check.out.contains("pending "), "{}", check.out);
        let again = desk.first(&words).await.expect(Exit::Failed);
        assert!(
            again.err.contains("migrations are pending"),
            "{}",
            again.err
        );

        let words = [
            "schema",
            "adopt",
            "by_hand",
            "--record",
            &desk.folder_flag(),
        ];
        let recorded = desk.first(&words).await.expect(Exit::Ok);
        assert!(recorded.out.contains("as applied"), "{}", recorded.out);
        desk.first(&["migrate", "status"]).await.expect(Exit::Ok);
        // What is left is the entities' to say.
        let check = desk.first(&["schema", "check", "--json"]).await;
        let json = check.expect(Exit::Failed).json();
        assert_eq!(json["differences"][0]["odd"], "entities");
        assert_eq!(json["pending"], serde_json::json!([]));

        // Both in one.
        desk.sql("CREATE VIEW texts AS SELECT text FROM notes")
            .await;
        std::thread::sleep(std::time::Duration::from_millis(1100));
        let words = [
            "schema",
            "adopt",
            "texts",
            "--record",
            "--json",
            &desk.folder_flag(),
        ];
        let done = desk.first(&words).await.expect(Exit::Ok).json();
        assert_eq!(done["recorded"], true);
        let down = ["migrate", "down", "--steps", "2", "--yes"];
        desk.first(&down).await.expect(Exit::Ok);
        let check = desk.first(&["schema", "check"]).await.expect(Exit::Failed);
        assert!(!check.out.contains("changed by hand"), "{}", check.out);
    }
}

#[tokio::test]
async fn a_migration_is_drafted_from_the_entities_once() {
    for desk in Desk::all().await {
        desk.sql("INSERT INTO notes VALUES (1, 'first')").await;
        let check = desk.second(&["schema", "check"]).await.expect(Exit::Failed);
        assert!(
            check.out.contains("book migrate new NAME --draft"),
            "{}",
            check.out
        );
        let folder = desk.folder_flag();
        let wrong = [
            "migrate",
            "new",
            "body",
            "--draft",
            "--rename",
            "notes.txt=body",
            &folder,
        ];
        let wrong = desk.second(&wrong).await.expect(Exit::Usage);
        assert!(
            wrong.err.contains("notes.txt is not renamed"),
            "{}",
            wrong.err
        );

        let words = [
            "migrate",
            "new",
            "body",
            "--draft",
            "--rename",
            "notes.text=body",
            &folder,
        ];
        let made = desk.second(&words).await.expect(Exit::Ok);
        assert!(made.out.contains("drafted     "), "{}", made.out);
        assert!(!made.out.contains("destructive"), "{}", made.out);
        let again = desk.second(&words).await.expect(Exit::Usage);
        assert!(again.err.contains("is not renamed"), "{}", again.err);
        let again = desk.second(&words[..4]).await;
        assert!(again.err.contains("--folder FOLDER"), "{}", again.err);
        let again = ["migrate", "new", "again", "--draft", &folder];
        let again = desk.second(&again).await.expect(Exit::Failed);
        assert!(again.err.contains("nothing to draft"), "{}", again.err);

        // Pending is no drift.
        let check = desk.second(&["schema", "check"]).await.expect(Exit::Ok);
        assert!(check.out.contains("_body"), "{}", check.out);
        let diff = desk.second(&["schema", "diff"]).await.expect(Exit::Ok);
        assert_ne!(diff.out, "-- nothing differs\n");
        desk.second(&["migrate", "up"]).await.expect(Exit::Ok);
        desk.second(&["schema", "check"]).await.expect(Exit::Ok);
        let words = ["schema", "diff", "--to", "entities"];
        let diff = desk.second(&words).await.expect(Exit::Ok);
        assert_eq!(diff.out, "-- nothing differs\n");
        let db = desk.open().await;
        let body: String = db
            .sql("SELECT body FROM notes")
            .scalar()
            .await
            .expect("kept");
        assert_eq!(body, "first");
        close(db).await;
        desk.second(&["migrate", "down", "--yes"])
            .await
            .expect(Exit::Ok);
        desk.first(&["schema", "diff", "--to", "entities"])
            .await
            .expect(Exit::Ok);
    }
}

#[tokio::test]
async fn what_could_be_a_rename_is_a_hint() {
    let desk = Desk::all().await.remove(0);
    let words = [
        "migrate",
        "new",
        "body",
        "--draft",
        "--json",
        &desk.folder_flag(),
    ];
    let made = desk.second(&words).await.expect(Exit::Ok);
    assert!(
        made.err.contains("--rename notes.text=body"),
        "{}",
        made.err
    );
    let json = made.json();
    assert_eq!(json["candidates"][0]["from"], "text");
    let text = std::fs::read_to_string(
        PathBuf::from(json["folder"].as_str().expect("a path")).join("up.sqlite.sql"),
    );
    assert!(text.expect("written").contains("-- Destructive: "));
}

#[tokio::test]
async fn an_error_of_check_ends_with_2() {
    let desk = Desk::all().await.remove(0);
    let missing = format!("sqlite:{}/none.db", desk.home.file().display());
    let words = ["schema", "check", "--url", &missing];
    desk.first(&words).await.expect(Exit::Usage);
    let away = ["schema", "check", "--url", "postgres://a:b@127.0.0.1:1/c"];
    desk.first(&away).await.expect(Exit::Usage);
    for (scratch, said) in [
        (
            "mysql://a:b@127.0.0.1:1/c",
            "the configured one is of SQLite",
        ),
        (desk.url.as_str(), "is the configured database itself"),
        ("nowhere", "--scratch: "),
    ] {
        let words = ["schema", "check", "--scratch", scratch];
        let wrong = desk.first(&words).await.expect(Exit::Usage);
        assert!(wrong.err.contains(said), "{}", wrong.err);
    }
}

#[tokio::test]
async fn a_scratch_database_can_be_given() {
    for desk in Desk::all().await {
        let (scratch, _other) = match desk.url.split_once(':') {
            Some(("sqlite", _)) => (format!("{}.scratch", desk.url), None),
            Some((scheme, _)) => {
                let kind = match scheme.starts_with("postgres") {
                    true => ServerKind::Postgres,
                    false => ServerKind::MariaDb,
                };
                let server = require(kind).expect("it was there");
                let other = TestDatabase::create(&server).expect("a database");
                (other.url().as_str().to_owned(), Some(other))
            }
            None => panic!("{}", desk.url),
        };
        for _ in 0..2 {
            let words = ["schema", "check", "--scratch", &scratch];
            desk.first(&words).await.expect(Exit::Ok);
        }
    }
}

#[tokio::test]
async fn a_dump_makes_the_same_again() {
    for desk in Desk::all().await {
        let dump = desk.first(&["schema", "dump"]).await.expect(Exit::Ok).out;
        assert!(dump.contains("CREATE TABLE"), "{dump}");
        assert!(!dump.contains("_mainstay"), "{dump}");
        let json = desk.first(&["schema", "dump", "--json"]).await;
        let json = json.expect(Exit::Ok).json();
        assert_eq!(json["tables"][0]["name"], "notes");
        desk.sql("DROP TABLE notes").await;
        desk.sql(&dump).await;
        desk.first(&["schema", "check"]).await.expect(Exit::Ok);
    }
}

#[tokio::test]
async fn a_database_without_a_record_is_not_emptied() {
    for desk in Desk::all().await {
        desk.sql("DELETE FROM _mainstay_migrations").await;
        let check = desk.first(&["schema", "check"]).await.expect(Exit::Failed);
        assert!(
            check.out.contains("book migrate baseline --to"),
            "{}",
            check.out
        );
        assert!(!check.out.contains("schema revert"), "{}", check.out);
        for words in [
            &["schema", "revert", "--apply", "--yes"][..],
            &["schema", "revert"],
            &["schema", "adopt", "all", &desk.folder_flag()],
        ] {
            let refused = desk.first(words).await.expect(Exit::Failed);
            assert!(
                refused.err.contains("no migration is recorded"),
                "{}",
                refused.err
            );
        }
        let words = ["migrate", "baseline", "--to", "20260101000000"];
        desk.first(&words).await.expect(Exit::Ok);
        desk.first(&["schema", "check"]).await.expect(Exit::Ok);
    }
}
