//! Changing goals.

use chrono::{DateTime, Utc};
use mainstay::schema::{Assignment, TableModel};
use mainstay::validate::prepare;
use mainstay::{Entity as _, Error, ErrorKind, FieldErrors, Result, Tx};
use serde::Deserialize;
use uuid::Uuid;

use super::App;
use crate::entities::{Difficulty, Goal, Priority, Status};
use crate::input::{Input, given, nullable};

/// A change of a goal. Whose it is does not change.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GoalChange {
    /// What is to be reached.
    #[serde(deserialize_with = "given")]
    pub title: Option<String>,
    /// More about it; null removes it.
    #[serde(deserialize_with = "nullable")]
    pub description: Option<Option<String>>,
    /// How hard it is.
    #[serde(deserialize_with = "given")]
    pub difficulty: Option<Difficulty>,
    /// How much it matters.
    #[serde(deserialize_with = "given")]
    pub priority: Option<Priority>,
    /// When it is to be reached; null removes it.
    #[serde(deserialize_with = "nullable")]
    pub target_date: Option<Option<DateTime<Utc>>>,
    /// Where it stands. When it was completed follows from it.
    #[serde(deserialize_with = "given")]
    pub status: Option<Status>,
    /// The module it belongs to.
    #[serde(deserialize_with = "given")]
    pub module_id: Option<String>,
}

impl GoalChange {
    /// The columns that change, apart from the status.
    fn assignments(self) -> Vec<Assignment> {
        let mut out = Vec::new();
        out.extend(self.title.map(|v| Goal::TITLE.set(v)));
        out.extend(self.description.map(|v| Goal::DESCRIPTION.set(v)));
        out.extend(self.difficulty.map(|v| Goal::DIFFICULTY.set(v)));
        out.extend(self.priority.map(|v| Goal::PRIORITY.set(v)));
        out.extend(self.target_date.map(|v| Goal::TARGET_DATE.set(v)));
        out.extend(self.module_id.map(|v| Goal::MODULE_ID.set(v)));
        out
    }
}

impl Input for GoalChange {
    fn table() -> &'static TableModel {
        Goal::table()
    }

    fn check(&self, now: DateTime<Utc>, problems: &mut FieldErrors) -> Result<()> {
        let mut assignments = self.clone().assignments();
        problems.add_new(prepare(Goal::table(), &mut assignments, now))
    }
}

impl App {
    /// Changes a goal.
    ///
    /// # Errors
    /// `NOT_FOUND`, `VALIDATION_ERROR`, `FOREIGN_KEY_ERROR` on `moduleId`.
    pub async fn update_goal(&self, id: Uuid, change: GoalChange) -> Result<Goal> {
        let assignments = change.clone().assignments();
        let Some(status) = change.status else {
            return self.db.repository::<Goal>().update(id, assignments).await;
        };
        // Input is refused before any work is done for it.
        change.checked(self.db.clock().now())?;
        self.db
            .transaction(|tx| {
                let mut assignments = assignments.clone();
                async move {
                    let goals = tx.repository::<Goal>();
                    let goal = locked_goal(&tx, id).await?;
                    assignments.extend(status_change(&goal, status, tx.database().clock().now()));
                    goals.update(id, assignments).await
                }
            })
            .await
    }
}

/// A goal, locked until the transaction ends.
pub(super) async fn locked_goal(tx: &Tx, id: Uuid) -> Result<Goal> {
    let found = tx.repository::<Goal>().find_for_update(id).await?;
    found.ok_or_else(no_goal)
}

pub(super) fn no_goal() -> Error {
    Error::new(ErrorKind::NotFound, "no goal has this id").with_table("goals")
}

/// What changes with a status. A goal that is completed keeps the instant of its first completion.
pub(super) fn status_change(goal: &Goal, status: Status, now: DateTime<Utc>) -> Vec<Assignment> {
    if goal.status == status {
        return Vec::new();
    }
    let completed_at = (status == Status::Completed).then_some(now);
    vec![
        Goal::STATUS.set(status),
        Goal::COMPLETED_AT.set(completed_at),
    ]
}
