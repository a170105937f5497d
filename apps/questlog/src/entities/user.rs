//! People.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use mainstay::{Entity, Insert, Projection};
use serde::Serialize;
use uuid::Uuid;

/// A person who has goals. As JSON, without the password.
#[derive(Clone, PartialEq, Entity, Serialize)]
#[serde(rename_all = "camelCase")]
#[entity(
    table = "users",
    unique(email),
    // The leaderboard.
    index(total_xp, id),
    check(name = "xp_not_negative", condition = "total_xp >= 0", columns(total_xp)),
    check(name = "level_positive", condition = "current_level >= 1", columns(current_level)),
    check(name = "streak_not_negative", condition = "streak_count >= 0", columns(streak_count))
)]
pub struct User {
    /// Made by the application.
    #[entity(key, auto)]
    pub id: Uuid,
    /// In lower case.
    #[entity(
        max = 254,
        email,
        lowercase,
        message(max = "Invalid email format", email = "Invalid email format")
    )]
    pub email: String,
    /// What to call the person.
    #[entity(
        min = 1,
        max = 100,
        message(min = "Name is required", max = "Name too long")
    )]
    pub name: String,
    /// The bcrypt hash; `None` for who cannot log in.
    #[entity(opaque, max = 100)]
    #[serde(skip)]
    pub password_hash: Option<String>,
    /// All XP ever earned.
    #[entity(default = 0, min = 0)]
    pub total_xp: i64,
    /// Follows from `total_xp`: see [`level_of`](crate::rules::level_of).
    #[entity(default = 1, min = 1)]
    pub current_level: i32,
    /// Calendar days in a row with progress, up to [`last_active_on`](Self::last_active_on).
    #[entity(default = 0, min = 0)]
    pub streak_count: i32,
    /// The day (UTC) of the latest progress.
    pub last_active_on: Option<NaiveDate>,
    /// The person's settings: a JSON object.
    #[entity(json_object)]
    pub preferences: Option<serde_json::Value>,
    /// When the row was made.
    #[entity(created_at)]
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    #[entity(updated_at)]
    pub updated_at: DateTime<Utc>,
}

impl fmt::Debug for User {
    /// Without the password's hash and the settings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("email", &self.email)
            .field("name", &self.name)
            .field("total_xp", &self.total_xp)
            .field("current_level", &self.current_level)
            .field("streak_count", &self.streak_count)
            .field("last_active_on", &self.last_active_on)
            .finish_non_exhaustive()
    }
}

/// A new person. What is left out has its default; what is missing is reported by validation.
#[derive(Clone, Default, Insert)]
#[insert(User)]
pub struct NewUser {
    /// The address.
    pub email: Option<String>,
    /// What to call the person.
    pub name: Option<String>,
    /// The bcrypt hash.
    pub password_hash: Option<String>,
    /// XP to start with.
    pub total_xp: Option<i64>,
    /// The level to start with.
    pub current_level: Option<i32>,
    /// The streak to start with.
    pub streak_count: Option<i32>,
    /// The day the streak reaches up to.
    pub last_active_on: Option<NaiveDate>,
    /// Settings.
    pub preferences: Option<serde_json::Value>,
}

impl fmt::Debug for NewUser {
    /// Without the password's hash and the settings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser")
            .field("email", &self.email)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A line of the leaderboard: only the columns it shows.
#[derive(Debug, Clone, PartialEq, Eq, Projection, Serialize)]
#[serde(rename_all = "camelCase")]
#[projection(User)]
pub struct LeaderboardEntry {
    /// Who.
    pub id: Uuid,
    /// What to call the person.
    pub name: String,
    /// All XP ever earned.
    pub total_xp: i64,
    /// The level.
    pub current_level: i32,
    /// Calendar days in a row.
    pub streak_count: i32,
}
