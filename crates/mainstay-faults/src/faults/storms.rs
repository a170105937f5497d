//! Conflicts between the callers themselves.

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::ledger::Told;
use crate::load::transfer;
use crate::stage::Stage;

/// So many tasks fight over so few accounts.
const TASKS: u64 = 10;
const HOT: i64 = 4;

/// Every second transfer locks in the other order.
pub(super) async fn deadlocks(stage: &mut Stage) -> Result<(), String> {
    fight(stage, false).await
}

pub(super) async fn serialization(stage: &mut Stage) -> Result<(), String> {
    fight(stage, true).await
}

async fn fight(stage: &mut Stage, serializable: bool) -> Result<(), String> {
    let until = Instant::now() + stage.run.length();
    let mut tasks = JoinSet::new();
    for number in 0..TASKS {
        let (caller, mut rng) = (stage.caller.clone(), stage.rng.fork(1000 + number));
        tasks.spawn(async move {
            let (mut made, mut done) = (0_u32, 0_u32);
            while Instant::now() < until {
                let mut transfer = transfer(&mut rng, HOT);
                transfer.serializable = serializable;
                if rng.below(2) == 0 {
                    std::mem::swap(&mut transfer.source, &mut transfer.target);
                }
                made += 1;
                done += u32::from(caller.transfer(transfer).await == Told::Done);
            }
            (made, done)
        });
    }
    let (mut made, mut done) = (0, 0);
    while let Some(task) = tasks.join_next().await {
        let (some, good) = task.map_err(|error| error.to_string())?;
        made += some;
        done += good;
    }
    stage.notes.push(format!(
        "of {made} transfers in the storm {done} were committed"
    ));
    Ok(())
}
