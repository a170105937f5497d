//! The statements that turn one database into another, as steps and as the text of a migration.

use std::fmt;

use serde::Serialize;

use super::engine;
use super::plan::{self, Plan};
use super::renames::Renames;
use super::work::Work;
use crate::catalog::Catalog;

/// The statements that turn one database into another.
///
/// Its [`Display`](fmt::Display) form is the text of a migration's file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Draft {
    /// Tables that are built anew under another name and put in place of the old, on SQLite; by
    /// the names that they have before.
    /// Foreign keys have to be off meanwhile: outside the transaction, or the rows that refer to
    /// such a table are deleted with it. The text says so in its first lines, one for each table:
    /// `-- mainstay: rebuild goals`.
    pub rebuilds: Vec<String>,
    /// What the statements do not do, and what they cannot bring back, in words.
    pub remarks: Vec<String>,
    /// The statements, in the order in which they run.
    pub steps: Vec<Step>,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The statement, without a semicolon.
    pub sql: String,
    /// What it destroys, or what in the rows would make it fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destructive: Option<String>,
    /// What to know or do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Step {
    pub(super) fn new(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            destructive: None,
            note: None,
        }
    }

    /// Marks it, unless there is nothing to mark.
    pub(super) fn destructive(mut self, why: impl Into<Option<String>>) -> Self {
        self.destructive = why.into();
        self
    }

    pub(super) fn note(mut self, note: impl Into<Option<String>>) -> Self {
        self.note = note.into();
        self
    }
}

impl Draft {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// What its steps destroy, or what in the rows would make them fail.
    pub fn destructive(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|s| s.destructive.as_deref())
    }
}

impl fmt::Display for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.rebuilds {
            writeln!(
                f,
                "-- mainstay: rebuild {}",
                table.replace(['\n', '\r'], " ")
            )?;
        }
        for remark in &self.remarks {
            comment(f, "Note", remark)?;
        }
        let mut first = self.rebuilds.is_empty() && self.remarks.is_empty();
        for step in &self.steps {
            if !first {
                writeln!(f)?;
            }
            first = false;
            if let Some(why) = &step.destructive {
                comment(f, "Destructive", why)?;
            }
            if let Some(note) = &step.note {
                comment(f, "Note", note)?;
            }
            writeln!(f, "{};", step.sql)?;
        }
        Ok(())
    }
}

/// A comment, each of its lines marked as one, whatever names stand in it.
fn comment(f: &mut fmt::Formatter<'_>, kind: &str, text: &str) -> fmt::Result {
    for (at, line) in text.split(['\n', '\r']).enumerate() {
        match at {
            0 => writeln!(f, "-- {kind}: {line}")?,
            _ => writeln!(f, "--   {line}")?,
        }
    }
    Ok(())
}

/// Drafts the statements that turn a database like `from` into one like `to`, in an order that
/// runs. Both are catalogs of the same engine.
///
/// What is renamed is told; anything else by another name is dropped and made anew. Statements
/// that destroy something, or that rows may stand against, are marked with what it is.
///
/// ```
/// use mainstay::schema::Dialect;
/// use mainstay_migrate::catalog::Catalog;
/// use mainstay_migrate::diff::{Renames, draft};
///
/// let catalog = Catalog::empty(Dialect::Postgres);
/// assert!(draft(&catalog, &catalog, &Renames::default()).is_empty());
/// ```
pub fn draft(from: &Catalog, to: &Catalog, renames: &Renames) -> Draft {
    let (renames, remarks) = renames.fitting(from, to);
    let renamed = renames.apply(from);
    let mut work = Work::new(from, &renamed, to, &renames);
    let engine = engine::of(to.dialect);
    engine.prepare(&mut work);
    let mut plan = Plan::default();
    plan.remarks.extend(remarks);
    plan::build(&work, engine, &mut plan);
    plan.finish()
}

/// Drafts the way back from `to` to `from`: the statements that undo [`draft`] of the same
/// arguments. What the way there destroys does not come back: it is said in the remarks.
pub fn draft_back(from: &Catalog, to: &Catalog, renames: &Renames) -> Draft {
    let there = draft(from, to, renames);
    let mut back = draft(to, from, &renames.reversed());
    let lost = there
        .steps
        .iter()
        .filter_map(|step| step.destructive.as_ref());
    let lost = lost.flat_map(|why| why.lines());
    // A condition on the rows that were there is met already.
    let lost = lost.filter(|why| why.starts_with(plan::DROPS) || why.starts_with(plan::NARROWS));
    let lost = lost.map(|why| format!("does not bring back what the way here lost: it {why}"));
    back.remarks.extend(lost);
    back
}

#[cfg(test)]
#[path = "tests/draft.rs"]
mod tests;
