//! The process with the load. It runs until its input ends, and then says what it still holds.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::client::Client;
use crate::findings;
use crate::layer::{self, Mainstay};
use crate::ledger::{Ledger, PoolUse, Spoken};
use crate::load::{Load, Mix, Pace};
use crate::rng::Rng;
use crate::stage::LIMITS;

/// The command that makes this program run the load.
pub(crate) const LOAD: &str = "soak-load";

/// Connections at most.
pub(super) const POOL_MAX: u32 = 20;

/// So many tasks make the calls.
pub(super) const WORKERS: u32 = 32;

/// How often the pool is looked at.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) async fn run(url: &str, seed: u64, rate: u32) -> Result<(), String> {
    let db = layer::open(&layer::settings(url, POOL_MAX), seed).await?;
    let client: Arc<dyn Client> = Arc::new(Mainstay {
        db: db.clone(),
        limits: LIMITS,
        ledger: true,
    });
    let ledger = Arc::new(Ledger::new(true));
    let mix = Mix {
        workers: u64::from(WORKERS),
        pace: Pace::Every(Duration::from_secs(1) * WORKERS / rate.max(1)),
        most_rows: 64,
        keeps_rows: true,
    };
    let load = Load::start(&client, &ledger, mix, &Rng::new(seed));
    let seen = db.clone();
    let looks = tokio::spawn(async move {
        loop {
            let status = seen.pool().status();
            let used = PoolUse {
                open: status.open,
                in_use: status.in_use(),
            };
            Spoken::Pool(used).aloud();
            sleep(LOOK).await;
        }
    });
    let ended = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)
    });
    let _ = ended.await;
    load.stop().await;
    looks.abort();
    Spoken::Rest(findings::close(&*client).await).aloud();
    Ok(())
}
