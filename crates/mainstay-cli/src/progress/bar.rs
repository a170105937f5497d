//! A bar for the migration that is running.

use std::fmt;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use mainstay_migrate::{Direction, Event, Progress};
use tokio::time::Instant;

use super::lines::Lines;
use crate::terminal::Terminal;

/// How often the times are drawn anew.
const TICK: Duration = Duration::from_millis(100);

/// The lines, and under them which statement of which migration runs, for how long, and how long all
/// of it has taken. Gone when nothing runs.
pub(super) struct Bar {
    lines: Lines,
    bar: ProgressBar,
}

impl Bar {
    pub(super) fn new(terminal: &Terminal, target: ProgressDrawTarget) -> Self {
        let began = Instant::now();
        let style = ProgressStyle::with_template(
            "{prefix} [{bar:16}] {pos}/{len} done, {statement}, {all} in all  {wide_msg}",
        )
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key(
            "statement",
            |state: &ProgressState, out: &mut dyn fmt::Write| {
                // What cannot be written is not shown.
                let _ = out.write_str(&seconds(state.elapsed()));
            },
        )
        .with_key("all", move |_: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = out.write_str(&seconds(began.elapsed()));
        })
        .progress_chars("=> ");
        Self {
            lines: Lines::on(terminal),
            bar: ProgressBar::with_draw_target(Some(0), target).with_style(style),
        }
    }
}

/// A time that does not jump about while it is counted.
fn seconds(time: Duration) -> String {
    match time < Duration::from_secs(60) {
        true => format!("{:.1}s", time.as_secs_f64()),
        false => format!("{}m{:02}s", time.as_secs() / 60, time.as_secs() % 60),
    }
}

impl Progress for Bar {
    fn on(&self, event: Event<'_>) {
        self.lines.on(event);
        match event {
            Event::Begun { step } => {
                let way = match step.direction {
                    Direction::Up => "up",
                    Direction::Down => "down",
                };
                self.bar.set_length(step.statements.len() as u64);
                self.bar.set_prefix(format!("{way} {}", step.label()));
                self.bar.set_message("");
                self.bar.reset();
                self.bar.set_position(step.done as u64);
                if self.lines.terminal.show(&self.bar) {
                    self.bar.enable_steady_tick(TICK);
                } else {
                    self.bar.finish_and_clear();
                }
            }
            Event::StatementBegun { step, position } => {
                self.bar.reset_elapsed();
                self.bar.set_position(position as u64);
                self.bar
                    .set_message(step.statements[position].shown().to_owned());
            }
            Event::StatementDone { position, .. } => self.bar.set_position(position as u64 + 1),
            Event::Ended { .. } => self.lines.terminal.hide(),
            _ => {}
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.lines.terminal.hide();
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
