//! Throw-away databases go, whatever happens.

use std::time::Duration;

use mainstay::ErrorKind;
use mainstay_migrate::catalog;
use mainstay_migrate::drift::check;
use mainstay_migrate::scratch::Place;

use super::stage::{at, config, first_release, left, migrations, place};
use crate::support::{close, run, speaks, targets};

const NONE: Vec<String> = Vec::new();

#[tokio::test]
async fn one_is_empty_stands_beside_and_is_dropped() {
    for target in targets() {
        let db = target.open().await;
        run(&db, "CREATE TABLE here (id BIGINT PRIMARY KEY)").await;
        let place = place(&target.url, "2001-02-01");
        let scratch = place.make(Some(&db)).await.expect("made");
        let inside = scratch.database().expect("open");
        let found = catalog::read(inside).await.expect("read");
        assert!(found.tables.is_empty());
        run(inside, "CREATE TABLE there (id BIGINT PRIMARY KEY)").await;
        // By its name and age it would be known if the program were killed now.
        let there = left(&target.url, &db, "2001-02-01").await;
        assert_eq!(there.len(), 1, "{there:?}");
        assert!(scratch.name().starts_with(&there[0]), "{}", scratch.name());
        // The same place a minute later sees nothing left over yet.
        assert_eq!(place.left_overs(&db).await.expect("listed"), []);
        scratch.remove().await.expect("removed");
        assert_eq!(left(&target.url, &db, "2001-02-01").await, NONE);
        let found = catalog::read(&db).await.expect("read");
        assert_eq!(found.tables.len(), 1);
        close(db).await;
    }
}

#[tokio::test]
async fn one_goes_when_the_work_on_it_fails() {
    for target in targets() {
        let db = target.open().await;
        let broken = [(
            "20260102000000_broken/up.sql",
            "CREATE VIEW v AS SELECT x FROM nothing",
        )];
        // SQLite takes a view of nothing.
        let broken = match speaks(&db, "sqlite") {
            true => [(
                "20260102000000_broken/up.sql",
                "INSERT INTO nothing VALUES (1)",
            )],
            false => broken,
        };
        let set = migrations(db.dialect(), &broken);
        let place = place(&target.url, "2001-02-02");
        let error = check(&db, &first_release(), &set, &place)
            .await
            .expect_err("they do not run");
        assert!(
            error.detail().contains("do not run on an empty database"),
            "{error}"
        );
        assert!(error.detail().contains("20260102000000_broken"), "{error}");
        assert_eq!(left(&target.url, &db, "2001-02-02").await, NONE);
        close(db).await;
    }
}

#[tokio::test]
async fn one_goes_when_the_work_on_it_is_dropped() {
    for target in targets() {
        let db = target.open().await;
        let place = place(&target.url, "2001-02-03");
        for _ in 0..2 {
            let work = async {
                let scratch = place.make(None).await.expect("made");
                run(scratch.database().expect("open"), "CREATE TABLE t (id INT)").await;
                std::future::pending::<()>().await;
            };
            let limit = Duration::from_secs(2);
            tokio::time::timeout(limit, work)
                .await
                .expect_err("it waits for ever");
            assert!(place.settle(Duration::from_secs(20)).await);
            assert_eq!(left(&target.url, &db, "2001-02-03").await, NONE);
        }
        close(db).await;
    }
}

#[tokio::test]
async fn what_tables_are_made_by_is_the_same() {
    for target in targets() {
        let db = target.open().await;
        let (setting, asked) = match db.dialect().slug() {
            "mysql" => (
                "ALTER DATABASE CHARACTER SET latin1 COLLATE latin1_bin",
                "SELECT @@collation_database",
            ),
            "postgres" => (
                "DO $$ BEGIN CREATE SCHEMA own; EXECUTE format('ALTER DATABASE %I SET search_path \
                 = own', current_database()); END $$",
                "SELECT current_schema()::text",
            ),
            _ => {
                close(db).await;
                continue;
            }
        };
        run(&db, setting).await;
        close(db).await;
        let db = target.open().await;
        let scratch = place(&target.url, "2001-02-04").make(Some(&db)).await;
        let scratch = scratch.expect("made");
        let inside = scratch.database().expect("open");
        let there: String = inside.sql(asked).scalar().await.expect("it says");
        assert!(there == "latin1_bin" || there == "own", "{there}");
        scratch.remove().await.expect("removed");
        close(db).await;
    }
}

#[tokio::test]
async fn one_that_was_given_is_empty_before_and_after() {
    let given = targets();
    for (target, given) in targets().iter().zip(&given) {
        let db = target.open().await;
        let set = migrations(db.dialect(), &[]);
        mainstay_migrate::migrate(&db, &set)
            .await
            .expect("migrates");
        // A server's database has to be there; a file is made.
        let inside = given.open().await;
        let place = Place::given(&config(&given.url));
        let report = check(&db, &first_release(), &set, &place)
            .await
            .expect("checks");
        assert!(report.in_sync, "{report:#?}");
        let found = catalog::read(&inside).await.expect("read");
        assert!(found.tables.is_empty(), "{found:?}");
        for own in [
            "_mainstay_migrations",
            "_mainstay_journal",
            "_mainstay_scratch",
        ] {
            let error = inside
                .sql(format!("SELECT * FROM {own}"))
                .fetch_rows()
                .await;
            let error = error.expect_err("it is gone");
            assert_eq!(error.kind(), ErrorKind::TableMissing, "{own}");
        }

        // In use by another run; left over by one that was killed.
        let at_once = Place::given(&config(&given.url));
        let first = at_once.make(None).await.expect("made");
        run(first.database().expect("open"), "CREATE TABLE t (id INT)").await;
        let second = Place::given(&config(&given.url));
        let error = second.make(None).await.expect_err("in use");
        assert!(error.detail().contains("another run"), "{error}");
        let much_later = Place::given(&config(&given.url)).clock(std::sync::Arc::new(
            mainstay::ManualClock::new(at("2999-01-01")),
        ));
        let again = much_later.make(None).await.expect("taken over");
        let found = catalog::read(again.database().expect("open"))
            .await
            .expect("read");
        assert!(found.tables.is_empty());
        again.remove().await.expect("removed");
        first.remove().await.expect("removed");

        // Somebody's.
        run(&inside, "CREATE TABLE mine (id INT)").await;
        let error = place.make(None).await.expect_err("not empty");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.detail().contains("not empty, it has mine"), "{error}");
        assert_eq!(catalog::read(&inside).await.expect("read").tables.len(), 1);
        close(inside).await;
        close(db).await;
    }
}

#[tokio::test]
async fn a_server_that_is_away_says_so() {
    let url = "postgres://nobody:x@127.0.0.1:1/none";
    let error = place(url, "2001-02-05").make(None).await;
    assert_eq!(
        error.expect_err("nobody is there").kind(),
        ErrorKind::Unreachable
    );
}

#[tokio::test]
async fn what_one_that_was_given_is_prepared_with_stays() {
    for target in targets() {
        let db = target.open().await;
        let available = match speaks(&db, "postgres") {
            true => {
                let asked = "SELECT count(*) FROM pg_available_extensions WHERE name = 'citext'";
                db.sql(asked).scalar::<i64>().await.expect("it says") > 0
            }
            false => false,
        };
        if available {
            run(&db, "CREATE EXTENSION citext").await;
            let place = Place::given(&config(&target.url));
            for _ in 0..2 {
                let scratch = place.make(None).await.expect("made");
                let inside = scratch.database().expect("open");
                run(inside, "CREATE TABLE t (name citext PRIMARY KEY)").await;
                scratch.remove().await.expect("removed");
            }
            let found = catalog::read(&db).await.expect("read");
            assert_eq!((found.tables.len(), found.others.len()), (0, 1));
        }
        close(db).await;
    }
}
