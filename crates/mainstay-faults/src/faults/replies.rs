//! The server does what it was asked, and its reply is lost.

use std::time::Duration;

use mainstay_testkit::proxy::{Ending, Fault};
use tokio::time::{Instant, sleep};

use crate::load::MARK;
use crate::stage::Stage;

pub(super) async fn commit(stage: &mut Stage) -> Result<(), String> {
    lose(stage, b"COMMIT").await
}

/// A statement that was prepared carries no SQL, but a value by which it is known.
pub(super) async fn insert(stage: &mut Stage) -> Result<(), String> {
    lose(stage, MARK.as_bytes()).await
}

async fn lose(stage: &mut Stage, needle: &'static [u8]) -> Result<(), String> {
    let proxy = stage.proxy()?;
    let until = Instant::now() + stage.run.length();
    while Instant::now() < until {
        proxy.inject_on(needle, Fault::LoseReply(Ending::Reset));
        sleep(Duration::from_millis(150)).await;
    }
    proxy.disarm();
    let struck = proxy.struck();
    stage.notes.push(format!("replies lost: {struck}"));
    if struck == 0 {
        return Err("no request was hit, so nothing was tested".to_owned());
    }
    Ok(())
}
