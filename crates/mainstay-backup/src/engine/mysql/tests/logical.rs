//! Dumped, restored and put in its place.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::{Clock, Database, SystemClock};
use mainstay_testkit::servers::{Options, Server, ServerKind, require};

use super::*;

/// What a database has beside its tables, as text.
fn objects(ground: &Ground, database: &str) -> Vec<String> {
    let sql = format!(
        "SELECT CONCAT('trigger ', TRIGGER_NAME, ' ', EVENT_OBJECT_TABLE) \
         FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '{database}' UNION ALL \
         SELECT CONCAT('view ', TABLE_NAME) FROM information_schema.VIEWS \
         WHERE TABLE_SCHEMA = '{database}' UNION ALL \
         SELECT CONCAT(ROUTINE_TYPE, ' ', ROUTINE_NAME) FROM information_schema.ROUTINES \
         WHERE ROUTINE_SCHEMA = '{database}' UNION ALL \
         SELECT CONCAT('event ', EVENT_NAME, ' ', STATUS) FROM information_schema.EVENTS \
         WHERE EVENT_SCHEMA = '{database}' "
    );
    let mut found = lines(&ground.sql_on("information_schema", &sql));
    found.sort();
    found
}

const OBJECTS: &[&str] = &[
    "FUNCTION increased",
    "PROCEDURE filled",
    "event tidy ENABLED",
    "trigger counted steps",
    "view alike",
    "view names",
];

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back() {
    let Some(ground) = Ground::filled() else {
        return;
    };
    let engine = ground.engine();
    assert!(engine.size().await.expect("a size") > Some(0));
    let (captured, dump) = capture(&engine).await.expect("captured");
    let rows: Vec<_> = captured
        .tables
        .iter()
        .map(|t| (t.name.as_str(), t.rows))
        .collect();
    assert_eq!(rows, ROWS);
    assert!(captured.engine_version.contains("MariaDB"), "{captured:?}");
    assert_eq!(captured.tools[0].name, "mariadb-dump");
    // Nothing of the moment is in it: the same state gives the same bytes.
    let (_, again) = capture(&engine).await.expect("captured");
    assert!(dump == again);

    let place = restored(&engine, &captured, dump).await;
    // Nothing happens by itself in a place that is not used yet.
    let asleep = "event tidy SLAVESIDE_DISABLED".to_owned();
    assert!(objects(&ground, &place.name).contains(&asleep));
    ground.sql("INSERT INTO steps VALUES (77, NULL); CREATE TABLE later (id INT)");
    let (before, _) = capture(&engine).await.expect("captured");
    let swapped = engine.swap(place).await.expect("swapped");

    let kept = swapped.kept.expect("the old one is kept");
    assert!(kept.starts_with(&format!("{}_before_restore_", ground.name)));
    assert_eq!(ground.beside(), std::slice::from_ref(&kept));
    let (now, _) = capture(&engine).await.expect("captured");
    assert_eq!(now.tables, captured.tables);
    assert_eq!(objects(&ground, &ground.name), OBJECTS);
    let mut old_objects = OBJECTS.to_vec();
    old_objects[2] = "event tidy DISABLED";
    assert_eq!(objects(&ground, &kept), old_objects);
    let mut config = ground.config();
    config.url = config.url.with_database(&kept);
    let (old, _) = capture(&super::engine(&config)).await.expect("captured");
    assert_eq!(old.tables, before.tables);

    // It lives: keys refer within it, and what was made again works on its own tables.
    assert_eq!(ground.sql("SELECT COUNT(*) FROM alike"), "3\n");
    assert_eq!(ground.sql("SELECT increased(1)"), "2\n");
    assert_eq!(
        ground.sql("CALL filled(); SELECT NEXT VALUE FOR numbers >= 10"),
        "1\n"
    );
    ground.sql("DELETE FROM goals WHERE id = 1");
    assert_eq!(ground.sql("SELECT COUNT(*) FROM steps"), "1\n");
    assert_eq!(ground.sql_on(&kept, "SELECT COUNT(*) FROM steps"), "3\n");
    assert_eq!(engine.recover().await.expect("nothing to do"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_comes_back_and_nothing_is_kept() {
    let Some(ground) = Ground::filled() else {
        return;
    };
    ground.sql(&format!(
        "ALTER DATABASE `{}` CHARACTER SET latin1 COLLATE latin1_german1_ci",
        ground.name
    ));
    let engine = ground.engine();
    let (captured, dump) = capture(&engine).await.expect("captured");
    ground.sql_on(
        "information_schema",
        &format!("DROP DATABASE `{}`", ground.name),
    );
    let error = capture(&engine).await.expect_err("there is none");
    assert_eq!(error.kind(), mainstay::ErrorKind::DatabaseMissing);
    let place = restored(&engine, &captured, dump).await;
    let swapped = engine.swap(place).await.expect("swapped");
    assert_eq!(swapped.kept, None);
    assert_eq!(ground.beside(), [] as [String; 0]);
    assert_eq!(objects(&ground, &ground.name), OBJECTS);
    assert_eq!(
        ground.sql("SELECT @@collation_database"),
        "latin1_german1_ci\n"
    );
    let (now, _) = capture(&engine).await.expect("captured");
    assert_eq!(now.tables, captured.tables);
}

/// When each row was begun and when it was acknowledged.
type Written = Arc<Mutex<BTreeMap<i64, (DateTime<Utc>, Option<DateTime<Utc>>)>>>;

async fn write(db: Database, next: Arc<AtomicI64>, written: Written, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let id = next.fetch_add(1, Ordering::Relaxed);
        let begun = (SystemClock.now(), None);
        written.lock().expect("no panics").insert(id, begun);
        let done = db
            .sql("INSERT INTO notes VALUES (?, REPEAT('x', 200))")
            .bind(id)
            .execute()
            .await;
        done.expect("a write");
        let now = SystemClock.now();
        written
            .lock()
            .expect("no panics")
            .entry(id)
            .and_modify(|row| row.1 = Some(now));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_a_backup_has_the_state_of_its_moment() {
    let Some(ground) = Ground::new() else {
        return;
    };
    ground.sql("CREATE TABLE notes (id BIGINT PRIMARY KEY, text VARCHAR(200))");
    ground.sql(
        "CREATE TABLE filler (id INT PRIMARY KEY, text TEXT); \
         INSERT INTO filler SELECT seq, REPEAT('abc ', 200) FROM seq_1_to_20000",
    );
    let engine = ground.engine();
    let db = Database::open(&ground.config()).await.expect("opens");
    let (written, stop) = (Written::default(), Arc::new(AtomicBool::new(false)));
    let next = Arc::new(AtomicI64::new(1));
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (next, written) = (Arc::clone(&next), Arc::clone(&written));
            tokio::spawn(write(db.clone(), next, written, Arc::clone(&stop)))
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    // What is written from the first bytes on is not in it.
    let (inner, pieces) = (engine.clone(), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&pieces);
    let (captured, dump) = blocking(move || {
        let mut out = Watched {
            inner: Vec::new(),
            act: || seen.lock().expect("no panics").push(SystemClock.now()),
        };
        let captured = inner.capture(Kind::Logical, &mut out, &Control::new());
        (captured.expect("captured"), out.inner)
    })
    .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("a writer");
    }
    db.close(Duration::from_secs(5)).await.expect("closes");
    ground.sql_on(
        "information_schema",
        &format!("DROP DATABASE `{}`", ground.name),
    );

    let place = restored(&engine, &captured, dump).await;
    engine.swap(place).await.expect("swapped");
    let ids: Vec<i64> = lines(&ground.sql("SELECT id FROM notes ORDER BY id"))
        .iter()
        .map(|line| line.parse().expect("a number"))
        .collect();
    // The first is written before the program has begun.
    let first = pieces.lock().expect("no panics")[1];
    let written = written.lock().expect("no panics");
    let (mut before, mut after) = (0, 0);
    for (id, (begun, acknowledged)) in written.iter() {
        let is_there = ids.binary_search(id).is_ok();
        if acknowledged.is_some_and(|at| at <= captured.taken_at) {
            before += 1;
            assert!(
                is_there,
                "{id} was acknowledged before {}",
                captured.taken_at
            );
        }
        if *begun > first {
            after += 1;
            assert!(!is_there, "{id} was begun after the state was taken");
        }
    }
    assert!(before > 50 && after > 50, "{before} before, {after} after");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_place_in_the_log_and_the_schema_version_are_those_of_the_dump() {
    if require(ServerKind::MariaDb).is_none() {
        return;
    }
    let settings = ["log-bin=bin", "binlog-format=ROW", "server-id=7"];
    let options = Options {
        settings: settings.map(str::to_owned).to_vec(),
        ..Options::default()
    };
    let server = blocking(move || Server::start(ServerKind::MariaDb, options)).await;
    let server = server.expect("a server");
    let ground = Ground::on(server.url());
    ground.sql(
        "CREATE TABLE _mainstay_migrations (version VARCHAR(14) NOT NULL PRIMARY KEY, \
         name TEXT, checksum TEXT, state TEXT); \
         INSERT INTO _mainstay_migrations VALUES ('20260101000000', 'a', 'b', 'applied'), \
         ('20260102000000', 'it''s', 'b', 'applied'), ('20260103000000', 'a', 'b', 'started')",
    );
    let (captured, _) = capture(&ground.engine()).await.expect("captured");
    let status = ground.sql("SHOW MASTER STATUS");
    let fields: Vec<&str> = status.split_whitespace().collect();
    let position = captured.position.expect("a place in the log");
    assert_eq!(position["file"], fields[0]);
    assert_eq!(position["position"].to_string(), fields[1]);
    let gtid = position["gtid"].as_str().expect("a transaction");
    assert!(gtid.starts_with("0-7-"), "{gtid}");
    let schema = captured.schema.expect("migrations");
    assert_eq!(
        (schema.version.as_str(), schema.applied),
        ("20260102000000", 2)
    );
}
