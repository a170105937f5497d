//! Without entities and migrations: types, circles and keys as the catalogs tell them.

use mainstay::ErrorKind;
use mainstay_backup::copy::{Options, copy};
use mainstay_testkit::servers::ServerKind;

use super::support::{Place, dump, refused};

const SQLITE: [&str; 3] = [
    "CREATE TABLE teams (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL UNIQUE, \
     price INTEGER NOT NULL, open INTEGER NOT NULL, at TEXT NOT NULL, about TEXT, \
     double_price INTEGER GENERATED ALWAYS AS (price * 2) STORED, \
     lead TEXT NOT NULL REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED) STRICT",
    "CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, team INTEGER REFERENCES teams (id), \
     boss TEXT REFERENCES people (id), picture BLOB, weight REAL) STRICT",
    "CREATE TABLE \"odd \"\" name` x\" (\"select\" INTEGER PRIMARY KEY, \"a b\" TEXT) STRICT",
];

const POSTGRES: [&str; 4] = [
    "CREATE TABLE teams (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
     code varchar(20) NOT NULL UNIQUE, price numeric(10,2) NOT NULL, open boolean NOT NULL, \
     at timestamptz(6) NOT NULL, about jsonb, \
     double_price numeric(10,2) GENERATED ALWAYS AS (price * 2) STORED, lead uuid NOT NULL)",
    "CREATE TABLE people (id uuid PRIMARY KEY, team bigint REFERENCES teams (id), \
     boss uuid REFERENCES people (id), picture bytea, weight double precision)",
    "ALTER TABLE teams ADD CONSTRAINT teams_lead_fkey FOREIGN KEY (lead) REFERENCES people (id)",
    "CREATE TABLE \"odd \"\" name` x\" (\"select\" serial PRIMARY KEY, \"a b\" text)",
];

const MARIADB: [&str; 4] = [
    "CREATE TABLE teams (id bigint AUTO_INCREMENT PRIMARY KEY, code varchar(20) NOT NULL UNIQUE, \
     price decimal(10,2) NOT NULL, open tinyint(1) NOT NULL, at datetime(6) NOT NULL, about json, \
     double_price decimal(12,2) GENERATED ALWAYS AS (price * 2) STORED, lead binary(16) NOT NULL)",
    "CREATE TABLE people (id binary(16) PRIMARY KEY, team bigint REFERENCES teams (id), \
     boss binary(16) REFERENCES people (id), picture longblob, weight double)",
    "ALTER TABLE teams ADD CONSTRAINT teams_lead_fkey FOREIGN KEY (lead) REFERENCES people (id)",
    "CREATE TABLE `odd \" name`` x` (`select` int AUTO_INCREMENT PRIMARY KEY, `a b` longtext)",
];

async fn with_tables(place: &Place) {
    let db = place.open().await;
    let slug = db.dialect().slug();
    super::support::close(db).await;
    match slug {
        "sqlite" => place.run(&SQLITE).await,
        "postgres" => place.run(&POSTGRES).await,
        _ => place.run(&MARIADB).await,
    }
}

async fn filled() -> Place {
    let place = Place::sqlite();
    with_tables(&place).await;
    let db = place.open().await;
    db.transaction(|tx: mainstay::Tx| async move {
        tx.script("PRAGMA defer_foreign_keys = ON").await?;
        // Each team refers to a person, each person to a team and to another person.
        tx.script(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2499) \
             INSERT INTO teams (id, code, price, open, at, about, lead) \
             SELECT i, 'team ' || i, i * 101, i % 2, '2026-01-02T03:04:05.000001Z', '{\"n\":' || i || '}', \
             printf('00000000-0000-0000-0000-%012d', 2499 - i) FROM n",
        )
        .await?;
        tx.script(
            "INSERT INTO people SELECT printf('00000000-0000-0000-0000-%012d', id), 2499 - id, \
             printf('00000000-0000-0000-0000-%012d', (id + 1) % 2500), x'00ff', id / 3.0 FROM teams",
        )
        .await?;
        tx.script("INSERT INTO \"odd \"\" name` x\" VALUES (7, 'x')").await
    })
    .await
    .expect("the rows are right");
    super::support::close(db).await;
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn circles_odd_names_and_native_types_go_round() {
    let first = filled().await;
    let mut stops = Place::all();
    stops.remove(0);
    stops.push(Place::sqlite());
    let mut before = &first;
    for stop in &stops {
        with_tables(stop).await;
        let report = copy(&before.config, &stop.config, &Options::default())
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", stop.config.url));
        let mut rows: Vec<_> = report.tables.iter().map(|table| table.rows).collect();
        rows.sort_unstable();
        assert_eq!(rows, [1, 2500, 2500], "{}", stop.config.url);
        // What was put off for the time of the copy holds again, and so do keys made anew.
        let db = stop.open().await;
        let gone = db.sql("DELETE FROM people WHERE team = 3").execute().await;
        assert_eq!(
            gone.expect_err("somebody refers to it").kind(),
            ErrorKind::ForeignKey
        );
        super::support::close(db).await;
        before = stop;
    }
    for table in ["teams", "people", "odd \" name` x"] {
        assert_eq!(dump(&first, table).await, dump(before, table).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_a_sequence_goes_on_and_computed_columns_are_computed() {
    let Some(target) = Place::on(ServerKind::Postgres) else {
        return;
    };
    let first = filled().await;
    with_tables(&target).await;
    let options = Options::default();
    copy(&first.config, &target.config, &options)
        .await
        .expect("copied");
    assert_eq!(
        target
            .number(
                "INSERT INTO \"odd \"\" name` x\" (\"a b\") VALUES ('new') RETURNING \"select\""
            )
            .await,
        8
    );
    assert_eq!(
        target
            .number("SELECT CAST(double_price * 100 AS bigint) FROM teams WHERE id = 7")
            .await,
        1414
    );
    let deferrable = "SELECT count(*) FROM pg_constraint WHERE condeferrable";
    assert_eq!(target.number(deferrable).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_leads_nowhere_is_found_and_nothing_of_its_table_stays() {
    let first = filled().await;
    first
        .run(&["PRAGMA foreign_keys = OFF; UPDATE people SET boss = \
             '00000000-0000-0000-0000-00000000dead' WHERE team = 5; PRAGMA foreign_keys = ON"])
        .await;
    for target in Place::all() {
        with_tables(&target).await;
        let error = refused(&first, &target, &Options::default()).await;
        assert_eq!(error.kind(), ErrorKind::ForeignKey, "{error:?}");
        assert_eq!(error.table(), Some("people"));
        let id = "id = 00000000-0000-0000-0000-000000002494";
        assert!(error.detail().contains(id), "{error}");
        assert!(!error.detail().contains("dead"), "{error}");
        for table in ["people", "teams"] {
            let sql = format!("SELECT count(*) FROM {table}");
            assert_eq!(target.number(&sql).await, 0, "{}", target.config.url);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_are_refused_unless_they_may_run() {
    let from = Place::sqlite();
    let tables = [
        "CREATE TABLE log (id INTEGER PRIMARY KEY, n INTEGER) STRICT",
        "CREATE TABLE t (id INTEGER PRIMARY KEY) STRICT",
    ];
    from.run(&tables).await;
    from.run(&["INSERT INTO t VALUES (1), (2)"]).await;
    let to = Place::sqlite();
    to.run(&tables).await;
    to.run(&[
        "CREATE TRIGGER noted AFTER INSERT ON t BEGIN INSERT INTO log (n) VALUES (new.id); END",
    ])
    .await;
    let error = refused(&from, &to, &Options::default()).await;
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.detail().contains("noted on t"), "{error}");
    let firing = Options {
        fire_triggers: true,
        ..Options::default()
    };
    // It fills a table that is empty in the source, which is found in the end.
    let error = refused(&from, &to, &firing).await;
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:?}");
    assert!(error.detail().contains("table log differs"), "{error}");
    let skipping = Options {
        skip: vec!["log".to_owned()],
        restart: true,
        ..firing
    };
    to.run(&["DELETE FROM log"]).await;
    let report = copy(&from.config, &to.config, &skipping)
        .await
        .expect("copied");
    assert_eq!(report.rows, 2);
    assert_eq!(to.number("SELECT count(*) FROM log").await, 2);
}
