//! How far it is: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use mainstay_backup::control::{Control, Snapshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::context::Context;
use crate::terminal::Terminal;

/// How often the bar is drawn.
const DRAW: Duration = Duration::from_millis(100);

/// How often a line is written where nobody looks at a bar.
const LINE: Duration = Duration::from_secs(10);

/// Shows how far a piece of work is until it is ended or dropped.
pub(super) struct Bar {
    task: Option<JoinHandle<()>>,
    bar: ProgressBar,
}

impl Bar {
    pub(super) fn new(context: &Context<'_>, control: &Control, shows: bool) -> Self {
        let terminal = context.terminal.clone();
        let draws = terminal.is_process() && std::io::stderr().is_terminal();
        let target = match shows && draws {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let task = shows.then(|| {
            let (bar, control) = (bar.clone(), control.clone());
            tokio::spawn(async move {
                match draws {
                    true => draw(&bar, &control).await,
                    false => lines(&terminal, &control).await,
                }
            })
        });
        Self { task, bar }
    }

    /// Nothing more is shown, and the line is free again.
    pub(super) fn end(self) {}
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        self.bar.finish_and_clear();
    }
}

async fn draw(bar: &ProgressBar, control: &Control) {
    let mut number = 0;
    loop {
        let now = control.snapshot();
        if now.number != number {
            number = now.number;
            bar.reset();
            bar.set_style(style(&now));
            bar.set_message(now.stage);
        }
        match now.total {
            // An estimate may have been too low.
            Some(total) => bar.set_length(total.max(now.done)),
            None => bar.unset_length(),
        }
        bar.set_position(now.done);
        bar.tick();
        tokio::time::sleep(DRAW).await;
    }
}

fn style(now: &Snapshot) -> ProgressStyle {
    let template = match now.total {
        Some(_) => "{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} to go",
        None => "{spinner} {msg} {bytes}, {elapsed}",
    };
    ProgressStyle::with_template(template)
        .expect("the templates are written here, and are right")
        .progress_chars("=> ")
}

async fn lines(terminal: &Terminal, control: &Control) {
    let mut stage = (0, Instant::now());
    loop {
        tokio::time::sleep(LINE).await;
        let now = control.snapshot();
        if now.number != stage.0 {
            stage = (now.number, Instant::now());
        }
        if now.number > 0 {
            terminal.note(&line(&now, stage.1.elapsed() + LINE));
        }
    }
}

fn line(now: &Snapshot, since: Duration) -> String {
    let done = HumanBytes(now.done);
    let rate = now.done as f64 / since.as_secs_f64().max(0.001);
    let Some(total) = now.total.filter(|total| *total >= now.done && rate > 1.0) else {
        return format!("{}: {done}", now.stage);
    };
    let left = Duration::from_secs_f64((total - now.done) as f64 / rate);
    format!(
        "{}: {done} of {}, {}/s, {} to go",
        now.stage,
        HumanBytes(total),
        HumanBytes(rate as u64),
        HumanDuration(left)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_rate_and_the_time_to_go() {
        let control = Control::new();
        control.begin("copying", Some(30 << 20));
        control.add(10 << 20);
        assert_eq!(
            line(&control.snapshot(), Duration::from_secs(10)),
            "copying: 10.00 MiB of 30.00 MiB, 1.00 MiB/s, 20 seconds to go"
        );
        control.begin("putting it in place", None);
        let told = line(&control.snapshot(), Duration::from_secs(1));
        assert_eq!(told, "putting it in place: 0 B");
        // An estimate that was too low tells nothing of the rest.
        control.begin("copying", Some(1));
        control.add(1 << 20);
        let told = line(&control.snapshot(), Duration::from_secs(1));
        assert_eq!(told, "copying: 1.00 MiB");
    }
}
