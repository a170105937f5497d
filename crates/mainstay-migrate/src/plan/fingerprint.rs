//! The fingerprint by which the text of an applied migration is known again.

use mainstay::Result;
use mainstay::schema::Dialect;

use crate::MigrationSet;
use crate::checksum::checksum;
use crate::migration::{Direction, MigrationRef};

/// The fingerprint of the text that applies a migration.
///
/// # Errors
/// `CONFIGURATION_ERROR` when its text cannot be split.
pub(crate) fn fingerprint(
    set: &MigrationSet,
    migration: &MigrationRef<'_>,
    dialect: Dialect,
) -> Result<String> {
    let text = set.text(migration.version, Direction::Up, dialect)?;
    checksum(dialect, text.unwrap_or_default())
        .map_err(|error| migration.wrong(Direction::Up, dialect, &error))
}
