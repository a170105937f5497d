//! Running commands, and saying how long they took.

use std::env;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// `cargo`, the one that runs us, in the repository's root.
pub(crate) fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// The repository's root: that of the checkout in which cargo runs this, not the one in which it was
/// built. They differ when several checkouts share a target folder.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let own = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        own.parent()
            .expect("xtask lies in the repository's root")
            .to_path_buf()
    })
}

/// Whether a command can be run and succeeds. Shows nothing of it.
pub(crate) fn works(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Like [`works`], but gives up, and ends the command, after `limit`.
pub(crate) fn works_within(command: &mut Command, limit: Duration) -> bool {
    let command = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else {
        return false;
    };
    let tick = Duration::from_millis(50);
    let mut waited = Duration::ZERO;
    while waited < limit {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => sleep(tick),
            Err(_) => break,
        }
        waited += tick;
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

/// Announces a step, does it, and says how long it took and whether it succeeded.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    println!("==> {name}");
    let started = now();
    let result = work();
    let seconds = started.elapsed().as_secs_f32();
    match &result {
        Ok(_) => println!("    {name}: done in {seconds:.1} s"),
        Err(problem) => println!("    {name}: FAILED after {seconds:.1} s: {problem}"),
    }
    result.map_err(|problem| format!("{name}: {problem}"))
}

#[allow(
    clippy::disallowed_methods,
    reason = "a developer's command shows real time"
)]
fn now() -> Instant {
    Instant::now()
}

/// Runs a command with our own input and output.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|error| cannot_start(command, &error))?;
    succeeded(status)
}

/// What a status says, as a result.
pub(crate) fn succeeded(status: ExitStatus) -> Result<(), String> {
    if status.success() {
        Ok(())
    } else {
        Err(status.to_string())
    }
}

/// Which output of a command to read.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Runs a command, shows one of its outputs as it comes, and hands each line of it to `look`.
pub(crate) fn run_watching(
    command: &mut Command,
    stream: Stream,
    mut look: impl FnMut(&str),
) -> Result<ExitStatus, String> {
    match stream {
        Stream::Output => command.stdout(Stdio::piped()),
        Stream::Error => command.stderr(Stdio::piped()),
    };
    let mut child = command
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    let source: Option<Box<dyn Read>> = match stream {
        Stream::Output => child
            .stdout
            .take()
            .map(|pipe| Box::new(pipe) as Box<dyn Read>),
        Stream::Error => child
            .stderr
            .take()
            .map(|pipe| Box::new(pipe) as Box<dyn Read>),
    };
    if let Some(source) = source {
        let mut reader = BufReader::new(source);
        let mut line = Vec::new();
        // Bytes, since tests may print what is no UTF-8.
        while reader
            .read_until(b'\n', &mut line)
            .is_ok_and(|count| count > 0)
        {
            // Nobody reading our output is no reason to leave the command alone.
            let _ = io::stdout()
                .write_all(&line)
                .and_then(|()| io::stdout().flush());
            look(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    child.wait().map_err(|error| error.to_string())
}

fn cannot_start(command: &Command, error: &io::Error) -> String {
    format!(
        "'{}' cannot be started: {error}",
        command.get_program().display()
    )
}
