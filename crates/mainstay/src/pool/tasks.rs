//! The pool's own tasks: opening, checking and recovering connections. Callers wait for what comes
//! of them, and none of them ends because a caller has gone.

use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::dials::Dial;
use super::place::Place;
use super::shared::{Closing, Shared};
use super::state::Idle;
use crate::driver::{Connection, Recovery};
use crate::error::{Error, ErrorKind, Result};

/// How long a recovery may go on after its place was given to another connection: what it cleans
/// up on the server is worth finishing.
const LATE_RECOVERY: Duration = Duration::from_secs(10);

/// Opens a connection.
pub(super) async fn dial(place: Place, dial: Dial) {
    let shared = Arc::clone(place.shared());
    let mut ended = pin!(shared.ended.notified());
    // Registered before the look, so that a close in between is not missed.
    ended.as_mut().enable();
    if shared.is_closed() {
        return place.give_up(None, false);
    }
    let opened = tokio::select! {
        opened = open(&shared, &dial) => opened,
        () = ended => return place.give_up(None, false),
    };
    match opened {
        Ok(connection) => {
            place.pass_on();
            shared.opened(&dial, connection);
        }
        Err(error) => {
            tracing::debug!(%error, "a connection could not be opened");
            place.pass_on();
            shared.not_opened(&dial, error);
        }
    }
}

/// The same while the caller waits, who is told what went wrong.
pub(super) async fn dial_here(shared: &Arc<Shared>, place: Place, dial: Dial) -> Result<()> {
    match open(shared, &dial).await {
        Ok(connection) => {
            place.pass_on();
            shared.opened(&dial, connection);
            Ok(())
        }
        Err(error) => {
            place.pass_on();
            shared.not_opened(&dial, error.clone());
            Err(error)
        }
    }
}

async fn open(shared: &Shared, dial: &Dial) -> Result<Box<dyn Connection>> {
    let limit = shared.options().connect;
    let connecting = shared
        .driver
        .connect_watched(limit, Arc::clone(&dial.progress));
    // The driver keeps the limit itself and knows which step took too long. The outer time-out is
    // for a driver that hangs all the same.
    match timeout(limit.saturating_add(Duration::from_millis(250)), connecting).await {
        Ok(opened) => opened,
        Err(_) => Err(Error::new(
            ErrorKind::Unreachable,
            format!(
                "no connection within {:.1?}: {}",
                dial.started.elapsed(),
                dial.progress.current().0
            ),
        )
        .with_hint("check that the server is up and reachable, or raise timeouts.connect")),
    }
}

/// Asks an idle connection whether it works.
pub(super) async fn check(place: Place, mut idle: Idle) {
    let limit = place.shared().options().ping;
    match timeout(limit, idle.connection.ping()).await {
        Ok(Ok(())) if !idle.connection.is_broken() => {
            let now = Instant::now();
            idle.proven = now;
            place.give_back(idle, now);
        }
        answer => {
            let why = match answer {
                Ok(Err(error)) => error.to_string(),
                _ => format!("no answer within {limit:.1?}"),
            };
            tracing::debug!(why, "an idle connection failed its check and is replaced");
            place.give_up(Some(idle), true);
        }
    }
}

/// Brings a connection into order after a dropped call, so that it can be lent again.
pub(super) async fn recover(place: Place, mut idle: Idle) {
    let shared = Arc::clone(place.shared());
    let limit = shared.options().recover;
    let mut place = Some(place);
    let mut closing = None;
    let recovered = {
        let mut recovery = pin!(idle.connection.recover());
        match timeout(limit, recovery.as_mut()).await {
            Ok(recovered) => Some(recovered),
            Err(_) => {
                tracing::debug!(?limit, "a connection that recovers gives up its place");
                closing = Some(Closing::new(Arc::clone(&shared)));
                if let Some(place) = place.take() {
                    place.give_up(None, true);
                }
                timeout(LATE_RECOVERY, recovery).await.ok()
            }
        }
    };
    match (place, recovered) {
        (Some(place), Some(Recovery::Ready)) if !idle.connection.is_broken() => {
            let now = Instant::now();
            (idle.since, idle.proven) = (now, now);
            // A retired one is never lent again, whoever waits.
            if idle.is_expired(now) {
                place.give_up(Some(idle), false);
            } else {
                place.give_back(idle, now);
            }
        }
        (Some(place), _) => place.give_up(Some(idle), false),
        (None, _) => shared.close(idle.connection),
    }
    drop(closing);
}

/// Says that a task waits for the moment of the next attempt, while it lives.
pub(super) struct Retry {
    shared: Weak<Shared>,
    done: bool,
}

impl Retry {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            // A pool that is gone needs no connections.
            shared: Arc::downgrade(shared),
            done: false,
        }
    }
}

impl Drop for Retry {
    fn drop(&mut self) {
        if !self.done
            && let Some(shared) = self.shared.upgrade()
        {
            shared.state().dials.retry_pending = false;
            shared.nudge();
        }
    }
}

/// Looks again when attempts to open a connection have paused for long enough.
pub(super) async fn retry(mut retry: Retry, at: Instant) {
    sleep_until(at).await;
    let Some(shared) = retry.shared.upgrade() else {
        return;
    };
    retry.done = true;
    shared.state().dials.retry_pending = false;
    shared.tend();
}
