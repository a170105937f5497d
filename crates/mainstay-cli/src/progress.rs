//! What a run of migrations is doing: `lines` on the error stream; on a terminal with a `bar` for the
//! statement that is running.

mod bar;
mod lines;

use std::sync::Arc;

use indicatif::ProgressDrawTarget;
use mainstay_migrate::Progress;

use crate::terminal::Terminal;
use lines::Lines;

/// Lines on a terminal's error stream, and under them a bar if that is a screen and somebody reads
/// what is printed, and not a program.
pub(crate) fn on(terminal: &Terminal, json: bool) -> Arc<dyn Progress> {
    match terminal.is_screen() && !json {
        true => Arc::new(bar::Bar::new(
            terminal,
            ProgressDrawTarget::stderr_with_hz(10),
        )),
        false => Arc::new(Lines::on(terminal)),
    }
}
