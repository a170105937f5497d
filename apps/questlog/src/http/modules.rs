//! `/modules`.

use axum::extract::State;
use mainstay::schema::Filter;

use super::json::{Answer, Body, Created, List};
use super::path::Name;
use super::query::Params;
use super::refusal::{Failure, not_found};
use crate::entities::Module;
use crate::entities::module::{ModulePatch, NewModule};
use crate::service::App;

/// Lists modules by id. Filters: `isEnabled`, `isInstalled`, `q` (part of the name).
///
/// # Errors
/// As all handlers here: what the repository and validation say.
pub async fn list(
    State(app): State<App>,
    mut params: Params,
) -> Result<Answer<List<Module>>, Failure> {
    let enabled = params.flag("isEnabled");
    let installed = params.flag("isInstalled");
    let search = params.text("q");
    let page = params.page()?;
    let filters: [Option<Filter<Module>>; 3] = [
        enabled.map(|is| Module::IS_ENABLED.eq(is)),
        installed.map(|is| Module::IS_INSTALLED.eq(is)),
        search.map(|part| Module::NAME.contains(part)),
    ];
    let mut find = app.db.repository::<Module>().find_many();
    for filter in filters.into_iter().flatten() {
        find = find.filter(filter);
    }
    Ok(find.page_after(page.cursor, page.limit).await?.into())
}

/// Creates a module.
pub async fn create(
    State(app): State<App>,
    Body(module): Body<NewModule>,
) -> Result<Created<Module>, Failure> {
    let row = app.db.repository::<Module>().create(module).await?;
    Ok(Created {
        location: super::path::of("/api/v1/modules", &row.id),
        row,
    })
}

/// Reads a module.
pub async fn read(State(app): State<App>, Name(id): Name) -> Result<Answer<Module>, Failure> {
    let found = app.db.repository::<Module>().find_by_id(id).await?;
    found.map(Answer).ok_or_else(not_found::<Module>)
}

/// Changes a module.
pub async fn update(
    State(app): State<App>,
    Name(id): Name,
    Body(patch): Body<ModulePatch>,
) -> Result<Answer<Module>, Failure> {
    Ok(Answer(
        app.db.repository::<Module>().update(id, patch).await?,
    ))
}

/// Deletes a module that has no goals, and answers with what was deleted.
pub async fn delete(State(app): State<App>, Name(id): Name) -> Result<Answer<Module>, Failure> {
    Ok(Answer(app.db.repository::<Module>().delete(id).await?))
}
