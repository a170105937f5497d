//! The server is killed, restarted, frozen.

use tokio::time::sleep;

use crate::stage::Stage;

pub(super) async fn kill(stage: &mut Stage) -> Result<(), String> {
    let host = stage.place.server()?.host.clone();
    host.control(|server| server.kill()).await?;
    sleep(stage.run.length() / 3).await;
    host.control(|server| server.restart()).await
}

pub(super) async fn restart(stage: &mut Stage) -> Result<(), String> {
    let host = &stage.place.server()?.host;
    host.control(|server| server.restart()).await
}

pub(super) async fn freeze(stage: &mut Stage) -> Result<(), String> {
    let host = stage.place.server()?.host.clone();
    host.control(|server| server.freeze()).await?;
    stage.hold().await;
    host.control(|server| server.thaw()).await
}
