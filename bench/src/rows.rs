//! The tables all candidates work on, as Mainstay entities, and what fills them.
//!
//! Keys and rows are functions of a row's number, so that nobody has to remember them.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use mainstay::{Entity, Insert, Schema};
use uuid::Uuid;

/// A person.
#[derive(Debug, Clone, Entity, sqlx::FromRow)]
#[entity(table = "users", unique(email))]
pub struct User {
    #[entity(key, auto)]
    pub id: Uuid,
    #[entity(max = 254, email, lowercase)]
    pub email: String,
    #[entity(min = 1, max = 100)]
    pub name: String,
    #[entity(default = 0, min = 0)]
    pub total_xp: i64,
    #[entity(default = 1, min = 1)]
    pub current_level: i32,
    #[entity(created_at)]
    pub created_at: DateTime<Utc>,
    #[entity(updated_at)]
    pub updated_at: DateTime<Utc>,
}

/// What a person wants to reach.
#[derive(Debug, Clone, Entity, sqlx::FromRow)]
#[entity(table = "goals", index(user_id, id))]
pub struct Goal {
    #[entity(key, auto)]
    pub id: Uuid,
    #[entity(references(User::id, on_delete = cascade))]
    pub user_id: Uuid,
    #[entity(min = 1, max = 200)]
    pub title: String,
    #[entity(multiline, max = 1000)]
    pub description: Option<String>,
    #[entity(max = 16)]
    pub status: String,
    #[entity(created_at)]
    pub created_at: DateTime<Utc>,
    #[entity(updated_at)]
    pub updated_at: DateTime<Utc>,
}

/// A step towards a goal.
#[derive(Debug, Clone, Entity, sqlx::FromRow)]
#[entity(table = "progress", index(user_id, id))]
pub struct Progress {
    #[entity(key, auto)]
    pub id: Uuid,
    #[entity(references(User::id, on_delete = cascade))]
    pub user_id: Uuid,
    #[entity(references(Goal::id, on_delete = cascade))]
    pub goal_id: Uuid,
    #[entity(min = 0)]
    pub value: i64,
    #[entity(default = 0, min = 0)]
    pub xp_earned: i64,
    #[entity(multiline, max = 1000)]
    pub notes: Option<String>,
    #[entity(created_at)]
    pub created_at: DateTime<Utc>,
}

/// Where bulk inserts go: like goals, and emptied after each.
#[derive(Debug, Clone, Entity)]
#[entity(table = "imports", index(user_id, id))]
pub struct Import {
    #[entity(key, auto)]
    pub id: Uuid,
    #[entity(references(User::id, on_delete = cascade))]
    pub user_id: Uuid,
    #[entity(min = 1, max = 200)]
    pub title: String,
    #[entity(multiline, max = 1000)]
    pub description: Option<String>,
    #[entity(max = 16)]
    pub status: String,
    #[entity(created_at)]
    pub created_at: DateTime<Utc>,
    #[entity(updated_at)]
    pub updated_at: DateTime<Utc>,
}

/// All tables.
pub fn schema() -> Schema {
    Schema::new()
        .with::<User>()
        .with::<Goal>()
        .with::<Progress>()
        .with::<Import>()
}

/// A row of `users` with its key, to fill the table.
#[derive(Insert)]
#[insert(User)]
pub struct LoadUser {
    id: Uuid,
    email: String,
    name: String,
}

/// A row of `goals` with its key, to fill the table.
#[derive(Insert)]
#[insert(Goal)]
pub struct LoadGoal {
    id: Uuid,
    user_id: Uuid,
    title: String,
    description: Option<String>,
    status: String,
}

/// What a caller gives to make a user. The rest is filled in by the candidate.
#[derive(Debug, Clone, Insert)]
#[insert(User)]
pub struct NewUser {
    pub email: String,
    pub name: String,
}

/// What a caller gives to record progress.
#[derive(Debug, Clone, Insert)]
#[insert(Progress)]
pub struct NewProgress {
    pub user_id: Uuid,
    pub goal_id: Uuid,
    pub value: i64,
    pub xp_earned: i64,
    pub notes: Option<String>,
}

/// What a caller gives for each row of a bulk insert.
#[derive(Debug, Clone, Insert)]
#[insert(Import)]
pub struct NewImport {
    pub user_id: Uuid,
    pub title: String,
    pub description: Option<String>,
    pub status: String,
}

impl NewUser {
    /// The whole row, for candidates that do not fill it in themselves.
    pub fn fill(self) -> User {
        let now = now();
        User {
            id: Uuid::now_v7(),
            email: self.email,
            name: self.name,
            total_xp: 0,
            current_level: 1,
            created_at: now,
            updated_at: now,
        }
    }
}

impl NewProgress {
    /// The whole row, for candidates that do not fill it in themselves.
    pub fn fill(self) -> Progress {
        Progress {
            id: Uuid::now_v7(),
            user_id: self.user_id,
            goal_id: self.goal_id,
            value: self.value,
            xp_earned: self.xp_earned,
            notes: self.notes,
            created_at: now(),
        }
    }
}

impl NewImport {
    /// The whole row, for candidates that do not fill it in themselves.
    pub fn fill(self) -> Import {
        let now = now();
        Import {
            id: Uuid::now_v7(),
            user_id: self.user_id,
            title: self.title,
            description: self.description,
            status: self.status,
            created_at: now,
            updated_at: now,
        }
    }
}

/// Now, in the microseconds that every engine keeps.
pub fn now() -> DateTime<Utc> {
    let now = Utc::now();
    now.duration_trunc(TimeDelta::microseconds(1))
        .unwrap_or(now)
}

/// An instant as Mainstay stores it in SQLite.
pub fn instant_text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// How many rows the tables hold.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub users: u32,
    pub goals: u32,
}

/// How many goals a user with goals has: what a list returns.
pub const GOALS_PER_OWNER: u32 = 100;

/// The first instant of the data, in milliseconds since 1970.
const FIRST: u64 = 1_750_000_000_000;

/// A version 7 key in order of `number`: a millisecond apart, the rest scattered.
fn key(number: u32, salt: u64) -> Uuid {
    let bits = scatter(u64::from(number) ^ salt);
    let mut random = [0; 10];
    random[..8].copy_from_slice(&bits.to_le_bytes());
    uuid::Builder::from_unix_timestamp_millis(FIRST + u64::from(number), &random).into_uuid()
}

/// The key of a user by number.
pub fn user_key(number: u32) -> Uuid {
    key(number, 0x5555_0000_0000)
}

/// The key of a goal by number. Its owner is `owner(number)`.
pub fn goal_key(number: u32) -> Uuid {
    key(number, 0x9999_0000_0000)
}

impl Size {
    /// How many users have goals.
    pub fn owners(self) -> u32 {
        (self.goals / GOALS_PER_OWNER).max(1)
    }

    /// The number of the user who has a goal: spread, as if users came back over time.
    pub fn owner(self, goal: u32) -> u32 {
        goal % self.owners()
    }
}

/// The users of the table.
pub fn load_users(numbers: std::ops::Range<u32>) -> Vec<LoadUser> {
    numbers
        .map(|number| LoadUser {
            id: user_key(number),
            email: format!("user{number}@example.com"),
            name: format!("User number {number}"),
        })
        .collect()
}

/// The goals of the table.
pub fn load_goals(size: Size, numbers: std::ops::Range<u32>) -> Vec<LoadGoal> {
    numbers
        .map(|number| LoadGoal {
            id: goal_key(number),
            user_id: user_key(size.owner(number)),
            title: format!("Goal number {number}: read one more book"),
            description: (number % 2 == 0).then(|| "A page a day, and two on Sundays.".to_owned()),
            status: "active".to_owned(),
        })
        .collect()
}

/// Rows of a bulk insert.
pub fn new_imports(count: u32, size: Size) -> Vec<NewImport> {
    (0..count)
        .map(|number| NewImport {
            user_id: user_key(number % size.users),
            title: format!("Imported goal {number}: read one more book"),
            description: (number % 2 == 0).then(|| "A page a day, and two on Sundays.".to_owned()),
            status: "active".to_owned(),
        })
        .collect()
}

/// Spreads numbers evenly over 64 bits, always alike.
pub fn scatter(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
