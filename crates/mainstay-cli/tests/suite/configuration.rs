//! What is wrong or unwise in a configuration is said in time, and by every command alike.

use crate::tiny::Home;
use mainstay_cli::Exit;

#[tokio::test]
async fn mistakes_in_the_applications_keys_stop_everything_before_it_begins() {
    let home = Home::new();
    let wrong = ["--set", "tiny.token=abc"];
    for command in [&["serve"][..], &["setup"]] {
        let refused = home.run(&[command, &wrong].concat()).await;
        let refused = refused.expect(Exit::Usage);
        let said = "error: tiny.token: is short; make it longer";
        assert!(refused.err.contains(said), "{}", refused.err);
        assert!(refused.err.contains("tiny config check"), "{}", refused.err);
        assert!(!home.file().exists(), "{command:?} created the database");
    }
    let words = ["config", "check", "--json", "--set", "tiny.token=abc"];
    let check = home.run(&words).await.expect(Exit::Usage).json();
    assert_eq!(check[0]["key"], "tiny.token");
    assert_eq!(check[0]["severity"], "error");
}

#[tokio::test]
async fn the_database_is_asked_whatever_the_applications_keys_are() {
    let home = Home::new();
    // Nothing listens there.
    let env = [("DATABASE_URL", "postgres://me@127.0.0.1:9/x")];
    let words = ["config", "check"];
    let check = home.run_in(&words, &env).await.expect(Exit::Ok);
    let asked = "warning: url: the server was not asked";
    assert!(check.out.contains(asked), "{}", check.out);
    let words = ["config", "check", "--set", "tiny.token=abc"];
    let check = home.run_in(&words, &env).await.expect(Exit::Usage);
    assert!(check.out.starts_with("error: tiny.token"), "{}", check.out);
    assert!(check.out.contains(asked), "{}", check.out);
}

#[tokio::test]
async fn an_authority_that_is_not_there_is_a_mistake_even_without_the_server() {
    let home = Home::new();
    for scheme in ["postgres", "mysql"] {
        let url = format!("{scheme}://me@127.0.0.1:9/x");
        let env = [("DATABASE_URL", &*url)];
        let tls = ["--set", "tls=require", "--set", "tls_ca_file=/no/such.pem"];
        let words = [&["config", "check"][..], &tls].concat();
        let check = home.run_in(&words, &env).await.expect(Exit::Usage);
        assert!(check.out.contains("error: "), "{}", check.out);
        assert!(check.out.contains("/no/such.pem"), "{}", check.out);
        let served = home.run_in(&[&["serve"][..], &tls].concat(), &env).await;
        served.expect(Exit::Usage);
    }
}

#[tokio::test]
async fn every_command_that_connects_says_once_what_is_unwise() {
    let home = Home::new();
    let commands: [&[&str]; 7] = [
        &["setup"],
        &["serve"],
        &["status"],
        &["seed"],
        &["migrate", "up"],
        &["migrate", "status"],
        &["reset", "--yes"],
    ];
    for words in commands {
        let words = [words, &["--set", "tiny.token=abcde"]].concat();
        let done = home.run(&words).await.expect(Exit::Ok);
        let warned = done.err.matches("warning: tiny.token: is short").count();
        assert_eq!(warned, 1, "{words:?}: {}", done.err);
        assert!(!done.out.contains("warning"), "{}", done.out);
    }
    // What does not connect has nothing to warn about.
    let words = ["schema", "show", "--set", "tiny.token=abcde"];
    assert_eq!(home.run(&words).await.expect(Exit::Ok).err, "");
}

#[tokio::test]
async fn setup_is_proposed_only_where_it_helps() {
    let home = Home::new();
    for command in ["status", "seed"] {
        let missing = home.run(&[command]).await.expect(Exit::Unreachable);
        assert!(missing.err.contains("tiny setup"), "{}", missing.err);
        let url = format!(
            "sqlite:{}",
            home.file().with_file_name("no").join("x.db").display()
        );
        let nowhere = home.run(&[command, "--url", &url]).await;
        let nowhere = nowhere.expect(Exit::Unreachable);
        let next = "next: create the folder, or correct the path";
        assert!(nowhere.err.contains(next), "{}", nowhere.err);
        assert!(!nowhere.err.contains("setup"), "{}", nowhere.err);
        let check = home.run(&["config", "check", "--url", &url]).await;
        let check = check.expect(Exit::Ok).out;
        assert!(
            check.contains("warning: url: there is no folder"),
            "{check}"
        );
    }
}

#[tokio::test]
async fn migrations_that_do_not_fit_end_every_command_with_1() {
    let home = Home::new();
    home.run(&["setup"]).await.expect(Exit::Ok);
    let cases = [
        (
            "UPDATE _mainstay_migrations SET checksum = 'v1:other'",
            "changed",
        ),
        (
            "UPDATE _mainstay_migrations SET checksum = 'v9:later'",
            "unverified",
        ),
        (
            "UPDATE _mainstay_migrations SET version = '20250101000000'",
            "unknown",
        ),
    ];
    for (change, state) in cases {
        home.sql(change).await;
        let status = home.run(&["status"]).await.expect(Exit::Failed).out;
        assert!(status.contains("1 applied, "), "{state}: {status}");
        assert!(status.contains("problem: "), "{state}: {status}");
        let status = home.run(&["status", "--json"]).await.expect(Exit::Failed);
        let status = status.json();
        assert_eq!(status["migrations"]["applied"], 1, "{state}");
        assert_eq!(status["migrations"]["current"], false, "{state}");
        assert_eq!(status["rows"]["notes"], 1, "{state}");
        let words = ["migrate", "status", "--json"];
        let shown = home.run(&words).await.expect(Exit::Failed).json();
        assert_eq!(shown["migrations"][0]["state"], state);
        for words in [&["migrate", "up"][..], &["serve"], &["setup"]] {
            home.run(words).await.expect(Exit::Failed);
        }
    }
}
