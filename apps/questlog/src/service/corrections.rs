//! Correcting what was recorded.
//!
//! XP, level and streak stay as they are: what was earned was earned when it was recorded. So a
//! correction cannot be used to earn twice, and deleting a step takes nothing away.

use chrono::{DateTime, Utc};
use mainstay::schema::{Assignment, TableModel};
use mainstay::validate::prepare;
use mainstay::{Entity as _, Error, ErrorKind, FieldErrors, Result, Tx};
use serde::Deserialize;
use uuid::Uuid;

use super::App;
use super::goals::{locked_goal, status_change};
use super::recording::check_value;
use crate::entities::{Goal, Progress, Status};
use crate::input::{Input, given, nullable};

/// A correction of a step.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Correction {
    /// How far the goal had come.
    #[serde(deserialize_with = "given")]
    pub value: Option<i64>,
    /// Where the goal is reached.
    #[serde(deserialize_with = "given")]
    pub max_value: Option<i64>,
    /// What the person wrote about it; null removes it.
    #[serde(deserialize_with = "nullable")]
    pub notes: Option<Option<String>>,
}

impl Correction {
    fn assignments(self) -> Vec<Assignment> {
        let mut out = Vec::new();
        out.extend(self.value.map(|v| Progress::VALUE.set(v)));
        out.extend(self.max_value.map(|v| Progress::MAX_VALUE.set(v)));
        out.extend(self.notes.map(|v| Progress::NOTES.set(v)));
        out
    }
}

impl Input for Correction {
    fn table() -> &'static TableModel {
        Progress::table()
    }

    fn check(&self, now: DateTime<Utc>, problems: &mut FieldErrors) -> Result<()> {
        let mut assignments = self.clone().assignments();
        problems.add_new(prepare(Progress::table(), &mut assignments, now))?;
        // Whatever is not given is known only when the step has been read.
        if let Some(max_value) = self.max_value {
            check_value(problems, self.value, max_value);
        }
        Ok(())
    }
}

impl App {
    /// Corrects a step. An active goal is completed when the corrected value reaches the maximum.
    ///
    /// # Errors
    /// `NOT_FOUND`, `VALIDATION_ERROR`.
    pub async fn correct(&self, id: Uuid, correction: Correction) -> Result<Progress> {
        // Input is refused before any work is done for it.
        correction.checked(self.db.clock().now())?;
        self.db
            .transaction(|tx| {
                let correction = correction.clone();
                async move { correct_in(&tx, id, correction).await }
            })
            .await
    }
}

async fn correct_in(tx: &Tx, id: Uuid, correction: Correction) -> Result<Progress> {
    let steps = tx.repository::<Progress>();
    let found = steps.find_by_id(id).await?;
    let goal_id = found.ok_or_else(no_progress)?.goal_id;
    // The goal before its steps, as when it is deleted.
    let goal = locked_goal(tx, goal_id).await?;
    let step = steps.find_for_update(id).await?.ok_or_else(no_progress)?;

    let value = correction.value.unwrap_or(step.value);
    let max_value = correction.max_value.unwrap_or(step.max_value);
    let mut fields = FieldErrors::new();
    check_value(&mut fields, Some(value), max_value);
    fields.into_result()?;

    let changed = correction.value.is_some() || correction.max_value.is_some();
    let step = steps.update(id, correction.assignments()).await?;
    if changed && step.value >= step.max_value && goal.status == Status::Active {
        let change = status_change(&goal, Status::Completed, tx.database().clock().now());
        tx.repository::<Goal>().update(goal.id, change).await?;
    }
    Ok(step)
}

fn no_progress() -> Error {
    Error::new(ErrorKind::NotFound, "no progress has this id").with_table("progress")
}
