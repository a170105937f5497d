//! The migration that makes the database what the entities say. Pure.

use mainstay::{Error, ErrorKind, Result};

use super::claims::{claims, without_entity};
use crate::catalog::Catalog;
use crate::diff::{Candidate, Draft, Renames, candidates, draft, draft_back};

/// What only the caller knows of the entities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// What has been renamed.
    pub renames: Renames,
    /// Tables without an entity that are to go.
    pub drop: Vec<String>,
}

/// A draft and its way back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drafting {
    /// What makes the database what the entities say.
    pub up: Draft,
    /// What undoes it.
    pub down: Draft,
    /// What could be a rename, and is drafted as dropping one thing and making another.
    pub candidates: Vec<Candidate>,
    /// Tables that no entity has. They are left as they are.
    pub without_entity: Vec<String>,
}

/// Drafts the migration that turns what the migrations make into what the entities say.
///
/// # Errors
/// `CONFIGURATION_ERROR` when what was told does not fit the two.
pub fn draft_entities(entities: &Catalog, migrations: &Catalog, told: &Told) -> Result<Drafting> {
    let (renames, refused) = told.renames.fitting(migrations, entities);
    if !refused.is_empty() {
        return Err(Error::new(ErrorKind::Configuration, refused.join("; ")).with_hint(
            "the name before is the migrations', the name after the entities'; a column's table \
             is called by its name after",
        ));
    }
    let renamed = renames.apply(migrations);
    let unclaimed = without_entity(entities, &renamed);
    if let Some(name) = told.drop.iter().find(|name| !unclaimed.contains(name)) {
        return Err(Error::new(
            ErrorKind::Configuration,
            format!("there is no table {name} without an entity to drop"),
        ));
    }
    let target = claims(entities, &renamed, &told.drop);
    Ok(Drafting {
        up: draft(migrations, &target, &renames),
        down: draft_back(migrations, &target, &renames),
        candidates: candidates(&renamed, entities),
        without_entity: unclaimed
            .into_iter()
            .filter(|name| !told.drop.contains(name))
            .collect(),
    })
}

#[cfg(test)]
#[path = "../tests/drafting.rs"]
mod tests;
