//! One row is locked: a transaction has inserted it and does not commit. Who inserts the same row
//! has to wait for that; how long do others wait, who insert other rows at the same time?

use std::time::Duration;

use mainstay::{Database, Error, ErrorKind, Repository};
use tokio::sync::oneshot;

use super::{Stop, Times, answer, open};
use crate::Arguments;
use crate::candidates::{Failure, Result};
use crate::place::Place;
use crate::plan::{new_user, serial};
use crate::report;
use crate::rows::User;

/// Tasks that insert other rows.
const NEIGHBOURS: usize = 16;
/// How long the lock is held.
const HELD: Duration = Duration::from_secs(2);

pub async fn run(_: &Arguments, place: &Place) -> Result<()> {
    report::progress(&format!("{}: one locked row", place.engine.name()));
    let db = open(place).await?;
    let mut quiet = neighbours(&db, tokio::time::sleep(HELD)).await?;
    let mut beside = neighbours(&db, blocked(&db)).await?;
    let say = |what: &str, value: f64| answer(place, "locked-row", what, value / 1000.0, "ms");
    say("slowest insert, quiet", quiet.percentile(1.0))?;
    say("p99 of inserts, quiet", quiet.percentile(0.99))?;
    say("slowest insert beside a locked row", beside.percentile(1.0))?;
    say(
        "p99 of inserts beside a locked row",
        beside.percentile(0.99),
    )?;
    db.close(Duration::from_secs(10)).await?;
    Ok(())
}

/// Holds a row in a transaction, and lets another call wait for it.
async fn blocked(db: &Database) {
    let row = new_user(serial());
    let (holds, held) = oneshot::channel();
    let mut holds = Some(holds);
    let holder = async {
        let row = row.clone();
        let done = db.transaction(move |tx| {
            let (row, holds) = (row.clone(), holds.take());
            async move {
                tx.repository::<User>().create(row).await?;
                holds.map(|holds| holds.send(()));
                tokio::time::sleep(HELD).await;
                Ok::<_, Error>(())
            }
        });
        if let Err(error) = done.max_attempts(1).await {
            eprintln!("the transaction that held a row: {error}");
        }
    };
    let waiter = async {
        if held.await.is_ok() {
            let answer = db.repository::<User>().create(row.clone()).await;
            if !answer.is_err_and(|error| error.kind() == ErrorKind::Duplicate) {
                eprintln!("the row that was locked could be inserted twice");
            }
        }
    };
    tokio::join!(holder, waiter);
}

/// Inserts other rows for as long as something takes.
async fn neighbours(db: &Database, something: impl Future<Output = ()>) -> Result<Times> {
    let stop = Stop::default();
    let mut running = Vec::new();
    for _ in 0..NEIGHBOURS {
        let (users, stop): (Repository<User>, _) = (db.repository(), stop.clone());
        running.push(tokio::spawn(async move {
            let mut times = Times::default();
            while !stop.stopped() {
                times
                    .of(async { users.create(new_user(serial())).await })
                    .await?;
            }
            Ok::<_, Failure>(times)
        }));
    }
    something.await;
    stop.stop();
    let mut all = Times::default();
    for task in running {
        all.add(task.await??);
    }
    Ok(all)
}
