//! What is refused before a row is written, and which row a target refuses.

use mainstay::{ErrorKind, Value};
use mainstay_backup::copy::Options;
use mainstay_testkit::servers::ServerKind;

use super::entities::{add, things};
use super::round_trip::plain;
use super::support::{Place, close, config, copied, options, refused};

async fn some_rows() -> Place {
    let place = Place::sqlite().migrated().await;
    let db = place.open().await;
    add(&db, things(), (1..=3).map(plain).collect()).await;
    close(db).await;
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_with_rows_is_left_as_it_is() {
    let from = some_rows().await;
    for to in Place::all() {
        copied(&from, &to).await;
        let error = refused(&from, &to, &options()).await;
        assert_eq!(error.kind(), ErrorKind::DatabaseExists);
        assert!(
            error.detail().ends_with("Tables with rows: things"),
            "{error}"
        );
        let restart = Options {
            restart: true,
            ..options()
        };
        // The word for an unfinished copy is none for a finished one.
        let error = refused(&from, &to, &restart).await;
        assert_eq!(error.kind(), ErrorKind::DatabaseExists);
        assert_eq!(to.number("SELECT count(*) FROM things").await, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_the_source_or_cannot_be_reached_is_refused() {
    let from = some_rows().await;
    let error = refused(&from, &from, &options()).await;
    assert!(error.detail().contains("same database"), "{error}");
    let missing = Place::sqlite();
    let error = refused(&from, &missing, &Options::default()).await;
    assert_eq!(error.kind(), ErrorKind::DatabaseMissing);
    assert!(error.detail().starts_with("the target: "), "{error}");
    let error = refused(&missing, &from, &options()).await;
    assert_eq!(error.kind(), ErrorKind::DatabaseMissing);
    assert!(error.detail().starts_with("the source: "), "{error}");
    for kind in [ServerKind::Postgres, ServerKind::MariaDb] {
        let Some(mut to) = Place::on(kind) else {
            continue;
        };
        let url = mainstay_testkit::servers::require(kind).expect("it was there");
        let wrong = url.as_str().replace(url.password(), "not-the-password");
        to.config = config(&wrong);
        let error = refused(&from, &to, &options()).await;
        assert_eq!(error.kind(), ErrorKind::CredentialsRefused, "{error:?}");
        assert!(!format!("{error:?}").contains("not-the-password"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_that_differ_are_refused() {
    let bare = Place::sqlite();
    bare.run(&["CREATE TABLE things (id TEXT PRIMARY KEY) STRICT"])
        .await;
    let error = refused(&bare, &Place::sqlite(), &options()).await;
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(
        error.detail().contains("no record of migrations"),
        "{error}"
    );
    let from = some_rows().await;
    let ahead = Place::sqlite().migrated().await;
    ahead
        .run(&["UPDATE _mainstay_migrations SET version = '20270101000000'"])
        .await;
    let error = refused(&from, &ahead, &Options::default()).await;
    assert!(
        error
            .detail()
            .contains("at 20260101000000, and the target at 20270101000000"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_types_that_do_not_go_are_told_before_anything_is_copied() {
    let from = some_rows().await;
    let to = Place::sqlite();
    to.run(&["CREATE TABLE things (id INTEGER PRIMARY KEY, flag TEXT) STRICT"])
        .await;
    let error = refused(&from, &to, &Options::default()).await;
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    for told in [
        "table a_tags is not in the target",
        "table counts is not in the target",
        "things.id: TEXT on SQLite does not go to INTEGER on SQLite",
        "column things.title is not in the target",
    ] {
        assert!(error.detail().contains(told), "{told}: {error}");
    }
    assert_eq!(
        to.number("SELECT count(*) FROM sqlite_master WHERE name LIKE '%copy%'")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_that_a_target_refuses_is_named_and_not_told() {
    for to in Place::all() {
        let from = Place::sqlite().migrated().await;
        let db = from.open().await;
        let mut rows: Vec<Vec<Value>> = (1..=12_345).map(plain).collect();
        rows[11_110][2] = Value::I32(-424_242);
        add(&db, things(), rows).await;
        close(db).await;
        let to = to.migrated().await;
        let check = "ALTER TABLE things ADD CONSTRAINT things_small_positive CHECK (small >= 0)";
        let trigger =
            "CREATE UNIQUE INDEX things_small_once ON things (flag, title, small) WHERE small < 0";
        if to.config.url.path().is_some() {
            // SQLite adds no check: two rows that are equal do as well.
            to.run(&[trigger]).await;
            from.run(
                &["UPDATE things SET small = -424242, title = 'x', flag = 0 \
                        WHERE large IN (11111, 12000)"],
            )
            .await;
        } else {
            to.run(&[check]).await;
        }
        let error = refused(&from, &to, &options()).await;
        let (kind, number) = match to.config.url.path() {
            Some(_) => (ErrorKind::Duplicate, 12_000),
            None => (ErrorKind::Check, 11_111),
        };
        assert_eq!(error.kind(), kind, "{error:?}");
        let told = format!(
            "things: the row with id = 00000000-0000-0000-0000-{number:012x}, row {number} as they \
             were read, is refused"
        );
        assert!(error.detail().starts_with(&told), "{error}");
        assert!(!error.detail().contains("424242"), "{error}");
        assert_eq!(to.number("SELECT count(*) FROM things").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_not_what_its_column_is_names_its_row() {
    let from = some_rows().await;
    from.run(&["UPDATE things SET seen_at = 'yesterday' WHERE large = 2"])
        .await;
    for to in Place::all() {
        let error = refused(&from, &to, &options()).await;
        assert_eq!(error.kind(), ErrorKind::Decode, "{error:?}");
        let told = "things.seen_at: expected an instant, found text, in the row with \
                    id = 00000000-0000-0000-0000-000000000002";
        assert_eq!(error.detail(), told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_not_every_engine_stores_goes_to_none() {
    for (change, told) in [
        ("prose = 'a' || char(0)", "must not contain a NUL character"),
        (
            "seen_at = '0999-12-31T23:59:59.000000Z'",
            "must be in the years 1000 to 9999",
        ),
    ] {
        let from = some_rows().await;
        let change = format!("UPDATE things SET {change} WHERE large = 2");
        from.run(&[&change]).await;
        for to in Place::all() {
            let error = refused(&from, &to, &options()).await;
            let row = "things: the row with id = 00000000-0000-0000-0000-000000000002, row 2 as they \
                       were read, is refused: ";
            assert_eq!(error.detail(), format!("{row}{told}"));
            assert_eq!(to.number("SELECT count(*) FROM things").await, 0);
        }
    }
}
