//! What is measured: engines, workloads, and the inputs of their operations.

use std::sync::atomic::{AtomicU64, Ordering};

use clap::ValueEnum;

use crate::candidates::{Kind, Operation};
use crate::rows::{self, NewProgress, NewUser, Size};

/// An engine, under the name the results have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    Sqlite,
    Postgres,
    Mariadb,
}

impl Engine {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
        }
    }
}

/// From how many places pages are read.
pub const PAGE_PLACES: usize = 16;

/// Makes the inputs of operations, at random places of the data.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    pub size: Size,
}

/// Numbers that are never given twice in one run.
static SERIAL: AtomicU64 = AtomicU64::new(1);

/// A number that this run has not had.
pub fn serial() -> u64 {
    SERIAL.fetch_add(1, Ordering::Relaxed)
}

impl Source {
    /// How many goals lie before the pages: a quarter of them.
    pub fn first_page(self) -> u32 {
        self.size.goals / 4
    }

    /// The next operation.
    pub fn next(self, kind: Kind, random: &mut u64) -> Operation {
        *random = rows::scatter(*random);
        let pick = |count: u32| (*random % u64::from(count)) as u32;
        match kind {
            Kind::Find => Operation::Find(rows::user_key(pick(self.size.users))),
            Kind::List => Operation::List(rows::user_key(pick(self.size.owners()))),
            Kind::Page => {
                let number = pick(PAGE_PLACES as u32);
                let before = self.first_page() - 1 + number * crate::candidates::PAGE as u32;
                Operation::Page {
                    number: number as usize,
                    after: rows::goal_key(before),
                }
            }
            Kind::Insert => Operation::Insert(new_user(serial())),
            Kind::Transaction => Operation::Transaction(self.step(pick(self.size.goals))),
            Kind::Batch => Operation::Batch(self.step(pick(self.size.goals))),
            Kind::Bulk => Operation::Bulk(rows::new_imports(self.size.users, self.size)),
        }
    }

    fn step(self, goal: u32) -> NewProgress {
        // Any user's XP, so that callers seldom wait for the same row.
        NewProgress {
            user_id: rows::user_key((rows::scatter(serial()) % u64::from(self.size.users)) as u32),
            goal_id: rows::goal_key(goal),
            value: 10,
            xp_earned: 5,
            notes: Some("Read ten pages.".to_owned()),
        }
    }
}

/// A user nobody has made yet.
pub fn new_user(serial: u64) -> NewUser {
    NewUser {
        email: format!("new{serial}@example.com"),
        name: format!("New user {serial}"),
    }
}
