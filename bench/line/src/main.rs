//! Runs a number of operations over a driver without an engine, to be counted from outside:
//!
//! ```text
//! valgrind --tool=callgrind line-cost repository 10000
//! ```
//!
//! `repository` reads by key through the public API; `driver` does the same work on the bare
//! connection. The difference, per operation, is what Mainstay costs.

mod null;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mainstay::database::Timeouts;
use mainstay::driver::{Access, Collect, Connection, Driver, Statement};
use mainstay::pool::PoolOptions;
use mainstay::schema::FromRow;
use mainstay::{Database, Entity, Result, Value};
use uuid::Uuid;

use null::NullDriver;

/// A small row, so that decoding does not hide the rest.
#[derive(Debug, Clone, Entity)]
#[entity(table = "users")]
struct User {
    #[entity(key, auto)]
    id: Uuid,
    #[entity(default = 0)]
    total_xp: i64,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (what, count) = (arguments.next(), arguments.next());
    let count: u32 = count.and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime on this thread");
    let took = match what.as_deref() {
        Some("repository") => runtime.block_on(repository(count)),
        Some("driver") => runtime.block_on(driver(count)),
        _ => {
            eprintln!("usage: line-cost repository|driver [COUNT]");
            std::process::exit(2);
        }
    };
    match took {
        Ok(took) => println!("{:.1} ns per operation", took.as_nanos() as f64 / f64::from(count)),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}

async fn repository(count: u32) -> Result<Duration> {
    let db = Database::builder()
        .open_driver(
            Arc::new(NullDriver::default()),
            PoolOptions::default(),
            Timeouts::default(),
            false,
        )
        .await?;
    let users = db.repository::<User>();
    let started = Instant::now();
    for _ in 0..count {
        let user = users.find_by_id(Uuid::nil()).await?;
        assert_eq!(user.map(|user| user.total_xp), Some(7));
    }
    Ok(started.elapsed())
}

async fn driver(count: u32) -> Result<Duration> {
    let driver = NullDriver::default();
    let mut connection: Box<dyn Connection> = driver.connect(Duration::from_secs(1)).await?;
    let sql: Arc<str> = "SELECT".into();
    let started = Instant::now();
    for _ in 0..count {
        let values = vec![Value::Uuid(Uuid::nil())];
        let statement = Statement::new(Arc::clone(&sql), values, Access::Read);
        let mut sink = Collect::new(User::from_row);
        connection.run(statement, &mut sink).await?;
        assert_eq!(sink.items.pop().map(|user| user.total_xp), Some(7));
    }
    Ok(started.elapsed())
}
