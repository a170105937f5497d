//! What has to be known of a dialect to read its definitions.

use mainstay::schema::Dialect;

/// What may stand in an index besides a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::catalog) enum PartRule {
    /// Any expression, and behind it a collation and an order.
    Expression,
    /// A call, or an expression in parentheses, and behind it anything.
    Call,
    /// An expression in parentheses; those of a column have the length of its prefix.
    Length,
}

/// What has to be known of the dialect.
#[derive(Debug, Clone, Copy)]
pub(in crate::catalog) struct Rules {
    pub(in crate::catalog) dialect: Dialect,
    pub(in crate::catalog) parts: PartRule,
    /// What a foreign key does that does not say it.
    pub(in crate::catalog) usual_action: &'static str,
    /// Indexes stand in CREATE TABLE.
    pub(in crate::catalog) indexes_inside: bool,
}
