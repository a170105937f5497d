//! Stopped, killed, begun again.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mainstay::{ErrorKind, Value};
use mainstay_backup::control::Control;
use mainstay_backup::copy::{Event, Options, Progress, copy};
use uuid::Uuid;

use super::entities::{add, counts, tags, things};
use super::round_trip::plain;
use super::support::{Place, close, config, copied, options, refused};

const FROM: &str = "MAINSTAY_COPY_TEST_FROM";
const TO: &str = "MAINSTAY_COPY_TEST_TO";

async fn many_rows() -> Place {
    let place = Place::sqlite().migrated().await;
    let db = place.open().await;
    add(&db, things(), (1..=3).map(plain).collect()).await;
    let count = |id: i64| {
        let thing = Value::Uuid(Uuid::from_u128(1));
        vec![Value::I64(id), Value::I64(id), thing]
    };
    add(&db, counts(), (1..=50_000).map(count).collect()).await;
    add(
        &db,
        tags(),
        vec![vec![Value::Text("a".into()), Value::I64(1)]],
    )
    .await;
    close(db).await;
    place
}

/// Does something in the middle of the second table.
struct HalfWay<F>(F);

impl<F: Fn() + Send + Sync> Progress for HalfWay<F> {
    fn on(&self, event: Event<'_>) {
        if let Event::Rows {
            table: "counts",
            rows: 20_000,
            ..
        } = event
        {
            (self.0)();
        }
    }
}

/// The test below also starts this one as a process, to be killed half way.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_for_whoever_asks() {
    let (Ok(from), Ok(to)) = (std::env::var(FROM), std::env::var(TO)) else {
        return;
    };
    let options = Options {
        progress: Some(Arc::new(HalfWay(|| {
            println!("half way");
            std::thread::sleep(Duration::from_secs(120));
        }))),
        ..options()
    };
    let done = copy(&config(&from), &config(&to), &options).await;
    panic!("it was to be killed: {done:?}");
}

fn address(place: &Place) -> String {
    match place.config.url.path() {
        Some(path) => format!("sqlite:{}", path.display()),
        None => {
            let url = &place.config.url;
            let scheme = url.engine().as_str().replace("postgres", "postgresql");
            let password = url.password().map_or("", |secret| secret.expose());
            format!(
                "{scheme}://{}:{password}@{}:{}/{}",
                url.user().unwrap_or(""),
                url.host().unwrap_or(""),
                url.port().unwrap_or(0),
                url.database().unwrap_or("")
            )
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_copy_is_recognised_and_begun_again_only_when_told() {
    let from = many_rows().await;
    for to in Place::all() {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args([
                "--exact",
                "copy::unfinished::a_copy_for_whoever_asks",
                "--nocapture",
            ])
            .env(FROM, address(&from))
            .env(TO, address(&to))
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let mut lines = out.lines().map_while(Result::ok);
        let found = lines.any(|line| line.contains("half way"));
        child.kill().expect("killed");
        child.wait().expect("reaped");
        assert!(found, "{}", to.config.url);

        let error = refused(&from, &to, &options()).await;
        assert_eq!(error.kind(), ErrorKind::DatabaseExists, "{error:?}");
        for told in ["Filled: things (3 rows)", "Not filled: counts, a_tags"] {
            assert!(error.detail().contains(told), "{error}");
        }
        assert!(error.hint().expect("a hint").contains("--restart"));
        let restart = Options {
            restart: true,
            ..options()
        };
        // Rows that it has not written are not its to remove.
        let db = to.open().await;
        add_one(&db).await;
        let error = refused(&from, &to, &restart).await;
        assert!(
            error.detail().contains("has 4 rows, where the unfinished"),
            "{error}"
        );
        let gone = db
            .sql("DELETE FROM things WHERE large = 77")
            .execute()
            .await;
        assert_eq!(gone.expect("deleted").rows, 1);
        close(db).await;
        let report = copy(&from.config, &to.config, &restart)
            .await
            .unwrap_or_else(|error| panic!("{}: {error:?}", to.config.url));
        assert_eq!(report.rows, 50_004);
        assert_eq!(to.number("SELECT count(*) FROM counts").await, 50_000);
        // Nothing is left of it: the next one finds a target with rows.
        let error = refused(&from, &to, &options()).await;
        assert!(error.detail().contains("not empty"), "{error}");
    }
}

async fn add_one(db: &mainstay::Database) {
    let rows = Arc::new(vec![plain(77)]);
    let columns: Vec<usize> = (0..things().columns.len()).collect();
    db.transaction(|tx: mainstay::Tx| {
        let (rows, columns) = (Arc::clone(&rows), columns.clone());
        async move { tx.insert_rows(things(), &columns, rows).await }
    })
    .await
    .expect("one more row");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_copy_leaves_no_half_table_and_no_transaction() {
    let from = many_rows().await;
    for to in Place::all() {
        let control = Control::new();
        let stopping = control.clone();
        let stopped = Options {
            progress: Some(Arc::new(HalfWay(move || stopping.cancel()))),
            control,
            ..options()
        };
        let error = refused(&from, &to, &stopped).await;
        assert!(error.detail().contains("stopped"), "{error:?}");
        assert_eq!(to.number("SELECT count(*) FROM things").await, 3);
        assert_eq!(to.number("SELECT count(*) FROM counts").await, 0);
        let restart = Options {
            restart: true,
            ..options()
        };
        let report = copy(&from.config, &to.config, &restart)
            .await
            .expect("copied");
        assert_eq!(report.rows, 50_004);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_is_written_meanwhile_and_the_copy_is_of_one_moment() {
    for from in Place::all() {
        let origin = many_rows().await;
        let from = if from.config.url.path().is_some() {
            origin
        } else {
            copied(&origin, &from).await;
            from
        };
        let writer = from.open().await;
        let runtime = tokio::runtime::Handle::current();
        let writing = writer.clone();
        let to = Place::sqlite();
        let options = Options {
            progress: Some(Arc::new(HalfWay(move || {
                let db = writing.clone();
                let change = async move {
                    db.sql("UPDATE things SET small = small + 1")
                        .execute()
                        .await?;
                    db.sql("DELETE FROM a_tags").execute().await
                };
                let (done, waiting) = std::sync::mpsc::channel();
                runtime.spawn(async move { done.send(change.await.map(|_| ())) });
                let changed = waiting.recv_timeout(Duration::from_secs(20));
                changed.expect("nobody is in its way").expect("changed");
            }))),
            ..options()
        };
        let report = copy(&from.config, &to.config, &options)
            .await
            .expect("copied");
        assert_eq!(report.rows, 50_004);
        assert_eq!(to.number("SELECT count(*) FROM a_tags").await, 1);
        assert_eq!(from.number("SELECT count(*) FROM a_tags").await, 0);
        assert_eq!(to.number("SELECT max(small) FROM things").await, 3);
        close(writer).await;
    }
}
