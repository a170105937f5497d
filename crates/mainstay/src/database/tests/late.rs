//! A handle whose server was not there when it was opened, under paused time.

use std::sync::atomic::{AtomicBool, Ordering};

use super::fake::{Answer, Fake, Script};
use super::outage::call;
use super::*;
use crate::driver::{Access, BoxFuture, Connection, Driver, ServerInfo};
use crate::entropy::SeededEntropy;
use crate::pool::PoolOptions;

/// Reached once a connection was made.
#[derive(Debug)]
struct Late {
    fake: Fake,
    reached: AtomicBool,
}

impl Driver for Late {
    fn dialect(&self) -> Dialect {
        self.fake.dialect()
    }
    fn capabilities(&self) -> &Capabilities {
        self.fake.capabilities()
    }
    fn connect(&self, limit: Duration) -> BoxFuture<'_, Result<Box<dyn Connection>>> {
        Box::pin(async move {
            let connection = self.fake.connect(limit).await?;
            self.reached.store(true, Ordering::SeqCst);
            Ok(connection)
        })
    }
    fn writer(&self) -> Option<Box<dyn Connection>> {
        None
    }
    fn server_info(&self) -> ServerInfo {
        self.fake.server_info()
    }
    fn not_reached(&self) -> Option<Error> {
        let reached = self.reached.load(Ordering::SeqCst);
        (!reached).then(|| Error::new(ErrorKind::Unreachable, "not there yet"))
    }
    fn close(&self) -> BoxFuture<'_, Result<()>> {
        self.fake.close()
    }
}

#[tokio::test(start_paused = true)]
async fn calls_are_refused_at_once_until_the_server_comes() {
    let script = Arc::<Script>::default();
    let gone = Error::new(ErrorKind::Unreachable, "not there yet");
    script.always(Some(Answer::Fails(gone)));
    let driver = Late {
        fake: Fake {
            script: Arc::clone(&script),
            capabilities: Capabilities::of(Dialect::Postgres),
        },
        reached: AtomicBool::new(false),
    };
    let pool = PoolOptions {
        min: 2,
        ..PoolOptions::default()
    };
    let builder = Database::builder().entropy(SeededEntropy::new(7));
    let opened = builder.open_driver(Arc::new(driver), pool, Timeouts::default(), false);
    let db = opened.await.unwrap();
    let status = db.status();
    assert!(status.is_degraded() && status.not_reached.is_some());
    assert!(status.reasons()[0].contains("not there yet"));

    // Retries are on, and nobody waits for them: there is no saying how long it will be.
    let started = Instant::now();
    let refused = call(&db, Access::Read).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::CircuitOpen);
    assert!(refused.to_string().contains("not there yet"), "{refused}");
    assert_eq!(started.elapsed(), Duration::ZERO);

    script.always(None);
    let until = Instant::now() + Duration::from_secs(10);
    while db.status().is_degraded() {
        assert!(Instant::now() < until);
        let _ = call(&db, Access::Read).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    call(&db, Access::Write).await.unwrap();
    assert!(db.status().reasons().is_empty());
    assert_eq!(db.pool().status().open, 2);
}
