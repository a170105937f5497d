//! A run of migrations, line by line.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mainstay_migrate::{Direction, Event, Progress};

use crate::output::{counted, short};
use crate::terminal::Terminal;

/// How often it is said that another instance is waited for.
const REMIND: Duration = Duration::from_secs(10);

/// What happens, one line each.
pub(super) struct Lines {
    pub(super) terminal: Terminal,
    /// When waiting was last told, since the run began.
    waited: Mutex<Option<Duration>>,
}

impl Lines {
    pub(super) fn on(terminal: &Terminal) -> Self {
        Self {
            terminal: terminal.clone(),
            waited: Mutex::new(None),
        }
    }
}

impl Progress for Lines {
    fn on(&self, event: Event<'_>) {
        match event {
            Event::Waiting { since } => {
                let mut waited = self.waited.lock().unwrap_or_else(PoisonError::into_inner);
                if waited.is_none_or(|last| since >= last + REMIND) {
                    *waited = Some(since);
                    self.terminal.note(&format!(
                        "waiting for another instance that migrates this database, for {}",
                        short(since)
                    ));
                }
            }
            Event::Begun { step } => {
                let what = match step.direction {
                    Direction::Up => "applying",
                    Direction::Down => "undoing",
                };
                let count = counted(step.statements.len() as u64, "statement");
                let from = match step.done {
                    0 => String::new(),
                    done => format!(", going on behind {done}"),
                };
                self.terminal
                    .note(&format!("{what} {}: {count}{from}", step.label()));
            }
            Event::StatementDone {
                step,
                position,
                took,
            } => self.terminal.note(&format!(
                "  {}/{} in {}: {}",
                position + 1,
                step.statements.len(),
                short(took),
                step.statements[position].shown()
            )),
            _ => {}
        }
    }
}
