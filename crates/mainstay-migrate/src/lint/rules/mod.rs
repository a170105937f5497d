//! The rules, each with what it finds, why, what to do, and a text that it finds something in.
//!
//! Engines are told apart here because the rules are about how engines differ.
//!
//! - `index`: building indexes, and other work that need not block
//! - `constraint`: constraints that look at every row when they are added
//! - `keys`: keys that tables ought to have
//! - `column`: adding columns; `change`: changing them
//! - `removal`: dropping; `rename`: renaming, and what entities need
//! - `rows`: writing rows
//! - `locks`: how long a migration may block others
//! - `types`: types of columns
//! - `mysql`, `sqlite`: what only these have
//! - `migration`: the migration as a whole, and names
//! - `directives`: rules about directives and texts, found by the lint itself

mod change;
mod column;
mod constraint;
mod directives;
mod index;
mod keys;
mod locks;
mod migration;
mod mysql;
mod removal;
mod rename;
mod rows;
mod sqlite;
mod types;

use mainstay::schema::Dialect;

pub(super) use directives::{
    IGNORE_UNKNOWN_RULE, IGNORE_UNUSED, IGNORE_WITHOUT_REASON, UNREADABLE, WRONG_DIRECTIVE,
};

use super::context::{Context, Hit};
use super::report::Severity;

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
    pub(super) check: fn(&Context<'_>) -> Vec<Hit>,
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

const SQLITE: &[Dialect] = &[Dialect::Sqlite];
const POSTGRES: &[Dialect] = &[Dialect::Postgres];
const MYSQL: &[Dialect] = &[Dialect::MariaDb, Dialect::MySql];
const SERVERS: &[Dialect] = &[Dialect::Postgres, Dialect::MariaDb, Dialect::MySql];
const ALL: &[Dialect] = &Dialect::ALL;

/// All rules, by subject.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [
        index::RULES,
        constraint::RULES,
        keys::RULES,
        column::RULES,
        change::RULES,
        removal::RULES,
        rename::RULES,
        rows::RULES,
        locks::RULES,
        types::RULES,
        mysql::RULES,
        sqlite::RULES,
        migration::RULES,
        directives::RULES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The rule of an id.
pub fn find(id: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.id == id)
}
