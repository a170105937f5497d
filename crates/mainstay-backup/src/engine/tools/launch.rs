//! How a program is started.

use std::env;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use mainstay::config::Secret;
use mainstay::{Error, ErrorKind, Outcome, Result};

use super::Found;
use super::running::{Classify, Running};
use crate::control::Control;

/// Which of a program's pipes are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pipe {
    /// It writes, we read.
    Output,
    /// We write, it reads.
    Input,
    /// Neither.
    Neither,
}

/// A program about to be started. Its messages are in English, whatever the machine speaks.
#[derive(Debug)]
pub(crate) struct Launch {
    command: Command,
    name: &'static str,
    secrets: Vec<Secret>,
    classify: Classify,
}

impl Launch {
    pub(crate) fn new(found: &Found, classify: Classify) -> Self {
        let mut command = Command::new(&found.path);
        command.env("LC_ALL", "C");
        Self {
            command,
            name: found.name,
            secrets: Vec::new(),
            classify,
        }
    }

    /// Keeps what the surrounding environment says under names of this start from the program: it is
    /// to use our settings and no others.
    pub(crate) fn without_environment(mut self, prefix: &str) -> Self {
        for (name, _) in env::vars_os() {
            if name.as_encoded_bytes().starts_with(prefix.as_bytes()) {
                self.command.env_remove(name);
            }
        }
        self
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// A value of the environment that is not shown: arguments are seen by every user of the machine,
    /// the environment only by the same one.
    pub(crate) fn secret_env(mut self, name: &str, value: &Secret) -> Self {
        self.command.env(name, value.expose());
        self.hide(value)
    }

    /// Takes a secret out of all the program says. Files with secrets are the caller's to make.
    pub(crate) fn hide(mut self, secret: &Secret) -> Self {
        self.secrets.push(secret.clone());
        self
    }

    /// Another working directory.
    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Another user and group of the system. Only root may ask for it.
    pub(crate) fn account(mut self, user: u32, group: u32) -> Self {
        self.command.uid(user).gid(group);
        self
    }

    /// Starts it. It is killed and waited for when what comes back is dropped, and when `control`
    /// is cancelled.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(mut self, pipe: Pipe, control: &Control) -> Result<Running> {
        control.check()?;
        let pipe_if = |ours| if ours { Stdio::piped() } else { Stdio::null() };
        self.command
            .stdin(pipe_if(pipe == Pipe::Input))
            .stdout(pipe_if(pipe == Pipe::Output))
            .stderr(Stdio::piped())
            // A group of its own: an interrupt from the terminal reaches us, and we end it; and its
            // own children end with it.
            .process_group(0);
        let child = self
            .command
            .spawn()
            .map_err(|source| cannot_start(self.name, source))?;
        Running::watch(child, self.name, self.secrets, self.classify, control)
    }

    /// Starts a program that leaves another one behind which goes on, and waits until the first has
    /// ended well. What they say goes nowhere: a pipe of ours would end with us.
    ///
    /// # Errors
    /// When it cannot be started or does not end well.
    pub(crate) fn detached(mut self, control: &Control) -> Result<()> {
        control.check()?;
        let status = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .status()
            .map_err(|source| cannot_start(self.name, source))?;
        if status.success() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Database,
            format!("{} ended with {status}", self.name),
        ))
    }

    /// Starts it, and waits until it has ended well. Gives what it said.
    ///
    /// # Errors
    /// When it cannot be started or does not end well.
    pub(crate) fn run(self, control: &Control) -> Result<String> {
        self.start(Pipe::Neither, control)?.finish()
    }
}

fn cannot_start(name: &str, source: std::io::Error) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("cannot start {name}: {source}"),
    )
    .with_outcome(Outcome::NotApplied)
    .with_source(source)
}
