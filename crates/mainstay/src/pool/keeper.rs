//! Keeps the minimum warm, retires what is old, and looks for loans that take too long.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::options::PoolOptions;
use super::shared::Shared;

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
        let now = Instant::now();
        look_for_leaks(&shared, now);
        let (plan, options) = {
            let mut state = shared.state();
            let mut plan = state.plan(now);
            state.retire(now, &mut plan);
            (plan, state.options)
        };
        shared.carry_out(plan);
        pause = rhythm(&options);
    }
}

/// How often to look, so that limits are kept within a quarter of their length.
fn rhythm(options: &PoolOptions) -> Duration {
    let mut shortest = options.idle;
    if !options.leak_after.is_zero() {
        shortest = shortest.min(options.leak_after);
    }
    (shortest / 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

/// Tells of loans that take too long, and takes their connections back where that is wanted.
fn look_for_leaks(shared: &Arc<Shared>, now: Instant) {
    let mut state = shared.state();
    let options = state.options;
    if options.leak_after.is_zero() {
        return;
    }
    let leaks = state.loans.new_leaks(now, options.leak_after);
    state.totals.leaks += leaks.len() as u64;
    let taken = if options.reclaim_leaks {
        state.loans.reclaim(now, options.leak_after)
    } else {
        Vec::new()
    };
    for _ in &taken {
        state.forget(false, now);
        state.totals.reclaimed += 1;
        // Its holder still has it.
        shared.one_closing();
    }
    let plan = state.plan(now);
    drop(state);
    shared.carry_out(plan);
    for leak in leaks {
        tracing::warn!(
            target: "mainstay::pool",
            site = %leak.site,
            held_ms = leak.held.as_millis() as u64,
            statement = leak.statement.as_deref().unwrap_or("none"),
            "a connection has been on loan for longer than pool.leak_after"
        );
    }
    for (holder, note) in taken {
        tracing::warn!(
            target: "mainstay::pool",
            site = %holder.site,
            held_ms = holder.held.as_millis() as u64,
            "a leaked connection was taken back; its holder finds it lost"
        );
        if let Some(kill) = &note.kill {
            shared.spawn(kill());
        }
    }
}
