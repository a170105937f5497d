//! Foreign keys inside of a group of tables.

use mainstay_migrate::catalog::ForeignKey;

/// A table of a group, and which of its foreign keys lead into the group.
pub(in crate::copy) struct Inside<'a> {
    pub(in crate::copy) table: &'a str,
    pub(in crate::copy) keys: Vec<&'a ForeignKey>,
}
