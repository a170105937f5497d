//! Where output goes, and questions.

use std::fmt;
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

type Sink = Arc<Mutex<Box<dyn Write + Send>>>;

/// The two streams of a program and whether somebody is there to answer. Cloning is cheap.
#[derive(Clone)]
pub struct Terminal {
    out: Sink,
    err: Sink,
    is_process: bool,
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
        }
    }

    pub(crate) fn is_process(&self) -> bool {
        self.is_process
    }

    /// Prints the result.
    pub(crate) fn print(&self, text: &str) {
        write_to(&self.out, text);
    }

    /// Prints an error, a warning or other remarks that are not the result.
    pub(crate) fn note(&self, text: &str) {
        write_to(&self.err, text);
    }

    /// Asks for `yes`. `None` when nobody is there to answer.
    pub(crate) fn confirm(&self, question: &str) -> Option<bool> {
        let stdin = io::stdin();
        if !self.is_process || !stdin.is_terminal() {
            return None;
        }
        write_raw(&self.err, &format!("{question} Type yes to go on: "));
        let mut answer = String::new();
        stdin.lock().read_line(&mut answer).ok()?;
        Some(answer.trim() == "yes")
    }
}

fn write_to(sink: &Sink, text: &str) {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    write_raw(sink, &format!("{text}{end}"));
}

fn write_raw(sink: &Sink, text: &str) {
    let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
    // A reader that has gone away (`| head`) is no failure of the command.
    let _ = sink.write_all(text.as_bytes()).and_then(|()| sink.flush());
}
