//! The one place here that tells engines apart. The files `sqlite`, `postgres` and `mysql` each know
//! one.

use mainstay::schema::Dialect;

use super::engine::Engine;
use super::{mysql, postgres, sqlite};

/// How the statements of a dialect are drafted.
pub(super) fn of(dialect: Dialect) -> &'static dyn Engine {
    match dialect {
        Dialect::Sqlite => &sqlite::Sqlite,
        Dialect::Postgres => &postgres::Postgres,
        // `Dialect` may grow; what speaks neither of the above is taken for MySQL.
        _ => &mysql::MySql,
    }
}
