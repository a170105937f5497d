//! Inserts of which some are refused as duplicates: sent together with others, and each alone.

use std::time::{Duration, Instant};

use mainstay::{ErrorKind, Repository, Request};

use super::{Stop, answer, open};
use crate::Arguments;
use crate::candidates::{Failure, Result};
use crate::place::Place;
use crate::plan::{new_user, serial};
use crate::report;
use crate::rows::{NewUser, User};

const TASKS: usize = 64;

pub async fn run(arguments: &Arguments, place: &Place) -> Result<()> {
    report::progress(&format!("{}: inserts with duplicates", place.engine.name()));
    let db = open(place).await?;
    for percent in [0, 1, 10] {
        let mut rates = [Vec::new(), Vec::new()];
        for _ in 0..arguments.repetitions {
            for (coalesced, rates) in [true, false].into_iter().zip(&mut rates) {
                let users = db.repository::<User>();
                rates.push(round(users, percent, coalesced, arguments.length().record).await?);
            }
        }
        let [together, apart] = rates.map(median);
        let say = |what: &str, value: f64, unit: &str| {
            let label = format!("{percent} % duplicates, {what}");
            answer(place, "duplicates", &label, value, unit)
        };
        say("coalesced", together, "inserts/s")?;
        say("each alone", apart, "inserts/s")?;
        say("coalesced against alone", together / apart.max(1.0), "x")?;
    }
    db.close(Duration::from_secs(10)).await?;
    Ok(())
}

/// The call that is measured.
fn create(users: &Repository<User>, new: NewUser, coalesced: bool) -> Request<User> {
    let request = users.create(new);
    if coalesced {
        request
    } else {
        request.no_coalesce()
    }
}

/// Whether a row is to be a duplicate: in no order that a batch could gain from.
fn is_duplicate(number: u64, percent: u64) -> bool {
    (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % 100 < percent
}

async fn round(
    users: Repository<User>,
    percent: u64,
    coalesced: bool,
    length: Duration,
) -> Result<f64> {
    let stop = Stop::default();
    let start = Instant::now();
    let mut running = Vec::new();
    for _ in 0..TASKS {
        let (users, stop) = (users.clone(), stop.clone());
        running.push(tokio::spawn(async move {
            let mut count = 0_u64;
            while !stop.stopped() {
                let number = serial();
                let duplicate = is_duplicate(number, percent);
                let mut new = new_user(number);
                if duplicate {
                    new.email = format!("user{}@example.com", number % 1000);
                }
                match create(&users, new, coalesced).await {
                    Ok(_) if !duplicate => {}
                    Err(error) if duplicate && error.kind() == ErrorKind::Duplicate => {}
                    Ok(_) => return Err("a duplicate was taken".into()),
                    Err(error) => return Err(error.into()),
                }
                count += 1;
            }
            Ok::<_, Failure>(count)
        }));
    }
    tokio::time::sleep(length).await;
    stop.stop();
    let mut total = 0;
    for task in running {
        total += task.await??;
    }
    Ok(total as f64 / start.elapsed().as_secs_f64())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(0.0)
}
