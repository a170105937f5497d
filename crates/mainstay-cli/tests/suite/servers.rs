//! The commands on real servers, where there are any: databases are made, reset and told about.

use crate::tiny::Home;
use mainstay_cli::Exit;
use mainstay_testkit::servers::{ServerKind, TestDatabase, require, run_sql};

#[tokio::test]
async fn setup_makes_the_database_and_reset_starts_anew() {
    for kind in [ServerKind::Postgres, ServerKind::MariaDb] {
        let Some(server) = require(kind) else {
            continue;
        };
        // A name nobody else has; the commands make the database themselves.
        let database = TestDatabase::create(&server).expect("a database");
        run_sql(&server, &format!("DROP DATABASE {}", database.name())).expect("dropped");
        let env = [("DATABASE_URL", database.url().as_str())];
        let home = Home::new();

        let missing = home.run_in(&["migrate", "status"], &env).await;
        let missing = missing.expect(Exit::Unreachable);
        assert!(missing.err.contains("next: create it"), "{}", missing.err);

        let first = home
            .run_in(&["setup", "--json"], &env)
            .await
            .expect(Exit::Ok);
        assert_eq!(first.json()["created"], true, "{kind}");
        assert_eq!(first.json()["seed"]["done"]["inserted"]["notes"], 1);
        let again = home
            .run_in(&["setup", "--json"], &env)
            .await
            .expect(Exit::Ok);
        assert_eq!(again.json()["created"], false, "{kind}");
        assert_eq!(again.json()["seed"]["done"]["existing"], 1);

        let reset = home
            .run_in(&["reset", "--yes"], &env)
            .await
            .expect(Exit::Ok);
        assert!(
            reset
                .out
                .contains("dropped     notes, _mainstay_migrations"),
            "{}",
            reset.out
        );
        let status = home
            .run_in(&["status", "--json"], &env)
            .await
            .expect(Exit::Ok)
            .json();
        assert_eq!(status["rows"]["notes"], 1);
        assert_eq!(status["migrations"]["current"], true);
        let password = database.url().password();
        assert!(!status["url"].to_string().contains(password), "{status}");

        // A database that is missing is setup's to make, and so no mistake.
        let words = ["config", "check", "--url"];
        let none = database.url().with_database("nobody_has_this");
        let words = [&words[..], &[none.as_str()]].concat();
        let check = home.run_in(&words, &env).await.expect(Exit::Ok);
        assert!(check.out.starts_with("warning: url"), "{}", check.out);

        let words = ["config", "check", "--set", "pool.max=9000"];
        let check = home.run_in(&words, &env).await.expect(Exit::Ok);
        assert!(check.out.contains("but the server takes"), "{}", check.out);
        let served = home.run_in(&[], &env).await.expect(Exit::Ok);
        assert!(served.out.contains("serving     http"), "{}", served.out);
    }
}

#[tokio::test]
async fn config_check_ends_with_2_where_the_server_refuses() {
    for kind in [ServerKind::Postgres, ServerKind::MariaDb] {
        let Some(server) = require(kind) else {
            continue;
        };
        let database = TestDatabase::create(&server).expect("a database");
        let right = database.url().as_str();
        let wrong = right.replace(database.url().password(), "not-the-password");
        let home = Home::new();
        let cases = [
            (&*wrong, "tls=disable", "error: url: "),
            // The authority of the test servers is not a public one.
            (right, "tls=require", "error: tls: "),
        ];
        for (url, tls, said) in cases {
            let env = [("DATABASE_URL", url)];
            let words = ["config", "check", "--set", tls];
            let check = home.run_in(&words, &env).await.expect(Exit::Usage);
            assert!(check.out.contains(said), "{kind}: {}", check.out);
            assert!(!check.out.contains("not-the-password"), "{}", check.out);
            let served = home.run_in(&["serve", "--set", tls], &env).await;
            served.expect(Exit::Unreachable);
        }
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_verified_is_warned_about_by_every_command() {
    for kind in [ServerKind::Postgres, ServerKind::MariaDb] {
        let Some(server) = require(kind) else {
            continue;
        };
        let database = TestDatabase::create(&server).expect("a database");
        let env = [("DATABASE_URL", database.url().as_str())];
        let home = Home::new();
        let commands: [&[&str]; 5] = [
            &["setup"],
            &["status"],
            &["seed"],
            &["migrate", "up"],
            &["reset", "--yes"],
        ];
        for words in commands {
            let words = [words, &["--set", "tls=require-unverified"]].concat();
            let done = home.run_in(&words, &env).await.expect(Exit::Ok);
            let warned = done.err.matches("warning: tls: require-unverified").count();
            assert_eq!(warned, 1, "{kind} {words:?}: {}", done.err);
        }
    }
}
