//! How far a copy is: lines on the error stream, and on a screen a bar besides.

use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mainstay_backup::copy::{Event, Progress};

use crate::output::{counted, short};
use crate::terminal::Terminal;

/// Lines, and a bar if the error stream is a screen and somebody reads what is printed, and not a
/// program.
pub(crate) fn on(terminal: &Terminal, json: bool) -> Arc<dyn Progress> {
    let draws = terminal.is_process() && !json && io::stderr().is_terminal();
    Arc::new(Shown {
        terminal: terminal.clone(),
        draws,
        bar: Mutex::new(None),
    })
}

struct Shown {
    terminal: Terminal,
    draws: bool,
    bar: Mutex<Option<ProgressBar>>,
}

impl Shown {
    /// Takes the bar away, and puts another one there.
    fn draw(&self, next: Option<ProgressBar>) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = std::mem::replace(&mut *bar, next) {
            last.finish_and_clear();
        }
    }
}

impl Progress for Shown {
    fn on(&self, event: Event<'_>) {
        match event {
            Event::Emptying { tables } => self.terminal.note(&format!(
                "removing what an unfinished copy wrote: {}",
                counted(tables as u64, "table")
            )),
            Event::Begun {
                table,
                number,
                of,
                rows,
            } => {
                self.draw(self.draws.then(|| bar(table, rows)));
                if !self.draws {
                    let about = rows.map_or_else(String::new, |rows| {
                        format!(", about {}", counted(rows, "row"))
                    });
                    self.terminal
                        .note(&format!("copying {table} ({number} of {of}){about}"));
                }
            }
            Event::Rows { rows, .. } => {
                let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(bar) = &*bar {
                    bar.set_position(rows);
                }
            }
            Event::Filled { table, rows, took } => {
                self.draw(None);
                self.terminal.note(&format!(
                    "copied {table}: {} in {}",
                    counted(rows, "row"),
                    short(took)
                ));
            }
            Event::Comparing { table, number, of } => self
                .terminal
                .note(&format!("comparing {table} ({number} of {of})")),
            _ => {}
        }
    }
}

/// The bar is gone when the copy is, however that ends.
impl Drop for Shown {
    fn drop(&mut self) {
        self.draw(None);
    }
}

fn bar(table: &str, rows: Option<u64>) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(10);
    let bar = ProgressBar::with_draw_target(rows, target).with_message(format!("copying {table}"));
    let template = "{msg} {wide_bar} {human_pos} of {human_len} rows, {per_sec}, {eta} left";
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        // Without the rest it is a bar all the same.
        Err(_) => bar,
    }
}
