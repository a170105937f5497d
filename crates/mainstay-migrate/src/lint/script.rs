//! The text of a migration, read: its statements and directives.

use mainstay::schema::Dialect;

use crate::ddl::{Act, read};
use crate::directive::{Directive, Placed, placed};
use crate::lexer::Token;
use crate::split::{SplitError, Statement, split, statements};

/// A text's statements and directives.
#[derive(Debug)]
pub(super) struct Script<'a> {
    pub(super) steps: Vec<Step<'a>>,
    pub(super) directives: Vec<Placed>,
}

/// A statement and what it does.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) statement: Statement<'a>,
    pub(super) tokens: Vec<Token<'a>>,
    pub(super) act: Act,
    /// Where it ends, in bytes.
    end: usize,
}

impl<'a> Script<'a> {
    /// Reads a text.
    ///
    /// # Errors
    /// When a quote, a comment or a body does not end.
    pub(super) fn read(dialect: Dialect, sql: &'a str) -> Result<Self, SplitError> {
        let shown = split(dialect, sql)?;
        let pieces = statements(dialect, sql)?;
        let steps = shown
            .into_iter()
            .zip(pieces)
            .map(|(statement, tokens)| Step {
                act: read(dialect, sql, &tokens),
                end: tokens.last().map_or(0, |last| last.at + last.text.len()),
                statement,
                tokens,
            })
            .collect();
        Ok(Self {
            steps,
            // It has been split, and so is readable.
            directives: placed(dialect, sql).unwrap_or_default(),
        })
    }

    /// Whether it has such a directive.
    pub(super) fn has(&self, is_such: impl Fn(&Directive) -> bool) -> bool {
        let mut good = self.directives.iter().flat_map(|placed| &placed.directive);
        good.any(is_such)
    }

    /// The statement that a directive stands in front of, or in.
    pub(super) fn step_after(&self, placed: &Placed) -> Option<usize> {
        self.steps.iter().position(|step| step.end > placed.at)
    }
}
