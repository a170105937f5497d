//! Keeps the minimum warm and retires what is old.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::connect;
use super::guard::Slot;
use super::shared::Shared;
use crate::error::Result;

/// The keeper looks at the pool at least this often.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);

/// Starts the keeper. It ends when the pool is closed or gone.
pub(super) fn start(shared: &Arc<Shared>) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    let weak = Arc::downgrade(shared);
    runtime.spawn(keep(weak));
}

async fn keep(weak: Weak<Shared>) {
    let mut pause = SHORTEST_PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        let Some(shared) = weak.upgrade() else { return };
        if shared.is_closed() {
            return;
        }
        for idle in shared.take_retired(Instant::now()) {
            shared.discard(idle.connection);
        }
        let options = shared.options();
        let calm = (options.idle / 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        pause = match fill(&shared).await {
            Ok(()) => calm,
            Err(error) => {
                tracing::debug!(%error, "the pool cannot reach its minimum yet");
                // Doubling with jitter, so that many processes do not knock together.
                (pause * 2)
                    .min(LONGEST_PAUSE)
                    .mul_f64(0.5 + 0.5 * shared.jitter())
            }
        };
    }
}

/// Makes connections until the minimum is there, as long as there is room.
pub(super) async fn fill(shared: &Arc<Shared>) -> Result<()> {
    let options = shared.options();
    while !shared.is_closed() {
        // With a permit in hand the pool cannot grow beyond its size. It is taken before looking,
        // because what is returned in between counts as open without having a permit.
        let Ok(permit) = Arc::clone(&shared.permits).try_acquire_owned() else {
            return Ok(());
        };
        if shared.open.load(Ordering::Acquire) >= options.min {
            return Ok(());
        }
        let connection = connect(shared, options.connect).await?;
        let (born, expires) = shared.lifetime(&options);
        drop(Slot::new(
            Arc::clone(shared),
            permit,
            connection,
            born,
            expires,
        ));
    }
    Ok(())
}
