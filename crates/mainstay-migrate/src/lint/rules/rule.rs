//! What a rule is, and the dialects it may hold for.

use mainstay::schema::Dialect;

use crate::lint::context::{Context, Hit};
use crate::lint::report::Severity;

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name in reports and directives. It does not change.
    pub id: &'static str,
    /// How much a finding of it matters.
    pub severity: Severity,
    /// The dialects it holds for.
    pub dialects: &'static [Dialect],
    /// What it finds, in one line.
    pub summary: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// Where more is said about it.
    pub source: Option<&'static str>,
    /// What to do, in words. Findings have it as SQL with the names of the statement, where it
    /// can be written.
    pub rewrite: &'static str,
    /// What a number of rows says about a finding.
    pub weight: Weight,
    /// Whether it needs the application's entities.
    pub needs_entities: bool,
    /// Texts that it finds something in, and the same done well.
    pub examples: &'static [Example],
    pub(in crate::lint) check: fn(&Context<'_>) -> Vec<Hit>,
}

impl Rule {
    /// Whether it holds for a dialect.
    pub fn holds_for(&self, dialect: Dialect) -> bool {
        self.dialects.contains(&dialect)
    }
}

/// What a number of rows says about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Nothing.
    Any,
    /// The more rows, the worse: a note on a small table, nothing on an empty one.
    Rows,
    /// It matters on every table that has rows at all.
    Filled,
}

/// A text that a rule finds something in, and one that it does not.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// The dialect of the texts.
    pub dialect: Dialect,
    /// An earlier migration.
    pub before: &'static str,
    /// What the rule finds something in.
    pub fires: &'static str,
    /// What it finds nothing in.
    pub passes: &'static str,
}

pub(super) const SQLITE: &[Dialect] = &[Dialect::Sqlite];
pub(super) const POSTGRES: &[Dialect] = &[Dialect::Postgres];
pub(super) const MYSQL: &[Dialect] = &[Dialect::MariaDb, Dialect::MySql];
pub(super) const SERVERS: &[Dialect] = &[Dialect::Postgres, Dialect::MariaDb, Dialect::MySql];
pub(super) const ALL: &[Dialect] = &Dialect::ALL;
