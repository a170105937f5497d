//! The rules, each with what it finds, why, what to do, and a text that it finds something in.
//!
//! Engines are told apart here because the rules are about how engines differ.
//!
//! - `rule`: what a rule is
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
mod rule;
mod sqlite;
mod types;

pub(super) use directives::{
    IGNORE_UNKNOWN_RULE, IGNORE_UNUSED, IGNORE_WITHOUT_REASON, UNREADABLE, WRONG_DIRECTIVE,
};
pub use rule::{Example, Rule, Weight};

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
