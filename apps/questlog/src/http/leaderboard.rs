//! `/leaderboard`.

use axum::extract::State;

use super::json::{Answer, List};
use super::query::Params;
use super::refusal::Failure;
use crate::entities::User;
use crate::entities::user::LeaderboardEntry;
use crate::service::App;

/// Lists people by their XP, the greatest first. Only the columns it shows are read.
///
/// Of people with the same XP the one who joined last comes first: that is the order of the index
/// read backwards.
///
/// # Errors
/// What the repository and validation say.
pub async fn list(
    State(app): State<App>,
    params: Params,
) -> Result<Answer<List<LeaderboardEntry>>, Failure> {
    let page = params.page()?;
    let found = app
        .db
        .repository::<User>()
        .find_many()
        .order_by(User::TOTAL_XP.desc())
        .order_by(User::ID.desc())
        .project::<LeaderboardEntry>()
        .page_after(page.cursor, page.limit)
        .await?;
    Ok(found.into())
}
