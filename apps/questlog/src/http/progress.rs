//! `/progress` and `/goals/{id}/progress`.

use axum::extract::State;
use chrono::{DateTime, Utc};
use mainstay::schema::{Filter, TableModel};
use mainstay::{Entity as _, FieldErrors};
use serde::Deserialize;
use uuid::Uuid;

use super::json::{Answer, Body, Created, List};
use super::path::Id;
use super::query::Params;
use super::refusal::{Failure, not_found};
use crate::entities::{Goal, Progress};
use crate::input::Input;
use crate::service::App;
use crate::service::corrections::Correction;
use crate::service::recording::{Recorded, Step};

/// A step with its goal, where the path does not name the goal.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NewStep {
    goal_id: Option<Uuid>,
    value: Option<i64>,
    max_value: Option<i64>,
    xp_earned: Option<i64>,
    notes: Option<String>,
    user_id: Option<Uuid>,
}

impl NewStep {
    fn step(&self) -> Step {
        Step {
            value: self.value,
            max_value: self.max_value,
            xp_earned: self.xp_earned,
            notes: self.notes.clone(),
            user_id: self.user_id,
        }
    }
}

impl Input for NewStep {
    fn table() -> &'static TableModel {
        Progress::table()
    }

    fn check(&self, now: DateTime<Utc>, problems: &mut FieldErrors) -> mainstay::Result<()> {
        self.step().check_on(self.goal_id, now, problems)
    }
}

/// Lists steps in the order of their recording. Filters: `userId`, `goalId`.
///
/// # Errors
/// As all handlers here: what the repository, the rules and validation say.
pub async fn list(
    State(app): State<App>,
    mut params: Params,
) -> Result<Answer<List<Progress>>, Failure> {
    let goal = params.uuid("goalId").map(|id| Progress::GOAL_ID.eq(id));
    find(&app, params, goal).await
}

/// Lists the steps of one goal. Filter: `userId`.
pub async fn of_goal(
    State(app): State<App>,
    Id(id): Id,
    params: Params,
) -> Result<Answer<List<Progress>>, Failure> {
    if !app.db.repository::<Goal>().exists(id).await? {
        return Err(not_found::<Goal>());
    }
    find(&app, params, Some(Progress::GOAL_ID.eq(id))).await
}

async fn find(
    app: &App,
    mut params: Params,
    filter: Option<Filter<Progress>>,
) -> Result<Answer<List<Progress>>, Failure> {
    let user = params.uuid("userId").map(|id| Progress::USER_ID.eq(id));
    let page = params.page()?;
    let mut find = app.db.repository::<Progress>().find_many();
    for filter in [filter, user].into_iter().flatten() {
        find = find.filter(filter);
    }
    Ok(find.page_after(page.cursor, page.limit).await?.into())
}

/// Records a step of the goal in the path.
pub async fn record(
    State(app): State<App>,
    Id(goal): Id,
    Body(step): Body<Step>,
) -> Result<Created<Recorded>, Failure> {
    Ok(created(app.record(goal, step).await?))
}

/// Records a step of the goal in the body.
pub async fn create(
    State(app): State<App>,
    Body(step): Body<NewStep>,
) -> Result<Created<Recorded>, Failure> {
    Ok(created(app.record_on(step.goal_id, step.step()).await?))
}

fn created(row: Recorded) -> Created<Recorded> {
    Created {
        location: format!("/api/v1/progress/{}", row.progress.id),
        row,
    }
}

/// Reads a step.
pub async fn read(State(app): State<App>, Id(id): Id) -> Result<Answer<Progress>, Failure> {
    let found = app.db.repository::<Progress>().find_by_id(id).await?;
    found.map(Answer).ok_or_else(not_found::<Progress>)
}

/// Corrects a step. XP that was earned stays.
pub async fn update(
    State(app): State<App>,
    Id(id): Id,
    Body(correction): Body<Correction>,
) -> Result<Answer<Progress>, Failure> {
    Ok(Answer(app.correct(id, correction).await?))
}

/// Deletes a step, and answers with what was deleted. XP that was earned stays.
pub async fn delete(State(app): State<App>, Id(id): Id) -> Result<Answer<Progress>, Failure> {
    Ok(Answer(app.db.repository::<Progress>().delete(id).await?))
}
