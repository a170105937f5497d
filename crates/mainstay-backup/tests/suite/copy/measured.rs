//! Many rows from each engine to each, measured where that is asked for by the number of rows in
//! `MAINSTAY_COPY_ROWS`; otherwise a few, so that it works when it is.

use mainstay_backup::copy::{Options, copy};

use super::support::Place;

const SQLITE: &str = "CREATE TABLE rows_of_it (id INTEGER PRIMARY KEY, name TEXT NOT NULL, \
                      n INTEGER NOT NULL, at TEXT NOT NULL, key TEXT NOT NULL) STRICT";
const POSTGRES: &str = "CREATE TABLE rows_of_it (id bigint PRIMARY KEY, name text NOT NULL, \
                        n bigint NOT NULL, at timestamptz(6) NOT NULL, key uuid NOT NULL)";
const MARIADB: &str = "CREATE TABLE rows_of_it (id bigint PRIMARY KEY, name varchar(100) NOT NULL, \
                       n bigint NOT NULL, at datetime(6) NOT NULL, `key` binary(16) NOT NULL)";

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let digits = line.map(|line| {
        line.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    });
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

async fn empty(like: &Place) -> Place {
    let (place, sql) = match like.config.url.engine().as_str() {
        "sqlite" => (Place::sqlite(), SQLITE),
        "postgres" => (
            Place::on(mainstay_testkit::servers::ServerKind::Postgres).expect("it was there"),
            POSTGRES,
        ),
        _ => (
            Place::on(mainstay_testkit::servers::ServerKind::MariaDb).expect("it was there"),
            MARIADB,
        ),
    };
    place.run(&[sql]).await;
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_a_second_from_each_engine_to_each() {
    let rows = std::env::var("MAINSTAY_COPY_ROWS").ok();
    let rows: u64 = rows.and_then(|rows| rows.parse().ok()).unwrap_or(1000);
    let kinds = Place::all();
    let first = empty(&kinds[0]).await;
    first
        .run(&[&format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
             INSERT INTO rows_of_it SELECT i, 'the name of row ' || i, i * 7919, \
             '2026-01-02T03:04:05.678901Z', printf('00000000-0000-7000-8000-%012x', i) FROM n"
        )])
        .await;
    for from in &kinds {
        let filled = empty(from).await;
        copy(&first.config, &filled.config, &Options::default())
            .await
            .expect("copied");
        for to in &kinds {
            let to = empty(to).await;
            let report = copy(&filled.config, &to.config, &Options::default())
                .await
                .expect("copied");
            assert_eq!(report.rows, rows);
            println!(
                "{} -> {}: {} rows/s, compared in {:.1?}, peak {} MB",
                filled.config.url.engine().as_str(),
                to.config.url.engine().as_str(),
                report.rate(),
                report.compared,
                peak() / 1024
            );
        }
    }
}
