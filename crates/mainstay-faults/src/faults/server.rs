//! What administrators and other applications do to a server.

use std::sync::Arc;
use std::time::Duration;

use mainstay::Database;
use mainstay_testkit::servers::ServerKind;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::layer::open_plain;
use crate::place::{OTHER_USER, OnServer};
use crate::stage::Stage;

/// So many dial at the same time: far more than the load has, so that they are mostly faster.
const DIALLERS: usize = 32;

/// Other sessions take every connection, also those of the load, which are ended for that.
pub(super) async fn exhausted(stage: &mut Stage) -> Result<(), String> {
    let place = stage.place.server()?;
    let other = OnServer::create(&place.host).await?;
    let url = other.url_as(OTHER_USER, other.port());
    let taken: Arc<Mutex<Vec<Database>>> = Arc::default();
    let mut diallers = JoinSet::new();
    for _ in 0..DIALLERS {
        diallers.spawn(take(url.clone(), Arc::clone(&taken)));
    }
    let until = Instant::now() + stage.run.length();
    let mut fewest = usize::MAX;
    while Instant::now() < until {
        place.end_sessions().await?;
        sleep(Duration::from_millis(50)).await;
        fewest = fewest.min(place.sessions().await?);
    }
    diallers.shutdown().await;
    let hogs = std::mem::take(&mut *taken.lock().await);
    stage.notes.push(format!(
        "other sessions held {} connections, the load at times {fewest}",
        hogs.len()
    ));
    let mut closing = JoinSet::new();
    for hog in hogs {
        // What it cannot close in time ends with the database.
        closing.spawn(async move { hog.close(Duration::from_secs(2)).await.is_ok() });
    }
    while closing.join_next().await.is_some() {}
    Ok(())
}

/// Takes one connection after another, whenever there is one.
async fn take(url: String, taken: Arc<Mutex<Vec<Database>>>) {
    loop {
        match open_plain(&url).await {
            Ok(hog) => taken.lock().await.push(hog),
            Err(_) => sleep(Duration::from_millis(5)).await,
        }
    }
}

pub(super) async fn kill_sessions(stage: &mut Stage) -> Result<(), String> {
    let place = stage.place.server()?;
    let until = Instant::now() + stage.run.length();
    while Instant::now() < until {
        place.end_sessions().await?;
        sleep(Duration::from_millis(300)).await;
    }
    Ok(())
}

pub(super) async fn read_only(stage: &mut Stage) -> Result<(), String> {
    let place = stage.place.server()?;
    switch(place, true).await?;
    stage.hold().await;
    switch(place, false).await
}

async fn switch(place: &OnServer, on: bool) -> Result<(), String> {
    match place.kind() {
        ServerKind::Postgres => {
            // Two calls, for two in one would be one transaction. Neither minds being read-only.
            let change = if on { "SET" } else { "RESET" };
            let value = if on { " = on" } else { "" };
            let text = format!("ALTER SYSTEM {change} default_transaction_read_only{value}");
            place.sql(text).await?;
            place.sql("SELECT pg_reload_conf()").await?;
        }
        ServerKind::MariaDb => {
            let value = u8::from(on);
            place.sql(format!("SET GLOBAL read_only = {value}")).await?;
        }
    }
    Ok(())
}
