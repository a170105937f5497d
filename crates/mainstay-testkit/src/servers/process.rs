//! A child process that never outlives its owner.
//!
//! Two things can go wrong with a server started by a test: the test process dies without running
//! destructors (a panic that aborts, a kill, a static that is never dropped), or the server has
//! children of its own. Against the first stands the [`Watchdog`], a shell that holds the read end of
//! a pipe whose only write end is ours: when we are gone, however that came about, the kernel closes
//! the pipe. Against the second, signals go to the whole tree of processes.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::account::Account;
use super::error::ServerError;

/// How often a state is looked at while waiting for it.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// Reads process ids, one per line ("-" for none), until the owner is gone. Then stops the process
/// named last and removes the folder.
///
/// It ignores the signals a terminal sends to everyone, since it has to clean up after them. A
/// process id could by then belong to a stranger, so where /proc can tell, the process must mention
/// the folder in its command line.
const WATCHDOG: &str = r#"
trap '' HUP INT QUIT TERM
folder=$1
signal=$2
pid=-
while read -r line; do pid=$line; done
if [ "$pid" != - ] && kill -0 "$pid" 2>/dev/null; then
    if [ ! -r "/proc/$pid/cmdline" ] || grep -q -F -e "$folder" "/proc/$pid/cmdline"; then
        kill -s CONT "$pid"
        kill -s "$signal" "$pid"
        tries=0
        while kill -0 "$pid" 2>/dev/null && [ $tries -lt 80 ]; do
            sleep 0.1
            tries=$((tries + 1))
        done
        kill -s KILL "$pid"
    fi
fi
tries=0
until rm -rf -- "$folder" || [ $tries -ge 50 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
"#;

/// Cleans up after the owner: see the module's text.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
    // Taken on drop: closing it is the signal to clean up.
    pipe: Option<ChildStdin>,
}

impl Watchdog {
    /// Watches over `folder`. `signal` is what a running server gets when the owner has died.
    pub(super) fn start(folder: &Path, signal: &str) -> Result<Self, ServerError> {
        let mut shell = Command::new("sh")
            .args(["-c", WATCHDOG, "mainstay-watchdog"])
            .arg(folder)
            .arg(signal)
            .current_dir("/")
            // A group of its own: Ctrl-C and test runners signal the group of the owner.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| ServerError::new(format!("'sh' cannot be started: {error}")))?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    fn tell(&mut self, text: &str) -> io::Result<()> {
        match &mut self.pipe {
            Some(pipe) => pipe.write_all(format!("{text}\n").as_bytes()),
            None => Ok(()),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // Without it the folder might still be there when the caller goes on.
        let _ = self.shell.wait();
    }
}

/// A running server process.
#[derive(Debug)]
pub(super) struct ServerProcess {
    child: Child,
}

impl ServerProcess {
    /// Starts `command` as `account`, its output appended to `log`, guarded by `watchdog`.
    pub(super) fn spawn(
        mut command: Command,
        account: Account,
        folder: &Path,
        log: &Path,
        watchdog: &mut Watchdog,
    ) -> Result<Self, ServerError> {
        let out = OpenOptions::new().append(true).create(true).open(log)?;
        clean_environment(&mut command);
        account.apply(&mut command);
        let program = command.get_program().to_owned();
        let mut child = command
            .current_dir(folder)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .map_err(|error| {
                ServerError::new(format!(
                    "'{}' cannot be started: {error}",
                    program.display()
                ))
            })?;
        if let Err(error) = watchdog.tell(&child.id().to_string()) {
            let _ = child.kill();
            let _ = child.wait();
            return Err(ServerError::new(format!("the watchdog is gone: {error}")));
        }
        Ok(Self { child })
    }

    /// The process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the process ended, if it has.
    pub(super) fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Sends `signal` to the process alone.
    pub(super) fn signal(&self, signal: &str) -> Result<(), ServerError> {
        send(signal, &[self.id()])
    }

    /// Stops the process and all processes below it where they are.
    pub(super) fn freeze(&self) -> Result<(), ServerError> {
        self.signal("STOP")?;
        let mut stopped = Vec::new();
        // One that is not stopped yet may start another meanwhile, so look until there is no new one.
        loop {
            let mut found = descendants(self.id());
            found.retain(|id| !stopped.contains(id));
            if found.is_empty() {
                return Ok(());
            }
            // It fails when one has ended by itself in between.
            let _ = send("STOP", &found);
            stopped.extend(found);
        }
    }

    /// Lets the process and all processes below it go on.
    pub(super) fn thaw(&self) -> Result<(), ServerError> {
        let below = descendants(self.id());
        if !below.is_empty() {
            let _ = send("CONT", &below);
        }
        self.signal("CONT")
    }

    /// Waits for the process to end by itself.
    pub(super) fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>, ServerError> {
        let mut waited = Duration::ZERO;
        loop {
            if let Some(status) = self.exited()? {
                return Ok(Some(status));
            }
            if waited >= limit {
                return Ok(None);
            }
            sleep(TICK);
            waited += TICK;
        }
    }

    /// Kills the process and everything below it at once, and waits until they are gone.
    pub(super) fn kill(&mut self) -> Result<(), ServerError> {
        // Frozen first, so that none can start another while we look for them. This fails when the
        // process has ended by itself.
        let _ = self.freeze();
        let below = descendants(self.id());
        if !below.is_empty() {
            let _ = send("KILL", &below);
        }
        self.child.kill()?;
        self.child.wait()?;
        let mut waited = Duration::ZERO;
        while waited < Duration::from_secs(10) && below.iter().any(|id| alive(*id)) {
            sleep(TICK);
            waited += TICK;
        }
        Ok(())
    }

    /// Tells the watchdog that the process, which has ended, is no longer to be looked after.
    pub(super) fn forget(self, watchdog: &mut Watchdog) {
        // A watchdog that is gone looks after nothing.
        let _ = watchdog.tell("-");
    }
}

/// Removes settings of the machine that would reach into a private server or its client.
pub(super) fn clean_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["PG", "MYSQL", "MARIADB"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    command.env("LC_ALL", "C").env("TZ", "UTC");
}

/// Sends a signal with the shell's own `kill`, because small systems have no other, and calling the
/// operating system directly would be unsafe code.
fn send(signal: &str, ids: &[u32]) -> Result<(), ServerError> {
    let output = Command::new("sh")
        .args([
            "-c",
            "signal=$1; shift; kill -s \"$signal\" \"$@\"",
            "sh",
            signal,
        ])
        .args(ids.iter().map(u32::to_string))
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let detail = String::from_utf8_lossy(&output.stderr);
    Err(ServerError::new(format!(
        "signal {signal} was not sent: {}",
        detail.trim()
    )))
}

/// All processes below `root`.
fn descendants(root: u32) -> Vec<u32> {
    let all = processes();
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for (id, above) in &all {
            if *above == parent && !found.contains(id) {
                found.push(*id);
                parents.push(*id);
            }
        }
    }
    found
}

/// Every process with its parent. From /proc where there is one, otherwise from `ps`.
fn processes() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return processes_from_ps();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let (_, parent) = state_and_parent(id)?;
            Some((id, parent))
        })
        .collect()
}

fn processes_from_ps() -> Vec<(u32, u32)> {
    let Ok(output) = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output() else {
        return Vec::new();
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let (id, parent) = line.trim().split_once(char::is_whitespace)?;
            Some((id.parse().ok()?, parent.trim().parse().ok()?))
        })
        .collect()
}

/// The state letter and the parent of a process, from /proc.
fn state_and_parent(id: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before it, in parentheses, may hold anything, spaces and parentheses too.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Whether a process still runs. One that has ended and is not yet collected does not.
fn alive(id: u32) -> bool {
    if Path::new("/proc/self").exists() {
        return state_and_parent(id).is_some_and(|(state, _)| state != 'Z' && state != 'X');
    }
    send("0", &[id]).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spawn(script: &str) -> (tempfile::TempDir, Watchdog, ServerProcess) {
        let folder = tempfile::tempdir().unwrap();
        let account = Account::choose(folder.path(), &["nobody"]).unwrap();
        account.give(folder.path()).unwrap();
        let mut watchdog = Watchdog::start(folder.path(), "TERM").unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script, "child"]).arg(folder.path());
        let log = folder.path().join("log");
        let process =
            ServerProcess::spawn(command, account, folder.path(), &log, &mut watchdog).unwrap();
        (folder, watchdog, process)
    }

    fn eventually(what: &str, check: impl Fn() -> bool) {
        for _ in 0..1000 {
            if check() {
                return;
            }
            sleep(TICK);
        }
        panic!("did not happen within ten seconds: {what}");
    }

    #[test]
    fn kill_reaches_children() {
        let (_folder, mut watchdog, mut process) = spawn("sleep 600 & sleep 600 & wait");
        eventually("two children", || descendants(process.id()).len() == 2);
        let all = descendants(process.id());
        process.kill().unwrap();
        assert!(all.iter().all(|id| !alive(*id)));
        process.forget(&mut watchdog);
    }

    #[test]
    fn a_process_whose_owner_is_gone_is_stopped_and_its_folder_removed() {
        let (folder, mut watchdog, mut process) = spawn("while :; do sleep 0.05; done");
        // What the kernel does when the owner dies.
        drop(watchdog.pipe.take());
        let status = process
            .wait(Duration::from_secs(10))
            .unwrap()
            .expect("it was stopped");
        assert!(!status.success());
        drop(watchdog);
        assert!(!folder.path().exists());
    }

    #[test]
    fn a_frozen_tree_stands_still() {
        let script = "while :; do echo x >> \"$1/beats\"; sleep 0.01; done";
        let (folder, mut watchdog, mut process) = spawn(script);
        let beats = || fs::metadata(folder.path().join("beats")).map_or(0, |data| data.len());
        eventually("it runs", || beats() > 0);
        process.freeze().unwrap();
        // The signal may take a moment to arrive.
        sleep(Duration::from_millis(100));
        let counted = beats();
        sleep(Duration::from_millis(200));
        assert_eq!(beats(), counted);
        process.thaw().unwrap();
        eventually("it runs again", || beats() > counted);
        process.kill().unwrap();
        process.forget(&mut watchdog);
    }
}
