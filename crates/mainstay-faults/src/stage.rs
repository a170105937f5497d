//! What a fault is played on: the database, the way to it, who calls, and for how long.

use std::path::Path;
use std::time::Duration;

use mainstay_testkit::Engine;
use mainstay_testkit::proxy::FaultProxy;
use tokio::time::sleep;

use crate::client::{Limits, Target};
use crate::load::Caller;
use crate::place::Place;
use crate::rng::Rng;

/// The limits the handle under test is configured with. Short, so that a fault outlasts them.
pub(crate) const LIMITS: Limits = Limits {
    statement: Duration::from_secs(2),
    transaction: Duration::from_secs(5),
    acquire: Duration::from_millis(1500),
    connect: Duration::from_secs(2),
};

/// How a run is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) quick: bool,
    pub(crate) seed: u64,
    /// Where every call is written down, for whoever looks into a run.
    pub(crate) ledgers: Option<&'static Path>,
}

impl Run {
    /// How long the load runs before and after.
    pub(crate) fn calm(self) -> Duration {
        Duration::from_millis(if self.quick { 1500 } else { 5000 })
    }

    /// How long a fault lasts that has a length.
    pub(crate) fn length(self) -> Duration {
        Duration::from_secs(if self.quick { 3 } else { 10 })
    }
}

/// What a disturbance works with.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) run: Run,
    pub(crate) place: Place,
    pub(crate) proxy: Option<FaultProxy>,
    pub(crate) caller: Caller,
    pub(crate) rng: Rng,
    pub(crate) notes: Vec<String>,
}

impl Stage {
    pub(crate) fn proxy(&self) -> Result<&FaultProxy, String> {
        self.proxy
            .as_ref()
            .ok_or_else(|| "this fault needs the proxy".to_owned())
    }

    /// Waits for as long as a fault lasts.
    pub(crate) async fn hold(&self) {
        sleep(self.run.length()).await;
    }
}

/// A handle as most faults have it.
pub(crate) fn target(engine: Engine, url: String, seed: u64) -> Target {
    Target {
        engine,
        url,
        pool_max: 8,
        limits: LIMITS,
        seed,
        ledger: false,
        settings: &[],
    }
}
