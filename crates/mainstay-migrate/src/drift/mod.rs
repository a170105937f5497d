//! What the entities say, what the migrations make and what the database has, compared three ways.
//!
//! - `states`: the three, as catalogs: the first two are made on scratch databases, the third is
//!   only read
//! - `claims`: what the entities have a say in; pure
//! - `judge`: which of the three is the odd one out; pure
//! - `drafting`: the migration that makes the database what the entities say; pure
//! - `apply`: runs a draft that is no migration
//! - [`files`]: a draft as a migration's folder
//! - `squashing`: the text of one migration that makes what many make
//! - `record`: records a migration as applied, whose effect the database has

mod apply;
mod claims;
mod drafting;
pub mod files;
mod judge;
mod record;
mod squashing;
mod states;

use mainstay::{Database, Result, Schema};
use serde::Serialize;

pub use apply::apply;
pub use claims::{claims, without_entity};
pub use drafting::{Drafting, Told, draft_entities};
pub use judge::{Difference, Odd, judge};
pub use record::record;
pub use squashing::{SquashDraft, draft_squash};
pub use states::{States, made_by_entities, made_by_migrations, states};

use crate::MigrationSet;
use crate::scratch::Place;

/// How entities, migrations and database stand to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing differs and nothing is in the way of migrating. Pending migrations are no
    /// drift.
    pub in_sync: bool,
    /// What differs.
    pub differences: Vec<Difference>,
    /// What is in the way of migrating, in words.
    pub problems: Vec<String>,
    /// How many migrations are applied.
    pub applied: usize,
    /// The migrations that are not applied yet.
    pub pending: Vec<String>,
    /// Tables that no entity has. What they are is left to the migrations.
    pub without_entity: Vec<String>,
    /// What else is to be known, in words.
    pub remarks: Vec<String>,
}

impl Report {
    /// How many of the differences have this odd one out.
    pub fn count(&self, odd: Odd) -> usize {
        let is = |difference: &&Difference| difference.odd == odd;
        self.differences.iter().filter(is).count()
    }

    /// Whether the database is not what the migrations applied to it make.
    pub fn database_differs(&self) -> bool {
        self.differences.iter().any(|one| one.concerns_database)
    }

    /// Whether the migrations do not make what the entities say.
    pub fn entities_differ(&self) -> bool {
        self.differences.iter().any(|one| one.concerns_entities)
    }
}

/// Compares the entities, the migrations and a database three ways. The database is only read; the
/// other two are made on scratch databases.
///
/// Where migrations are pending, the database is compared with what those that are applied make,
/// and the entities with what all of them make.
///
/// The entities have no say in what they cannot say: tables without an entity, views, triggers,
/// functions, indexes on expressions or on a part of the rows, comments.
///
/// # Errors
/// Those of reading and of making scratch databases; those of the migrations when they do not run
/// on an empty database; `CONFIGURATION_ERROR` when the set is wrong.
pub async fn check(
    db: &Database,
    entities: &Schema,
    set: &MigrationSet,
    place: &Place,
) -> Result<Report> {
    let states = states(db, entities, set, place).await?;
    Ok(report(&states))
}

/// The report on three states. Pure.
pub fn report(states: &States) -> Report {
    let differences = judge(states);
    Report {
        in_sync: differences.is_empty() && states.problems.is_empty(),
        differences,
        problems: states.problems.clone(),
        applied: states.count,
        pending: states.pending.clone(),
        // Where there are no entities at all, nothing is to be said of them.
        without_entity: match states.entities.tables.is_empty() {
            true => Vec::new(),
            false => without_entity(&states.entities, &states.migrations),
        },
        remarks: states.remarks(),
    }
}
