//! `/users`.

use axum::extract::State;
use mainstay::schema::Filter;

use super::json::{Answer, Body, Created, List};
use super::known::KnownRow;
use super::path::Id;
use super::query::Params;
use super::refusal::Failure;
use crate::entities::User;
use crate::service::App;
use crate::service::users::{Registration, UserChange};

/// Lists people in the order of their creation. Filters: `email` (exact), `q` (part of the name).
///
/// # Errors
/// As all handlers here: what the repository and validation say.
pub async fn list(
    State(app): State<App>,
    mut params: Params,
) -> Result<Answer<List<User>>, Failure> {
    let email = params.text("email");
    let search = params.text("q");
    let page = params.page()?;
    let filters: [Option<Filter<User>>; 2] = [
        // As it is stored.
        email.map(|email| User::EMAIL.eq(email.trim().to_lowercase())),
        search.map(|part| User::NAME.contains(part)),
    ];
    let mut find = app.db.repository::<User>().find_many();
    for filter in filters.into_iter().flatten() {
        find = find.filter(filter);
    }
    Ok(find.page_after(page.cursor, page.limit).await?.into())
}

/// Creates a person.
pub async fn create(
    State(app): State<App>,
    Body(registration): Body<Registration>,
) -> Result<Created<User>, Failure> {
    let row = app.create_user(registration).await?;
    Ok(Created {
        location: format!("/api/v1/users/{}", row.id),
        row,
    })
}

/// Reads a person, as last known while the database does not answer.
pub async fn read(State(app): State<App>, Id(id): Id) -> Result<KnownRow<User>, Failure> {
    let found = app.db.repository::<User>().find_by_id(id);
    KnownRow::of(found.or_stale().await?)
}

/// Changes a person.
pub async fn update(
    State(app): State<App>,
    Id(id): Id,
    Body(change): Body<UserChange>,
) -> Result<Answer<User>, Failure> {
    Ok(Answer(app.update_user(id, change).await?))
}

/// Deletes a person with all goals and progress, and answers with what was deleted.
pub async fn delete(State(app): State<App>, Id(id): Id) -> Result<Answer<User>, Failure> {
    Ok(Answer(app.db.repository::<User>().delete(id).await?))
}
