//! `/goals`.

use axum::extract::State;
use mainstay::schema::Filter;

use super::json::{Answer, Body, Created, List};
use super::known::KnownRow;
use super::path::Id;
use super::query::Params;
use super::refusal::Failure;
use crate::entities::goal::NewGoal;
use crate::entities::{Difficulty, Goal, Priority, Status};
use crate::service::App;
use crate::service::goals::GoalChange;

/// Lists goals in the order of their creation. Filters: `userId`, `moduleId`, `status`,
/// `difficulty`, `priority`, `q` (part of the title).
///
/// # Errors
/// As all handlers here: what the repository and validation say.
pub async fn list(
    State(app): State<App>,
    mut params: Params,
) -> Result<Answer<List<Goal>>, Failure> {
    let filters: [Option<Filter<Goal>>; 6] = [
        params.uuid("userId").map(|id| Goal::USER_ID.eq(id)),
        params.text("moduleId").map(|id| Goal::MODULE_ID.eq(id)),
        params
            .word::<Status>("status")
            .map(|word| Goal::STATUS.eq(word)),
        params
            .word::<Difficulty>("difficulty")
            .map(|word| Goal::DIFFICULTY.eq(word)),
        params
            .word::<Priority>("priority")
            .map(|word| Goal::PRIORITY.eq(word)),
        params.text("q").map(|part| Goal::TITLE.contains(part)),
    ];
    let page = params.page()?;
    let mut find = app.db.repository::<Goal>().find_many();
    for filter in filters.into_iter().flatten() {
        find = find.filter(filter);
    }
    Ok(find.page_after(page.cursor, page.limit).await?.into())
}

/// Creates a goal.
pub async fn create(
    State(app): State<App>,
    Body(goal): Body<NewGoal>,
) -> Result<Created<Goal>, Failure> {
    let row = app.db.repository::<Goal>().create(goal).await?;
    Ok(Created {
        location: format!("/api/v1/goals/{}", row.id),
        row,
    })
}

/// Reads a goal, as last known while the database does not answer.
pub async fn read(State(app): State<App>, Id(id): Id) -> Result<KnownRow<Goal>, Failure> {
    let found = app.db.repository::<Goal>().find_by_id(id);
    KnownRow::of(found.or_stale().await?)
}

/// Changes a goal.
pub async fn update(
    State(app): State<App>,
    Id(id): Id,
    Body(change): Body<GoalChange>,
) -> Result<Answer<Goal>, Failure> {
    Ok(Answer(app.update_goal(id, change).await?))
}

/// Deletes a goal with its progress, and answers with what was deleted.
pub async fn delete(State(app): State<App>, Id(id): Id) -> Result<Answer<Goal>, Failure> {
    Ok(Answer(app.db.repository::<Goal>().delete(id).await?))
}
