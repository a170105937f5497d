//! What a person wants to reach.

use chrono::{DateTime, Utc};
use mainstay::schema::TableModel;
use mainstay::validate::prepare_insert;
use mainstay::{Entity, FieldErrors, Insert, Result};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Difficulty, Module, Priority, Status, User};
use crate::input::Input;

/// Something a person wants to reach.
#[derive(Debug, Clone, PartialEq, Eq, Entity, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(
    clippy::duplicated_attributes,
    reason = "a column may stand in several indexes and checks"
)]
#[entity(
    table = "goals",
    // Keys are made in the order of creation, so these list the newest or oldest first.
    index(user_id, id),
    index(module_id, id),
    // What a person is at, without all that they have completed over the years.
    index(user_id, status, id),
    check(
        name = "completed_when",
        condition = "(status = 'completed' AND completed_at IS NOT NULL) \
                     OR (status <> 'completed' AND completed_at IS NULL)",
        columns(status, completed_at)
    )
)]
pub struct Goal {
    /// Made by the application.
    #[entity(key, auto)]
    pub id: Uuid,
    /// What is to be reached.
    #[entity(
        min = 1,
        max = 200,
        message(min = "Title is required", max = "Title too long")
    )]
    pub title: String,
    /// More about it.
    #[entity(multiline, max = 1000, message(max = "Description too long"))]
    pub description: Option<String>,
    /// How hard it is.
    #[entity(enumeration)]
    pub difficulty: Difficulty,
    /// How much it matters.
    #[entity(enumeration)]
    pub priority: Priority,
    /// When it is to be reached.
    #[entity(future, message(future = "Target date must be in the future"))]
    pub target_date: Option<DateTime<Utc>>,
    /// Where it stands.
    #[entity(enumeration, default = "active")]
    pub status: Status,
    /// When it was reached; set exactly while it is completed.
    pub completed_at: Option<DateTime<Utc>>,
    /// Whose it is. Deleting the user deletes it.
    #[entity(references(User::id, on_delete = cascade))]
    pub user_id: Uuid,
    /// The module it belongs to, which cannot be deleted while it has goals.
    #[entity(
        references(Module::id),
        min = 1,
        max = 64,
        message(min = "Module ID is required", max = "Module ID too long")
    )]
    pub module_id: String,
    /// When the row was made.
    #[entity(created_at)]
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    #[entity(updated_at)]
    pub updated_at: DateTime<Utc>,
}

/// A new goal. What is missing is reported by validation, by the rules of [`Goal`]'s columns.
#[doc(alias = "goalCreateSchema")]
#[derive(Debug, Clone, Default, Insert, Deserialize)]
#[serde(rename_all = "camelCase")]
#[insert(Goal)]
pub struct NewGoal {
    /// What is to be reached.
    pub title: Option<String>,
    /// More about it.
    pub description: Option<String>,
    /// How hard it is.
    pub difficulty: Option<Difficulty>,
    /// How much it matters.
    pub priority: Option<Priority>,
    /// When it is to be reached.
    pub target_date: Option<DateTime<Utc>>,
    /// Whose it is.
    pub user_id: Option<Uuid>,
    /// The module it belongs to.
    pub module_id: Option<String>,
}

impl Input for NewGoal {
    fn table() -> &'static TableModel {
        Goal::table()
    }

    fn check(&self, now: DateTime<Utc>, problems: &mut FieldErrors) -> Result<()> {
        let mut assignments = self.clone().assignments();
        problems.add_new(prepare_insert(Goal::table(), &mut assignments, now))
    }
}
