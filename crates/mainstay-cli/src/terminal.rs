//! Where output goes, and questions.

use std::fmt;
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::ProgressBar;

type Sink = Arc<Mutex<Box<dyn Write + Send>>>;

/// The two streams of a program and whether somebody is there to answer. Cloning is cheap.
#[derive(Clone)]
pub struct Terminal {
    out: Sink,
    err: Sink,
    is_process: bool,
    shown: Arc<Mutex<Shown>>,
}

/// What is drawn under what is written.
#[derive(Debug, Default)]
struct Shown {
    bar: Option<ProgressBar>,
    /// Nothing is drawn any more.
    over: bool,
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal")
            .field("is_process", &self.is_process)
            .finish_non_exhaustive()
    }
}

impl Terminal {
    /// The process's own.
    pub fn process() -> Self {
        Self {
            is_process: true,
            ..Self::to(io::stdout(), io::stderr())
        }
    }

    /// Other streams, with nobody to answer. For tests.
    pub fn to(out: impl Write + Send + 'static, err: impl Write + Send + 'static) -> Self {
        Self {
            out: Arc::new(Mutex::new(Box::new(out))),
            err: Arc::new(Mutex::new(Box::new(err))),
            is_process: false,
            shown: Arc::default(),
        }
    }

    pub(crate) fn is_process(&self) -> bool {
        self.is_process
    }

    /// Whether the error stream is a screen that can be drawn on.
    pub(crate) fn is_screen(&self) -> bool {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        self.is_process && io::stderr().is_terminal() && !is_dumb
    }

    /// Draws a bar under what is written from now on. Whether it does.
    pub(crate) fn show(&self, bar: &ProgressBar) -> bool {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if !shown.over {
            shown.bar = Some(bar.clone());
        }
        !shown.over
    }

    /// Removes the bar, if there is one.
    pub(crate) fn hide(&self) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = shown.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Removes the bar and draws none any more: the program ends.
    pub(crate) fn stop_drawing(&self) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.over = true;
        if let Some(bar) = shown.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Prints the result.
    pub(crate) fn print(&self, text: &str) {
        self.write(&self.out, line(text).as_bytes());
    }

    /// Prints an error, a warning or other remarks that are not the result.
    pub(crate) fn note(&self, text: &str) {
        self.write(&self.err, line(text).as_bytes());
    }

    /// Writes to the error stream as it is.
    pub(crate) fn log(&self, bytes: &[u8]) {
        self.write(&self.err, bytes);
    }

    /// Asks for `yes`. `None` when nobody is there to answer.
    pub(crate) fn confirm(&self, question: &str) -> Option<bool> {
        let stdin = io::stdin();
        if !self.is_process || !stdin.is_terminal() {
            return None;
        }
        let question = format!("{question} Type yes to go on: ");
        self.write(&self.err, question.as_bytes());
        let mut answer = String::new();
        stdin.lock().read_line(&mut answer).ok()?;
        Some(answer.trim() == "yes")
    }

    /// Writes above the bar, if there is one.
    fn write(&self, sink: &Sink, bytes: &[u8]) {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        match &shown.bar {
            Some(bar) => bar.suspend(|| write_raw(sink, bytes)),
            None => write_raw(sink, bytes),
        }
    }
}

fn line(text: &str) -> String {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}")
}

fn write_raw(sink: &Sink, bytes: &[u8]) {
    let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
    // A reader that has gone away (`| head`) is no failure of the command.
    let _ = sink.write_all(bytes).and_then(|()| sink.flush());
}
