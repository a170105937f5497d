//! The commands of `migrate`, of a tiny application, on SQLite, in process.

use crate::tiny::Home;
use mainstay_cli::Exit;

const VERSION: &str = "20260101000000";

async fn set_up() -> Home {
    let home = Home::new();
    home.run(&["setup"]).await.expect(Exit::Ok);
    home
}

#[tokio::test]
async fn a_plan_is_shown_and_nothing_is_run() {
    let home = set_up().await;
    home.run(&["migrate", "down", "--yes"])
        .await
        .expect(Exit::Ok);
    for words in [&["migrate", "plan"][..], &["migrate", "up", "--dry-run"]] {
        let plan = home.run(words).await.expect(Exit::Ok).out;
        assert!(
            plan.starts_with("up 20260101000000_create_notes, in one transaction"),
            "{plan}"
        );
        assert!(plan.contains("1. CREATE TABLE notes"), "{plan}");
        assert!(plan.contains("lock: the writer"), "{plan}");
    }
    let plan = home
        .run(&["migrate", "plan", "--to", VERSION, "--json"])
        .await
        .expect(Exit::Ok)
        .json();
    assert_eq!(plan["steps"][0]["direction"], "up");
    assert_eq!(plan["steps"][0]["mode"], "transaction");
    assert_eq!(plan["steps"][0]["statements"][0]["line"], 1);
    let words = ["migrate", "plan", "--to", "20250101000000"];
    let wrong = home.run(&words).await.expect(Exit::Failed);
    assert!(
        wrong.err.contains("no migration of version"),
        "{}",
        wrong.err
    );
    let status = home
        .run(&["migrate", "status", "--json"])
        .await
        .expect(Exit::Ok)
        .json();
    assert_eq!(status["migrations"][0]["state"], "pending");
}

#[tokio::test]
async fn up_tells_each_statement_on_the_error_stream() {
    let home = set_up().await;
    home.run(&["migrate", "down", "--yes"])
        .await
        .expect(Exit::Ok);
    let up = home
        .run(&["migrate", "up", "--to", VERSION])
        .await
        .expect(Exit::Ok);
    assert!(
        up.err
            .contains("applying 20260101000000_create_notes: 1 statement\n"),
        "{}",
        up.err
    );
    assert!(up.err.contains("  1/1 in "), "{}", up.err);
    assert!(up.err.contains(": CREATE TABLE notes"), "{}", up.err);
    assert!(up.out.contains("1 applied, 0 before"), "{}", up.out);
    let up = home
        .run(&["migrate", "up", "--json"])
        .await
        .expect(Exit::Ok)
        .json();
    assert_eq!(up["already"], 1);
}

#[tokio::test]
async fn what_undoes_asks_first_and_in_production_must_be_told_so() {
    let home = set_up().await;
    for words in [&["migrate", "down"][..], &["migrate", "redo"]] {
        let refused = home.run(words).await.expect(Exit::Refused);
        assert!(
            refused.err.contains("no terminal to ask on"),
            "{}",
            refused.err
        );
        assert!(refused.err.contains("--dry-run"), "{}", refused.err);
        assert!(
            refused.err.contains("--yes does not ask"),
            "{}",
            refused.err
        );
        let words = [words, &["--profile", "production"]].concat();
        let refused = home.run(&words).await.expect(Exit::Refused);
        assert!(
            refused.err.contains("must be asked for with --yes"),
            "{}",
            refused.err
        );
    }
    let status = home
        .run(&["status", "--json"])
        .await
        .expect(Exit::Ok)
        .json();
    assert_eq!(status["rows"]["notes"], 1);

    let redo = home
        .run(&["migrate", "redo", "--yes"])
        .await
        .expect(Exit::Ok);
    assert!(
        redo.out.contains("1 undone, 1 applied, 0 before"),
        "{}",
        redo.out
    );
    let words = [
        "migrate",
        "down",
        "--yes",
        "--json",
        "--profile",
        "production",
    ];
    let down = home.run(&words).await.expect(Exit::Ok).json();
    assert_eq!(down["undone"][0]["name"], "create_notes");
    // Nothing is left to ask about.
    let down = home
        .run(&["migrate", "down", "--to", "0"])
        .await
        .expect(Exit::Ok);
    assert!(down.out.contains("none pending, 0 applied"), "{}", down.out);
    let redo = home.run(&["migrate", "redo"]).await.expect(Exit::Failed);
    assert!(redo.err.contains("no migration is applied"), "{}", redo.err);
}

#[tokio::test]
async fn a_record_that_was_lost_is_made_anew_by_a_baseline() {
    let home = set_up().await;
    let refused = home
        .run(&["migrate", "baseline", "--to", VERSION])
        .await
        .expect(Exit::Failed);
    assert!(refused.err.contains("is not empty"), "{}", refused.err);
    home.sql("DELETE FROM _mainstay_migrations").await;
    home.run(&["migrate", "up"]).await.expect(Exit::Failed);
    let done = home
        .run(&["migrate", "baseline", "--to", "20260101000000_create_notes"])
        .await
        .expect(Exit::Ok);
    assert!(
        done.out.contains("1 migration recorded as applied"),
        "{}",
        done.out
    );
    home.run(&["migrate", "up"]).await.expect(Exit::Ok);
}

#[tokio::test]
async fn repair_explains_and_then_mends() {
    let home = set_up().await;
    let fits = home.run(&["migrate", "repair"]).await.expect(Exit::Ok);
    assert!(
        fits.out.contains("the record and the migrations fit"),
        "{}",
        fits.out
    );
    home.sql("UPDATE _mainstay_migrations SET checksum = 'v2:other'")
        .await;
    let told = home.run(&["migrate", "repair"]).await.expect(Exit::Failed);
    assert!(told.out.contains("rerecord 20260101000000"), "{}", told.out);
    assert!(
        told.out.contains("do it: tiny migrate repair --yes"),
        "{}",
        told.out
    );
    assert!(told.err.contains("has changed since"), "{}", told.err);
    let words = ["migrate", "repair", "--done", VERSION];
    let wrong = home.run(&words).await.expect(Exit::Usage);
    assert!(
        wrong.err.contains("is not one that has begun"),
        "{}",
        wrong.err
    );
    let done = home
        .run(&["migrate", "repair", "--yes", "--json"])
        .await
        .expect(Exit::Ok)
        .json();
    assert_eq!(done["repaired"][0]["action"], "rerecord");
    assert_eq!(done["proposals"], serde_json::json!([]));

    // Half applied, by a program that kept no journal.
    home.sql("UPDATE _mainstay_migrations SET state = 'started', statements_done = 0")
        .await;
    let told = home
        .run(&["migrate", "repair", "--yes"])
        .await
        .expect(Exit::Failed);
    assert!(told.out.contains("--undone 20260101000000"), "{}", told.out);
    let done = home.run(&words).await.expect(Exit::Ok);
    assert!(
        done.out.contains("repaired    mark-done 20260101000000"),
        "{}",
        done.out
    );
    home.run(&["migrate", "status"]).await.expect(Exit::Ok);
}

#[tokio::test]
async fn a_new_migration_needs_no_database() {
    let home = Home::new();
    let folder = home.file().with_file_name("migrations");
    let folder = folder.to_str().expect("UTF-8");
    let env = [("MAINSTAY_ENV", "production")];
    let words = [
        "migrate",
        "new",
        "add_nickname",
        "--folder",
        folder,
        "--json",
    ];
    let made = home.run_in(&words, &env).await.expect(Exit::Ok).json();
    let path = std::path::PathBuf::from(made["folder"].as_str().expect("a path"));
    assert!(path.join("up.sql").exists() && path.join("down.sql").exists());
    let words = ["migrate", "new", "Add Nickname", "--folder", folder];
    let wrong = home.run_in(&words, &env).await.expect(Exit::Usage);
    assert!(wrong.err.contains("no migration's name"), "{}", wrong.err);
    let words = [
        "migrate",
        "new",
        "a",
        "--folder",
        folder,
        "--dialect",
        "oracle",
    ];
    home.run_in(&words, &env).await.expect(Exit::Usage);
}
