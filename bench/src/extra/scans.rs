//! Readers that are always ready, quiet and beside full scans of a million rows; and how late a
//! timer fires, which shows whether a slow query holds up the whole runtime.

use std::time::{Duration, Instant};

use mainstay::Repository;

use super::{Stop, Times, answer, open};
use crate::Arguments;
use crate::candidates::{Failure, Result};
use crate::place::Place;
use crate::plan::serial;
use crate::report;
use crate::rows::{Goal, Size, User, scatter, user_key};

const READERS: usize = 64;
const SCANS: usize = 10;
const TICK: Duration = Duration::from_millis(10);

pub async fn run(arguments: &Arguments, place: &Place) -> Result<()> {
    let size = Size {
        users: 100_000,
        goals: 1_000_000,
    };
    report::progress("sqlite: filling a million rows for slow queries");
    let large = place.sibling(size)?;
    large.fill().await?;
    let db = open(&large).await?;
    report::progress("sqlite: reads by key beside slow queries");
    let length = Duration::from_secs(2).max(arguments.length().record);
    let users = db.repository::<User>();
    for (label, scans) in [("quiet", 0), ("beside 10 full scans", SCANS)] {
        let mut seen = round(&users, &db.repository(), size, scans, length).await?;
        let say = |what: &str, value: f64, unit: &str| {
            answer(
                place,
                "slow-queries",
                &format!("{what}, {label}"),
                value,
                unit,
            )
        };
        let reads = seen.reads.0.len() as f64;
        say("reads by key", reads / length.as_secs_f64(), "reads/s")?;
        say("p50 of a read by key", seen.reads.percentile(0.5), "µs")?;
        say("p99 of a read by key", seen.reads.percentile(0.99), "µs")?;
        say("slowest read by key", seen.reads.percentile(1.0), "µs")?;
        say(
            "p99 of how late a timer of 10 ms fires",
            seen.late.percentile(0.99) / 1000.0,
            "ms",
        )?;
        say(
            "latest timer of 10 ms",
            seen.late.percentile(1.0) / 1000.0,
            "ms",
        )?;
        if scans > 0 {
            say(
                "full scans",
                seen.scans as f64 / length.as_secs_f64(),
                "scans/s",
            )?;
        }
    }
    db.close(Duration::from_secs(10)).await?;
    Ok(())
}

struct Seen {
    reads: Times,
    late: Times,
    scans: usize,
}

async fn round(
    users: &Repository<User>,
    goals: &Repository<Goal>,
    size: Size,
    scans: usize,
    length: Duration,
) -> Result<Seen> {
    let stop = Stop::default();
    let mut scanning = Vec::new();
    for _ in 0..scans {
        let (goals, stop) = (goals.clone(), stop.clone());
        scanning.push(tokio::spawn(async move {
            let mut count = 0;
            while !stop.stopped() {
                // No index has the status, and no goal this one.
                goals.find_many().filter(Goal::STATUS.eq("missing")).await?;
                count += 1;
            }
            Ok::<_, Failure>(count)
        }));
    }
    let mut reading = Vec::new();
    for _ in 0..READERS {
        let (users, stop) = (users.clone(), stop.clone());
        reading.push(tokio::spawn(async move {
            let mut times = Times::default();
            let mut random = serial();
            while !stop.stopped() {
                random = scatter(random);
                let key = user_key((random % u64::from(size.users)) as u32);
                let found = times.of(async { users.find_by_id(key).await }).await?;
                if found.is_none() {
                    return Err("a user is missing".into());
                }
            }
            Ok::<_, Failure>(times)
        }));
    }
    let timer = {
        let stop = stop.clone();
        tokio::spawn(async move {
            let mut late = Times::default();
            while !stop.stopped() {
                let start = Instant::now();
                tokio::time::sleep(TICK).await;
                late.0.push(start.elapsed().saturating_sub(TICK));
            }
            late
        })
    };
    // A thread's sleep, which is on time also when the runtime is not.
    tokio::task::spawn_blocking(move || std::thread::sleep(length)).await?;
    stop.stop();
    let mut seen = Seen {
        reads: Times::default(),
        late: timer.await?,
        scans: 0,
    };
    for task in reading {
        seen.reads.add(task.await??);
    }
    for task in scanning {
        seen.scans += task.await??;
    }
    Ok(seen)
}
