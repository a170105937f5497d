//! A plan as text, as a dry run shows it.

use std::fmt;

use super::{Mode, Plan, Step};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            return writeln!(f, "nothing to do, {} applied", self.applied);
        }
        for (position, step) in self.steps.iter().enumerate() {
            if position > 0 {
                writeln!(f)?;
            }
            write!(f, "{step}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.mode {
            Mode::Transaction => "in one transaction",
            Mode::Statements => "statement by statement",
            Mode::Rebuild => "in one transaction, foreign keys off meanwhile",
        };
        write!(f, "{} {}, {how}", self.direction.as_str(), self.label())?;
        for (name, limit) in [
            ("lock", self.lock_timeout_ms),
            ("statement", self.statement_timeout_ms),
        ] {
            if let Some(limit) = limit {
                write!(f, ", {name} time-out {limit} ms")?;
            }
        }
        writeln!(f)?;
        for (position, statement) in self.statements.iter().enumerate() {
            let number = position + 1;
            if position < self.done {
                writeln!(f, "  {number}. done: {}", statement.shown)?;
                continue;
            }
            writeln!(f, "  {number}. {}", statement.text.replace('\n', "\n     "))?;
            write!(f, "     lock: {}", statement.lock)?;
            if let (Some(table), Some(rows)) = (&statement.table, statement.rows) {
                write!(f, "; about {rows} rows in {table}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
