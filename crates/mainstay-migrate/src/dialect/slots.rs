//! The dialects as file names tell them apart: MariaDB and MySQL share one name.

use mainstay::schema::Dialect;

/// The words that stand for the dialects in file names.
pub(crate) const SLOTS: [&str; 3] = ["sqlite", "postgres", "mysql"];

/// The place of a dialect among [`SLOTS`].
pub(crate) fn slot_of(dialect: Dialect) -> usize {
    match dialect {
        Dialect::Sqlite => 0,
        Dialect::Postgres => 1,
        // `Dialect` may grow; what speaks neither of the above is read as MySQL's.
        _ => 2,
    }
}

/// A dialect of a place among [`SLOTS`].
pub(crate) fn of_slot(slot: usize) -> Dialect {
    match slot {
        0 => Dialect::Sqlite,
        1 => Dialect::Postgres,
        _ => Dialect::MariaDb,
    }
}
