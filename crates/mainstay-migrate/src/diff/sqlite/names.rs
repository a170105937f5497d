//! Names as SQLite has them.

use mainstay::schema::Dialect;

pub(super) const DIALECT: Dialect = Dialect::Sqlite;

pub(super) fn quote(name: &str) -> String {
    DIALECT.quote(name)
}
