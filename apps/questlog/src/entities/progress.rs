//! Steps towards a goal.

use chrono::{DateTime, Utc};
use mainstay::{Entity, Insert};
use serde::Serialize;
use uuid::Uuid;

use super::{Goal, User};

/// How far a goal had come at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Entity, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(
    clippy::duplicated_attributes,
    reason = "a column may stand in several indexes and checks"
)]
#[entity(
    table = "progress",
    index(user_id, id),
    index(goal_id, id),
    check(
        name = "value_in_range",
        condition = "value >= 0 AND value <= max_value",
        columns(value, max_value)
    ),
    check(name = "max_positive", condition = "max_value > 0", columns(max_value)),
    check(
        name = "xp_not_negative",
        condition = "xp_earned >= 0",
        columns(xp_earned)
    )
)]
pub struct Progress {
    /// Made by the application.
    #[entity(key, auto)]
    pub id: Uuid,
    /// How far: from 0 to [`max_value`](Self::max_value).
    #[entity(min = 0)]
    pub value: i64,
    /// Where the goal is reached.
    #[entity(default = 100, min = 1)]
    pub max_value: i64,
    /// The XP this step earned.
    #[entity(default = 0, min = 0)]
    pub xp_earned: i64,
    /// What the person wrote about it.
    #[entity(multiline, max = 1000, message(max = "Notes too long"))]
    pub notes: Option<String>,
    /// Who made the step. Deleting the user deletes it.
    #[entity(references(User::id, on_delete = cascade))]
    pub user_id: Uuid,
    /// The goal it leads to. Deleting the goal deletes it.
    #[entity(references(Goal::id, on_delete = cascade))]
    pub goal_id: Uuid,
    /// When the step was recorded.
    #[entity(created_at)]
    pub created_at: DateTime<Utc>,
}

/// A new step. What is missing is reported by validation.
#[derive(Debug, Clone, Default, Insert)]
#[insert(Progress)]
pub struct NewProgress {
    /// How far.
    pub value: Option<i64>,
    /// Where the goal is reached.
    pub max_value: Option<i64>,
    /// The XP earned.
    pub xp_earned: Option<i64>,
    /// What the person wrote about it.
    pub notes: Option<String>,
    /// Who made the step.
    pub user_id: Option<Uuid>,
    /// The goal it leads to.
    pub goal_id: Option<Uuid>,
}
