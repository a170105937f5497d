//! The statements that turn one database into another, as steps and as the text of a migration.

use std::fmt;

use serde::Serialize;

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
