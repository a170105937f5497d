//! Recording progress.
//!
//! One transaction: the step is stored, its XP is added to the person's total, level and streak
//! follow, and the goal is completed when the maximum is reached.
//!
//! Locks are taken in one order everywhere: the person, then the goal, then inserts. Recordings of
//! one person wait for each other, so none of their XP is lost and none of them deadlock.

use chrono::{DateTime, Utc};
use mainstay::schema::{Insert as _, TableModel};
use mainstay::validate::{prepare_insert, require_range};
use mainstay::{Entity as _, FieldErrors, Result, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::goals::{locked_goal, no_goal, status_change};
use super::{App, refused};
use crate::entities::progress::NewProgress;
use crate::entities::{Goal, Progress, Status, User};
use crate::input::Input;
use crate::rules::{self, MAX_XP_PER_STEP};

/// Where a goal is reached unless a step says otherwise.
pub const DEFAULT_MAX: i64 = 100;

/// A step to be recorded.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Step {
    /// How far the goal has come: from 0 to the maximum.
    pub value: Option<i64>,
    /// Where the goal is reached; 100 unless given.
    pub max_value: Option<i64>,
    /// The XP earned, up to 1000; by the goal's difficulty unless given.
    pub xp_earned: Option<i64>,
    /// What the person wrote about it.
    pub notes: Option<String>,
    /// Who made the step. It is the goal's user, so it need not be given; another one is refused.
    pub user_id: Option<Uuid>,
}

/// A step that was recorded, and what followed from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// The step.
    #[serde(flatten)]
    pub progress: Progress,
    /// Where the person stands now.
    pub user: Standing,
    /// Where the goal stands now.
    pub goal: GoalState,
}

/// Where a person stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// All XP ever earned.
    pub total_xp: i64,
    /// The level.
    pub current_level: i32,
    /// Calendar days in a row.
    pub streak_count: i32,
}

/// Where a goal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct GoalState {
    /// Its status.
    pub status: Status,
}

impl App {
    /// Records a step towards a goal.
    ///
    /// # Errors
    /// `NOT_FOUND` when there is no such goal; `VALIDATION_ERROR`, also when the goal is not
    /// active or belongs to another user.
    pub async fn record(&self, goal_id: Uuid, step: Step) -> Result<Recorded> {
        self.record_on(Some(goal_id), step).await
    }

    /// As [`record`](Self::record), for input that may lack the goal.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub async fn record_on(&self, goal_id: Option<Uuid>, step: Step) -> Result<Recorded> {
        let mut problems = FieldErrors::new();
        step.check_on(goal_id, self.db.clock().now(), &mut problems)?;
        problems.into_result()?;
        let goal_id = goal_id.ok_or_else(|| refused("goalId", "goalId is required"))?;
        self.db
            .transaction(|tx| {
                let step = step.clone();
                async move { record_in(&tx, goal_id, step).await }
            })
            .await
    }
}

async fn record_in(tx: &Tx, goal_id: Uuid, step: Step) -> Result<Recorded> {
    let users = tx.repository::<User>();
    // Read first only to learn whose goal it is: the person is locked before the goal.
    let found = tx.repository::<Goal>().find_by_id(goal_id).await?;
    let user_id = found.ok_or_else(no_goal)?.user_id;
    let user = users.find_for_update(user_id).await?.ok_or_else(no_goal)?;
    let goal = locked_goal(tx, goal_id).await?;
    if step.user_id.is_some_and(|id| id != user.id) {
        return Err(refused("userId", "The goal belongs to another user"));
    }
    if goal.status != Status::Active {
        return Err(refused("goalId", "The goal is not active"));
    }

    let earned = step
        .xp_earned
        .unwrap_or_else(|| rules::default_xp(goal.difficulty));
    let total = user
        .total_xp
        .checked_add(earned)
        .ok_or_else(|| refused("xpEarned", "The user's XP would be out of range"))?;
    let now = tx.database().clock().now();
    let today = now.date_naive();
    let progress = tx
        .repository::<Progress>()
        .create(NewProgress {
            value: step.value,
            max_value: step.max_value,
            xp_earned: Some(earned),
            notes: step.notes,
            user_id: Some(user.id),
            goal_id: Some(goal.id),
        })
        .await?;
    let user = users
        .update(
            user.id,
            [
                // The row is locked, so this and `total` agree; adding keeps it right even if a
                // writer elsewhere takes no lock.
                User::TOTAL_XP.increment(earned),
                User::CURRENT_LEVEL.set(rules::level_of(total)),
                User::STREAK_COUNT.set(rules::streak_after(
                    user.last_active_on,
                    today,
                    user.streak_count,
                )),
                User::LAST_ACTIVE_ON.set(rules::last_active_after(user.last_active_on, today)),
            ],
        )
        .await?;
    let status = if progress.value >= progress.max_value {
        let change = status_change(&goal, Status::Completed, now);
        tx.repository::<Goal>()
            .update(goal.id, change)
            .await?
            .status
    } else {
        goal.status
    };
    Ok(Recorded {
        progress,
        user: Standing {
            total_xp: user.total_xp,
            current_level: user.current_level,
            streak_count: user.streak_count,
        },
        goal: GoalState { status },
    })
}

impl Input for Step {
    fn table() -> &'static TableModel {
        Progress::table()
    }

    fn check(&self, now: DateTime<Utc>, problems: &mut FieldErrors) -> Result<()> {
        // The goal is in the path.
        self.check_on(Some(Uuid::nil()), now, problems)
    }
}

impl Step {
    /// As [`check`](Input::check), for input that may lack the goal.
    pub(crate) fn check_on(
        &self,
        goal_id: Option<Uuid>,
        now: DateTime<Utc>,
        problems: &mut FieldErrors,
    ) -> Result<()> {
        let mut assignments = NewProgress {
            value: self.value,
            max_value: self.max_value,
            xp_earned: self.xp_earned,
            notes: self.notes.clone(),
            // Whose step it is, is known only when the goal has been read.
            user_id: Some(self.user_id.unwrap_or_default()),
            goal_id,
        }
        .assignments();
        problems.add_new(prepare_insert(Progress::table(), &mut assignments, now))?;
        if let Some(earned) = self.xp_earned.filter(|_| !problems.names("xpEarned")) {
            require_range(problems, "xpEarned", &earned, 0..=MAX_XP_PER_STEP);
        }
        check_value(problems, self.value, self.max_value.unwrap_or(DEFAULT_MAX));
        Ok(())
    }
}

/// The rule over two columns, which the table's check also keeps. It says nothing while one of
/// them has a problem of its own.
pub(super) fn check_value(problems: &mut FieldErrors, value: Option<i64>, max_value: i64) {
    let comparable = !problems.names("value") && !problems.names("maxValue");
    if comparable && value.is_some_and(|value| value > max_value) {
        problems.push(
            "value",
            format!("value must be between 0 and maxValue ({max_value})"),
        );
    }
}
