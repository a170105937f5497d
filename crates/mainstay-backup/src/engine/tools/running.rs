//! A program that runs.

use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::Duration;

use mainstay::config::Secret;
use mainstay::{Error, ErrorKind, Outcome, Result};
use rustix::process::{Pid, Signal, kill_process_group};

use super::stderr::Collector;
use crate::control::Control;

/// How often is looked whether the work was cancelled.
const TICK: Duration = Duration::from_millis(20);
/// The room of a pipe from a program, where it can be chosen; more needs rights.
#[cfg(target_os = "linux")]
const ROOM: usize = 1 << 20;
/// How long a program may take to say why it closed its pipe, before it is killed.
const LAST_WORDS: u32 = 250;

/// What a program's complaint means, if that is known.
pub(crate) type Classify = fn(&str) -> Option<ErrorKind>;

/// A program that runs, with the pipe to or from it. Dropping it kills the program and waits for its
/// end; so does cancelling, and reading or writing fails then.
///
/// Only [`finish`](Self::finish) says whether the program did what it should: the end of its output
/// alone does not.
#[derive(Debug)]
pub(crate) struct Running {
    name: &'static str,
    secrets: Vec<Secret>,
    classify: Classify,
    control: Control,
    process: Arc<Process>,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Collector,
    watcher: Option<JoinHandle<()>>,
}

/// The process itself, shared with the thread that watches for cancellation.
#[derive(Debug)]
struct Process {
    child: Mutex<Child>,
    group: Option<Pid>,
    is_over: AtomicBool,
}

impl Process {
    /// Its status, if it has ended.
    fn status(&self) -> io::Result<Option<ExitStatus>> {
        let status = self
            .child
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .try_wait()?;
        if status.is_some() {
            self.is_over.store(true, Ordering::Release);
        }
        Ok(status)
    }

    /// A signal to it and its children, unless it has ended: then its number may be another's.
    fn signal(&self, signal: Signal) {
        // Held, so that nobody finds its end meanwhile and frees the number.
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_over.load(Ordering::Acquire) {
            return;
        }
        if let Some(group) = self.group {
            // It may be gone.
            let _ = kill_process_group(group, signal);
        }
        if signal == Signal::KILL {
            let _ = child.kill();
        }
    }
}

impl Running {
    /// Watches a program that was started: what it says is told without its secrets.
    pub(super) fn watch(
        mut child: Child,
        name: &'static str,
        secrets: Vec<Secret>,
        classify: Classify,
        control: &Control,
    ) -> Result<Self> {
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        if let Some(stdout) = &stdout {
            widen(stdout);
        }
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let process = Arc::new(Process {
            child: Mutex::new(child),
            group,
            is_over: AtomicBool::new(false),
        });
        let stderr = stderr.ok_or_else(|| io::Error::other("it has no error output"));
        let stderr = stderr.and_then(Collector::start);
        let watcher = stderr.and_then(|stderr| Ok((stderr, watcher(&process, control)?)));
        let (stderr, watcher) = match watcher {
            Ok(both) => both,
            Err(source) => {
                end(&process);
                return Err(Error::new(
                    ErrorKind::Unexpected,
                    format!("cannot watch {name}: {source}"),
                )
                .with_source(source));
            }
        };
        Ok(Self {
            name,
            secrets,
            classify,
            control: control.clone(),
            process,
            stdin,
            stdout,
            stderr,
            watcher: Some(watcher),
        })
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> Option<u32> {
        self.process
            .group
            .map(|group| group.as_raw_nonzero().get().unsigned_abs())
    }

    /// Asks it to end, as a terminal would on closing.
    #[cfg(test)]
    pub(crate) fn terminate(&self) {
        self.process.signal(Signal::TERM);
    }

    /// Asks it to end, as an interrupt from the keyboard would.
    pub(crate) fn interrupt(&self) {
        self.process.signal(Signal::INT);
    }

    /// Asks it to end at once.
    pub(crate) fn quit(&self) {
        self.process.signal(Signal::QUIT);
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&self) -> bool {
        // What cannot be asked does not run for us.
        !matches!(self.process.status(), Ok(None))
    }

    /// Closes the pipe, waits for the program's end, and gives what it said if it ended well. What it
    /// still writes is read and thrown away.
    ///
    /// # Errors
    /// When it was cancelled, or ended otherwise: with what it said.
    pub(crate) fn finish(mut self) -> Result<String> {
        drop(self.stdin.take());
        if let Some(mut stdout) = self.stdout.take() {
            // A failure to read shows in how it ended.
            let _ = io::copy(&mut stdout, &mut io::sink());
        }
        let status = self.wait(None)?;
        self.judge(status)
    }

    /// The error to report when reading or writing failed, or when the reader had enough: what the
    /// program says of itself if it failed, or else `because`. It is ended in any case.
    pub(crate) fn fail(mut self, because: Error) -> Error {
        drop(self.stdin.take());
        drop(self.stdout.take());
        match self.wait(Some(LAST_WORDS)) {
            Ok(status) => self.judge(status).err().unwrap_or(because),
            Err(_) => because,
        }
    }

    /// Waits for its end. With a limit of ticks it is killed thereafter, and there is an error.
    fn wait(&mut self, limit: Option<u32>) -> Result<ExitStatus> {
        let mut pause = Duration::from_millis(1);
        let mut ticks = 0;
        loop {
            if let Some(status) = self.process.status().map_err(Error::unexpected)? {
                return Ok(status);
            }
            if limit.is_some_and(|limit| ticks >= limit) {
                end(&self.process);
                return Err(Error::new(
                    ErrorKind::Unexpected,
                    format!("{} did not end", self.name),
                ));
            }
            sleep(pause);
            ticks += 1;
            pause = (pause * 2).min(TICK);
        }
    }

    fn judge(&mut self, status: ExitStatus) -> Result<String> {
        // Cancelled once it had ended well, it has still ended well; the caller asks by itself.
        let said = self.stderr.all(&self.secrets);
        if status.success() {
            return Ok(said);
        }
        self.control.check()?;
        let how = match (status.code(), status.signal()) {
            (Some(code), _) => format!("ended with exit code {code}"),
            (None, Some(signal)) => format!("was ended by signal {signal}"),
            (None, None) => "ended".to_owned(),
        };
        let kind = (self.classify)(&said).unwrap_or(ErrorKind::Database);
        let detail = if said.is_empty() {
            format!("{} {how} without saying why", self.name)
        } else {
            format!("{} {how}: {said}", self.name)
        };
        Err(Error::new(kind, detail).with_outcome(Outcome::NotApplied))
    }
}

impl Read for Running {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.stdout {
            Some(stdout) => stdout.read(buffer),
            None => Ok(0),
        }
    }
}

impl Write for Running {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.stdin {
            Some(stdin) => stdin.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.stdin {
            Some(stdin) => stdin.flush(),
            None => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stdin.take());
        drop(self.stdout.take());
        end(&self.process);
        if let Some(watcher) = self.watcher.take() {
            // It ends within a tick.
            watcher.thread().unpark();
            let _ = watcher.join();
        }
    }
}

/// Gives a pipe more room than its usual 64 KiB, so that the program and its reader wait for each
/// other less often.
fn widen(pipe: &ChildStdout) {
    #[cfg(target_os = "linux")]
    {
        // Where the system does not allow it, it is only slower.
        let _ = rustix::pipe::fcntl_setpipe_size(pipe, ROOM);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = pipe;
}

/// Kills it and takes note of its end, so that nothing of it is left, not even an entry in the list
/// of processes.
fn end(process: &Process) {
    process.signal(Signal::KILL);
    while let Ok(None) = process.status() {
        sleep(Duration::from_millis(1));
    }
    process.is_over.store(true, Ordering::Release);
}

/// Kills the process when the work is cancelled: whoever reads from it is blocked and cannot look.
fn watcher(process: &Arc<Process>, control: &Control) -> io::Result<JoinHandle<()>> {
    let (process, control) = (Arc::clone(process), control.clone());
    Builder::new()
        .name("mainstay-tool-watch".to_owned())
        .spawn(move || {
            while !process.is_over.load(Ordering::Acquire) {
                if control.is_cancelled() {
                    process.signal(Signal::KILL);
                    return;
                }
                std::thread::park_timeout(TICK);
            }
        })
}
