//! The commands of a tiny application, on SQLite, in process.

use crate::tiny::Home;
use mainstay_cli::Exit;

#[tokio::test]
async fn setup_creates_migrates_and_seeds_and_again_changes_nothing() {
    let home = Home::new();
    let first = home.run(&["setup", "--json"]).await.expect(Exit::Ok).json();
    assert_eq!(first["created"], true);
    assert_eq!(first["migrations"]["applied"][0]["name"], "create_notes");
    assert_eq!(first["seed"]["done"]["inserted"]["notes"], 1);
    assert!(home.file().exists());

    let again = home.run(&["setup"]).await.expect(Exit::Ok).out;
    assert!(
        again.contains("migrations  none pending, 1 applied before"),
        "{again}"
    );
    assert!(again.contains("0 rows written, 1 there before"), "{again}");

    let status = home
        .run(&["status", "--json"])
        .await
        .expect(Exit::Ok)
        .json();
    assert_eq!(status["engine"], "SQLite");
    assert_eq!(status["rows"]["notes"], 1);
    assert_eq!(status["migrations"]["current"], true);
    let status = home.run(&["status"]).await.expect(Exit::Ok).out;
    assert!(status.contains("1 applied, 0 pending"), "{status}");
}

#[tokio::test]
async fn the_seed_is_idempotent_and_refused_in_production_unless_forced() {
    let home = Home::new();
    home.run(&["setup", "--no-seed"]).await.expect(Exit::Ok);
    let first = home.run(&["seed", "--json"]).await.expect(Exit::Ok).json();
    assert_eq!(first["inserted"]["notes"], 1);
    let second = home.run(&["seed", "--json"]).await.expect(Exit::Ok).json();
    assert_eq!(second["existing"], 1);
    assert_eq!(second["inserted"], serde_json::json!({}));

    let refused = home
        .run(&["seed", "--profile", "production"])
        .await
        .expect(Exit::Refused);
    assert!(refused.err.contains("tiny seed --force"), "{}", refused.err);
    home.run(&["seed", "--profile", "production", "--force"])
        .await
        .expect(Exit::Ok);
}

#[tokio::test]
async fn setup_in_production_migrates_but_does_not_seed() {
    let home = Home::new();
    let done = home
        .run(&["setup", "--profile", "production"])
        .await
        .expect(Exit::Ok);
    assert!(done.out.contains("not written: production"), "{}", done.out);
    let status = home
        .run(&["status", "--json"])
        .await
        .expect(Exit::Ok)
        .json();
    assert_eq!(status["rows"]["notes"], 0);
}

#[tokio::test]
async fn reset_asks_and_is_refused_in_production() {
    let home = Home::new();
    home.run(&["setup"]).await.expect(Exit::Ok);
    let words = ["reset", "--yes", "--profile", "production"];
    let refused = home.run(&words).await.expect(Exit::Refused);
    assert!(
        refused.err.contains("the profile is production"),
        "{}",
        refused.err
    );
    let refused = home.run(&["reset"]).await.expect(Exit::Refused);
    assert!(
        refused.err.contains("no terminal to ask on"),
        "{}",
        refused.err
    );
    assert!(
        refused.err.contains("next: tiny reset --yes"),
        "{}",
        refused.err
    );

    let done = home
        .run(&["reset", "--yes", "--json"])
        .await
        .expect(Exit::Ok)
        .json();
    assert_eq!(
        done["dropped"],
        serde_json::json!(["notes", "_mainstay_migrations"])
    );
    assert_eq!(done["seed"]["done"]["inserted"]["notes"], 1);

    // A server elsewhere, with the profile that is only the default: not even asked.
    let env = [("DATABASE_URL", "postgres://me:hunter2@db.example.com/x")];
    let refused = home
        .run_in(&["reset", "--yes"], &env)
        .await
        .expect(Exit::Refused);
    assert!(
        refused.err.contains("not on this machine"),
        "{}",
        refused.err
    );
    assert!(!refused.err.contains("hunter2"), "{}", refused.err);
}

#[tokio::test]
async fn serve_sets_up_and_says_what_it_did() {
    let home = Home::new();
    for written in ["1 row written (notes 1)", "0 rows written"] {
        let served = home.run(&[]).await.expect(Exit::Ok).out;
        assert!(served.contains("profile     development"), "{served}");
        assert!(served.contains(&home.url()), "{served}");
        assert!(served.contains(written), "{served}");
        assert!(
            served.contains("serving     http://127.0.0.1:1234/?rows=1"),
            "{served}"
        );
    }
}

#[tokio::test]
async fn serve_in_production_changes_nothing_and_says_what_to_run() {
    let home = Home::new();
    let env = [
        ("DATABASE_URL", &*home.url()),
        ("MAINSTAY_ENV", "production"),
    ];
    let missing = home
        .run_in(&["serve"], &env)
        .await
        .expect(Exit::Unreachable);
    assert!(
        missing
            .err
            .contains("next: create it and its tables: tiny setup"),
        "{}",
        missing.err
    );
    assert!(!home.file().exists());

    // The file is there, its tables are not.
    home.run(&["setup"]).await.expect(Exit::Ok);
    let empty = home
        .run(&["migrate", "status", "--json"])
        .await
        .expect(Exit::Ok)
        .json();
    assert_eq!(empty["migrations"][0]["state"], "applied");
    home.run_in(&["serve"], &env).await.expect(Exit::Ok);
}

#[tokio::test]
async fn serve_refuses_to_start_on_pending_migrations_in_production() {
    let home = Home::new();
    std::fs::write(home.file(), "").expect("an empty file is an empty database");
    let env = [
        ("DATABASE_URL", &*home.url()),
        ("MAINSTAY_ENV", "production"),
    ];
    let refused = home.run_in(&["serve"], &env).await.expect(Exit::Refused);
    assert!(
        refused.err.contains("1 of 1 migrations are not applied"),
        "{}",
        refused.err
    );
    assert!(
        refused.err.contains("next: tiny migrate up"),
        "{}",
        refused.err
    );
    let up = home
        .run_in(&["migrate", "up"], &env)
        .await
        .expect(Exit::Ok)
        .out;
    assert!(up.contains("1 applied, 0 before"), "{up}");
    let served = home.run_in(&["serve"], &env).await.expect(Exit::Ok);
    assert!(served.out.contains("rows=0"), "{}", served.out);
    assert!(served.err.contains("warning: url"), "{}", served.err);
}

#[tokio::test]
async fn the_configuration_is_shown_without_secrets() {
    let home = Home::new();
    let env = [
        ("DATABASE_URL", "postgres://me:hunter2@localhost/x"),
        ("MAINSTAY_TINY_TOKEN", "hunter2"),
    ];
    for words in [&["config", "show"][..], &["config", "show", "--json"]] {
        let shown = home.run_in(words, &env).await.expect(Exit::Ok);
        assert!(!shown.out.contains("hunter2"), "{}", shown.out);
        assert!(
            shown
                .out
                .contains("postgres://me:[redacted]@localhost:5432/x"),
            "{}",
            shown.out
        );
        assert!(
            shown.out.contains("environment variable DATABASE_URL"),
            "{}",
            shown.out
        );
        assert!(shown.out.contains("tiny.token"), "{}", shown.out);
    }
}

#[tokio::test]
async fn config_check_ends_with_what_it_found() {
    let home = Home::new();
    let fine = home.run(&["config", "check"]).await.expect(Exit::Ok);
    assert_eq!(fine.out, "nothing to complain about\n");
    let words = [
        "config",
        "check",
        "--json",
        "--set",
        "pool.min=9",
        "--set",
        "pool.max=3",
    ];
    let wrong = home.run(&words).await.expect(Exit::Usage).json();
    assert_eq!(wrong[0]["severity"], "error");
    assert_eq!(wrong[0]["key"], "pool.min");
    let warned = home
        .run(&["config", "check", "--set", "tls=require"])
        .await
        .expect(Exit::Ok);
    assert!(warned.out.contains("warning: tls"), "{}", warned.out);
    let served = home
        .run(&["--set", "pool.min=9", "--set", "pool.max=3"])
        .await
        .expect(Exit::Usage);
    assert!(served.err.contains("tiny config check"), "{}", served.err);
    assert!(!home.file().exists(), "nothing was created");
}

#[tokio::test]
async fn mistakes_are_explained() {
    let home = Home::new();
    let wrong = home
        .run(&["status", "--set", "pool.mx=3"])
        .await
        .expect(Exit::Usage);
    assert!(
        wrong.err.contains("did you mean pool.max?"),
        "{}",
        wrong.err
    );
    let wrong = home.run(&["fly"]).await.expect(Exit::Usage);
    assert!(wrong.err.contains("fly"), "{}", wrong.err);
    let wrong = home
        .run_in(&["serve", "--profile", "production"], &[])
        .await
        .expect(Exit::Usage);
    assert!(wrong.err.contains("DATABASE_URL"), "{}", wrong.err);
    let env = [("DATABASE_URL", "postgres://me:hunter2@127.0.0.1:9/x")];
    let down = home
        .run_in(&["status"], &env)
        .await
        .expect(Exit::Unreachable);
    assert!(
        down.err.starts_with("error [SERVER_UNREACHABLE]"),
        "{}",
        down.err
    );
    assert!(!down.err.contains("hunter2"), "{}", down.err);
    let help = home.run(&["migrate", "--help"]).await.expect(Exit::Ok);
    assert!(help.out.contains("status"), "{}", help.out);
}

#[tokio::test]
async fn the_schema_is_shown_for_any_dialect_without_a_database() {
    let home = Home::new();
    for (dialect, quoted) in [("sqlite", "\"notes\""), ("mysql", "`notes`")] {
        let words = ["schema", "show", "--dialect", dialect];
        let shown = home
            .run_in(&words, &[("MAINSTAY_ENV", "production")])
            .await
            .expect(Exit::Ok);
        assert!(
            shown.out.contains(&format!("CREATE TABLE {quoted}")),
            "{}",
            shown.out
        );
    }
    let shown = home.run(&["schema", "show"]).await.expect(Exit::Ok);
    assert!(shown.out.contains("STRICT"), "{}", shown.out);
    assert!(!home.file().exists());
}
