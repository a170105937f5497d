//! Names as they stand in SQL.

use mainstay::schema::Dialect;

/// A name as it stands in SQL. Both dialects quote alike.
pub(super) fn quote(name: &str) -> String {
    Dialect::MariaDb.quote(name)
}
