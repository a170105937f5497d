//! Names as PostgreSQL has them.

use mainstay::schema::Dialect;

pub(super) const DIALECT: Dialect = Dialect::Postgres;

pub(super) fn quote(name: &str) -> String {
    DIALECT.quote(name)
}
