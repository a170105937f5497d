//! What a rule sees of the statement it looks at, and what it needs to write SQL.

use mainstay::driver::Capabilities;
use mainstay::schema::{Dialect, TableModel};

use super::Source;
use super::known::Known;
use super::script::{Script, Step};
use crate::ddl::{Act, AlterTable, Name};
use crate::directive::Directive;
use crate::lexer::Kind;

/// A statement of a migration, and what stands around it.
pub(crate) struct Context<'a> {
    pub(super) dialect: Dialect,
    pub(super) source: &'a Source,
    pub(super) script: &'a Script<'a>,
    /// The statement's position in the script.
    pub(super) at: usize,
    /// The migration's position among all.
    pub(super) migration: usize,
    /// The tables before the statement.
    pub(super) known: &'a Known,
    /// The tables after the last migration.
    pub(super) end: &'a Known,
    pub(super) entities: &'a [&'static TableModel],
}

/// What a rule found in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    /// What the statement does, with its names.
    pub(super) message: String,
    /// What to write instead.
    pub(super) rewrite: String,
    /// The table whose number of rows matters.
    pub(super) table: Option<Name>,
}

impl Hit {
    pub(super) fn new(message: impl Into<String>, rewrite: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            rewrite: rewrite.into(),
            table: None,
        }
    }

    pub(super) fn on(mut self, table: &Name) -> Self {
        self.table = Some(table.clone());
        self
    }
}

impl<'a> Context<'a> {
    pub(super) fn step(&self) -> &'a Step<'a> {
        &self.script.steps[self.at]
    }

    pub(super) fn act(&self) -> &'a Act {
        &self.step().act
    }

    /// The statement's text.
    pub(super) fn text(&self) -> &'a str {
        self.step().statement.text
    }

    pub(super) fn earlier(&self) -> &'a [Step<'a>] {
        &self.script.steps[..self.at]
    }

    pub(super) fn later(&self) -> &'a [Step<'a>] {
        &self.script.steps[self.at + 1..]
    }

    /// Whether the migration has such a directive.
    pub(super) fn has(&self, is_such: impl Fn(&Directive) -> bool) -> bool {
        self.script.has(is_such)
    }

    pub(super) fn is_without_transaction(&self) -> bool {
        self.has(|directive| *directive == Directive::NoTransaction)
    }

    /// Whether the migration is one transaction.
    pub(super) fn in_transaction(&self) -> bool {
        Capabilities::of(self.dialect).transactional_ddl && !self.is_without_transaction()
    }

    /// Whether a table was there before this migration, so that it may have rows and users.
    pub(super) fn is_old(&self, table: &Name) -> bool {
        let made_now = |table: &super::known::Table| table.made_in == self.migration;
        !self.known.table(table).is_some_and(made_now)
            && !self.script.steps.iter().any(|step| match &step.act {
                Act::CreateTable(create) => create.temporary && create.name.key() == table.key(),
                _ => false,
            })
    }

    /// The ALTER TABLE of a table that was there before.
    pub(super) fn alter(&self) -> Option<&'a AlterTable> {
        match self.act() {
            Act::AlterTable(alter) if self.is_old(&alter.table) => Some(alter),
            _ => None,
        }
    }

    /// A column's name in quotes.
    pub(super) fn quote(&self, name: &str) -> String {
        self.dialect.quote(name)
    }

    /// Columns' names in quotes, between commas.
    pub(super) fn columns(&self, names: &[String]) -> String {
        let quoted: Vec<_> = names.iter().map(|name| self.quote(name)).collect();
        quoted.join(", ")
    }

    /// A table's name in quotes, with its schema.
    pub(super) fn table(&self, name: &Name) -> String {
        let table = self.quote(&name.name);
        match &name.schema {
            Some(schema) => format!("{}.{table}", self.quote(schema)),
            None => table,
        }
    }

    /// The statement's text with more behind the first of a word.
    pub(super) fn with_word(&self, after: &str, more: &str) -> String {
        let start = self.step().tokens.first().map_or(0, |token| token.at);
        let found = self
            .step()
            .tokens
            .iter()
            .find(|token| token.kind == Kind::Word && token.text.eq_ignore_ascii_case(after));
        let text = self.text();
        let end = found.map_or(0, |token| token.at + token.text.len() - start);
        match (text.get(..end), text.get(end..)) {
            (Some(head), Some(tail)) => format!("{head} {more}{tail};"),
            _ => format!("{text};"),
        }
    }
}
