//! How PostgreSQL's definitions are read.

use mainstay::schema::Dialect;

use crate::catalog::parse::rules::{PartRule, Rules};

pub(super) const DIALECT: Dialect = Dialect::Postgres;

/// How its definitions are read.
pub(in crate::catalog) const RULES: Rules = Rules {
    dialect: DIALECT,
    parts: PartRule::Call,
    usual_action: "NO ACTION",
    indexes_inside: false,
};
