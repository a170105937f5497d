//! Ends the session of a dropped call on the server.
//!
//! KILL QUERY alone would not do: it can arrive after its statement has ended and hit the next
//! one. So the whole session is killed and its connection given up. It counts as ended once the
//! server no longer lists it, because by then its transaction is rolled back and its locks are
//! free.
//!
//! Nothing is killed on another server behind the same address, nor after a restart: there the
//! number is somebody else's.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error as Native};
use tokio::time::{Instant, sleep, timeout_at};

use super::dial::Dialer;
use super::session;

/// No such session: it has ended by itself.
const GONE: u16 = 1094;

/// Kills a session and waits until it is gone, until `deadline`. Says whether it is gone.
pub(super) async fn kill_session(
    dialer: &Dialer,
    session: u64,
    server: &str,
    deadline: Instant,
) -> bool {
    let gone = match dialer.dial(deadline).await {
        Ok(mut conn) => {
            let gone = timeout_at(deadline, kill(&mut conn, session, server)).await;
            let _ = timeout_at(deadline, conn.disconnect()).await;
            match gone {
                Ok(Ok(gone)) => Ok(gone),
                Ok(Err(native)) => Err(super::fault::describe(&native)),
                Err(_) => Err("it took too long".to_owned()),
            }
        }
        Err(error) => Err(error.to_string()),
    };
    gone.unwrap_or_else(|reason| {
        tracing::warn!(
            session,
            reason,
            "a session whose call was dropped could not be ended on the server; its statement \
             and locks last until the server notices that the connection is closed"
        );
        false
    })
}

async fn kill(conn: &mut Conn, session: u64, server: &str) -> Result<bool, Native> {
    let here: Option<String> = conn
        .query_first(format!("SELECT {}", session::SERVER))
        .await?;
    if here.as_deref() != Some(server) {
        tracing::warn!(
            session,
            "the session to end is on another server behind the same address, or has ended with \
             a restart"
        );
        return Ok(false);
    }
    match conn.query_drop(format!("KILL CONNECTION {session}")).await {
        Ok(()) => {}
        Err(Native::Server(error)) if error.code == GONE => return Ok(true),
        Err(error) => return Err(error),
    }
    let mut pause = Duration::from_millis(1);
    loop {
        let listed: Option<u64> = conn
            .query_first(format!(
                "SELECT ID FROM information_schema.PROCESSLIST WHERE ID = {session}"
            ))
            .await?;
        if listed.is_none() {
            return Ok(true);
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
