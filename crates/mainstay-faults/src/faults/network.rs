//! What lies between client and server.

use std::time::Duration;

use mainstay_testkit::proxy::{Ending, Mode};
use tokio::time::{Instant, sleep};

use crate::stage::Stage;

/// Nothing passes; when the network is back, nobody knows the old connections any more.
pub(super) async fn cut(stage: &mut Stage) -> Result<(), String> {
    let proxy = stage.proxy()?;
    proxy.set_mode(Mode::Hang).await;
    stage.hold().await;
    proxy.cut(Ending::Reset);
    proxy.set_mode(Mode::Forward).await;
    Ok(())
}

pub(super) async fn reset(stage: &mut Stage) -> Result<(), String> {
    let proxy = stage.proxy()?;
    let until = Instant::now() + stage.run.length();
    while Instant::now() < until {
        proxy.cut(Ending::Reset);
        sleep(Duration::from_millis(300)).await;
    }
    Ok(())
}

pub(super) async fn latency(stage: &mut Stage) -> Result<(), String> {
    let proxy = stage.proxy()?;
    // In each direction.
    proxy
        .set_mode(Mode::Latency(Duration::from_millis(250)))
        .await;
    stage.hold().await;
    proxy.set_mode(Mode::Forward).await;
    Ok(())
}

/// As when a firewall forgets its connections: nobody says so, nothing passes any more. That does
/// not end; whoever recovers does so by new connections. What the old sessions hold on the server stays
/// held, unless somebody ends them.
pub(super) async fn half_open(stage: &mut Stage) -> Result<(), String> {
    let proxy = stage.proxy()?;
    proxy.forsake();
    Ok(())
}

pub(super) async fn refused(stage: &mut Stage) -> Result<(), String> {
    let proxy = stage.proxy()?;
    proxy.set_mode(Mode::Refuse).await;
    proxy.cut(Ending::Close);
    stage.hold().await;
    proxy.set_mode(Mode::Forward).await;
    Ok(())
}
