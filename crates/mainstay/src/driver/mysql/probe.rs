//! Whether the server takes connections, asked while signing in takes long.
//!
//! `mysql_async` connects and signs in within one future, without a sign of life in between. So when
//! that takes long, a connection of our own is opened to the same address and closed at once. If
//! the server takes it, connecting works, and what takes long is what comes after it.
//!
//! The server counts that connection. MySQL and MariaDB block a host after `max_connect_errors`
//! (100 unless set otherwise) connections in a row that ended in the middle of the handshake, as
//! this one does; a connection that signs in sets the count back. An attempt that we give up because it
//! took too long counts the same. Therefore:
//!
//! - a connection that is opened in the usual time asks nothing;
//! - an attempt asks once at most;
//! - one asks at a time, and its answer holds for all that had started before it came. So a pool
//!   that fills up with many connections at once adds one to the count, not one for each.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

/// How long an attempt may take before the server is asked. Connecting and signing in with TLS takes
/// about eight round trips: a tenth of this within a data centre, and less than this over most of
/// a continent. On the other hand calls that wait for a connection have seconds.
const USUAL: Duration = Duration::from_millis(500);

/// The newest answer, locked while somebody asks.
#[derive(Debug, Default)]
pub(super) struct Probe(Mutex<Option<Answer>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Answer {
    at: Instant,
    accepted: bool,
}

impl Probe {
    /// Waits for the usual time of an attempt that starts now and must end at `deadline`, and then
    /// until it is known whether one of `addresses` takes connections. While the network swallows
    /// them this does not end. Dropping it ends the question, and lets the next one ask.
    pub(super) async fn is_accepted(&self, addresses: &[SocketAddr], deadline: Instant) -> bool {
        let started = Instant::now();
        sleep(patience(deadline.saturating_duration_since(started))).await;
        let mut newest = self.0.lock().await;
        if let Some(accepted) = holds(*newest, started) {
            return accepted;
        }
        // In their order, as the client library tries them.
        let accepted = TcpStream::connect(addresses).await.is_ok();
        *newest = Some(Answer {
            at: Instant::now(),
            accepted,
        });
        accepted
    }
}

/// How long an attempt with this much time waits before it asks: of a short time the first quarter,
/// so that the answer comes before the end.
fn patience(limit: Duration) -> Duration {
    USUAL.min(limit / 4)
}

/// What an answer says about an attempt: nothing if it was there before the attempt started.
fn holds(newest: Option<Answer>, started: Instant) -> Option<bool> {
    let answer = newest.filter(|answer| answer.at >= started)?;
    Some(answer.accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_for_those_who_waited_for_it() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(holds(None, start), None);
        for accepted in [true, false] {
            let answer = Some(Answer {
                at: at(600),
                accepted,
            });
            assert_eq!(holds(answer, start), Some(accepted));
            assert_eq!(holds(answer, at(600)), Some(accepted));
            assert_eq!(holds(answer, at(601)), None);
        }
    }

    #[test]
    fn short_attempts_ask_early() {
        let patience = |ms| patience(Duration::from_millis(ms));
        assert_eq!(patience(30_000), USUAL);
        assert_eq!(patience(2_000), USUAL);
        assert_eq!(patience(200), Duration::from_millis(50));
        assert_eq!(patience(0), Duration::ZERO);
    }
}
