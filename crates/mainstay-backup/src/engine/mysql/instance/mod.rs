//! A private server, in which a backup is put together.
//!
//! - `mod.rs`: [`Instance`], which runs
//! - `empty`: one with nothing in it
//! - `account`: who it runs as, and who may sign in

mod account;
mod empty;

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use mainstay::config::{DatabaseUrl, Secret, Tls};
use mainstay::{Config, Database, Error, ErrorKind, Result};
use rustix::process::{Pid, Signal, kill_process};

pub(super) use self::account::{Account, literal};
use super::{MySql, close, programs};
use crate::control::Control;
use crate::engine::tools::{Found, Program, Version};
use crate::failure::from_io;

const SERVER: Program = Program {
    names: &["mariadbd"],
    marks: &["Ver "],
    package: "mariadb-server-core",
    elsewhere: "elsewhere the server of MariaDB",
};

/// How long a server may take to answer, and to stop.
const PATIENCE: Duration = Duration::from_secs(180);
const TICK: Duration = Duration::from_millis(50);

/// A private server. Dropping it stops it; see [`leave_running`](Self::leave_running).
#[derive(Debug)]
pub(crate) struct Instance {
    /// How it is reached.
    pub(crate) config: Config,
    /// The command that starts it again.
    pub(crate) command: String,
    folder: PathBuf,
    child: Option<Child>,
}

/// What a server is run with, over a folder of data.
#[derive(Debug)]
pub(super) struct Setup<'a> {
    pub(super) server: &'a Found,
    pub(super) folder: &'a Path,
    pub(super) account: Account,
    /// A file of settings that belong to the data.
    pub(super) settings: Option<PathBuf>,
    /// How the server is reached once it runs.
    pub(super) config: Config,
    /// Statements with which it starts first, one a line.
    pub(super) first: String,
}

/// Finds the server's own program.
pub(super) fn find_server(
    engine: &MySql,
    wanted: &str,
    fits: impl Fn(Version) -> bool,
) -> Result<Found> {
    engine.places.find(&SERVER, wanted, fits)
}

impl Instance {
    /// Starts a server and waits until it answers. Blocking.
    ///
    /// # Errors
    /// With the end of its log when it does not start.
    pub(super) fn run(setup: Setup<'_>, control: &Control) -> Result<Self> {
        let told = |why| from_io("starting a private server", why);
        let first = setup.folder.join("accounts.sql");
        prepare_folder(setup.folder, setup.account).map_err(told)?;
        account::write_private(&first, &setup.first).map_err(told)?;
        setup.account.give(&first).map_err(told)?;
        let port = setup.config.url.port().unwrap_or(3306);
        let arguments = arguments(setup.folder, setup.settings.as_deref(), port);
        let mut instance = Self {
            command: format!("{} {}", setup.server.path.display(), arguments.join(" ")),
            config: setup.config,
            folder: setup.folder.to_owned(),
            child: None,
        };
        let log = File::create(setup.folder.join("output.log")).map_err(told)?;
        let mut command = Command::new(&setup.server.path);
        command
            .args(arguments)
            .arg(format!("--init-file={}", first.display()))
            .current_dir(setup.folder)
            .env("LC_ALL", "C")
            // Signals of the terminal are for us: the server is stopped, or left, as is wanted.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(told)?)
            .stderr(log);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("MYSQL") || text.starts_with("MARIADB") {
                command.env_remove(&name);
            }
        }
        setup.account.apply(&mut command);
        instance.child = Some(command.spawn().map_err(told)?);
        let answered = instance.until_it_answers(control);
        // It has a password.
        fs::remove_file(&first).map_err(told)?;
        answered?;
        Ok(instance)
    }

    fn until_it_answers(&mut self, control: &Control) -> Result<()> {
        let mut waited = Duration::ZERO;
        let mut config = self.config.clone();
        config.url = config.url.with_database("information_schema");
        config.pool.min = 1;
        loop {
            control.check()?;
            let opened = tokio::runtime::Handle::current().block_on(async {
                let db = Database::builder()
                    .require_database(true)
                    .open(&config)
                    .await?;
                close(db).await;
                Ok::<(), Error>(())
            });
            let Err(error) = opened else { return Ok(()) };
            let ended = self.child.as_mut().map(Child::try_wait);
            let has_ended = !matches!(ended, Some(Ok(None)));
            if has_ended || waited >= PATIENCE {
                return Err(self.failure(&error));
            }
            sleep(TICK);
            waited += TICK;
        }
    }

    fn failure(&self, error: &Error) -> Error {
        let log = fs::read(self.folder.join("error.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(15)..].join("\n");
        let kind = match programs::is_full(&tail) {
            true => ErrorKind::DiskFull,
            false => ErrorKind::Unreachable,
        };
        Error::new(
            kind,
            format!(
                "the private server in {} does not answer: {}; the end of its log:\n{tail}",
                self.folder.display(),
                error.detail()
            ),
        )
    }

    /// Stops it in an orderly way. Its data stays. Blocking.
    ///
    /// # Errors
    /// When it does not stop, and had to be killed.
    pub(crate) fn stop(mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        terminate(&child);
        let mut waited = Duration::ZERO;
        while waited < PATIENCE {
            if child.try_wait().map_err(Error::unexpected)?.is_some() {
                return Ok(());
            }
            sleep(TICK);
            waited += TICK;
        }
        let _ = child.kill();
        let _ = child.wait();
        Err(Error::new(
            ErrorKind::Unexpected,
            format!(
                "the private server in {} did not stop",
                self.folder.display()
            ),
        ))
    }

    /// Where it is: its data, its log, and the number of its process.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Lets it run on, also when this process ends.
    pub(crate) fn leave_running(mut self) {
        self.child = None;
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // What is in it is thrown away with it.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn terminate(child: &Child) {
    if let Some(id) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process(id, Signal::TERM);
    }
}

/// Makes the folder for temporary tables, where there is none.
fn prepare_folder(folder: &Path, account: Account) -> std::io::Result<()> {
    let temporary = folder.join("tmp");
    fs::create_dir_all(&temporary)?;
    account.give(folder)?;
    account.give(&temporary)
}

/// What a server in this folder is started with.
fn arguments(folder: &Path, settings: Option<&Path>, port: u16) -> Vec<String> {
    let path = |name: &str| folder.join(name).display().to_string();
    let first = match settings {
        Some(file) => format!("--defaults-file={}", file.display()),
        None => "--no-defaults".to_owned(),
    };
    vec![
        first,
        format!("--datadir={}", path("data")),
        // A server that starts removes the temporary tables in its folder for them: in the usual one
        // also those of the live server.
        format!("--tmpdir={}", path("tmp")),
        format!("--socket={}", path("socket")),
        format!("--pid-file={}", path("pid")),
        format!("--log-error={}", path("error.log")),
        format!("--port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--skip-log-bin".to_owned(),
        "--event-scheduler=OFF".to_owned(),
        "--max-allowed-packet=1G".to_owned(),
        "--character-set-server=utf8mb4".to_owned(),
        // A kernel interface that containers often forbid.
        "--innodb-use-native-aio=0".to_owned(),
    ]
}

/// A private server on this port, with a user of this name.
pub(super) fn reached_at(
    engine: &MySql,
    port: u16,
    user: &str,
    password: Option<&Secret>,
) -> Result<Config> {
    let mut text = format!("mysql://{}", encoded(user));
    if let Some(password) = password {
        text.push_str(&format!(":{}", encoded(password.expose())));
    }
    text.push_str(&format!("@127.0.0.1:{port}/{}", encoded(&engine.name)));
    let mut config = engine.config.clone();
    config.url = DatabaseUrl::parse(&text)
        .map_err(|error| Error::new(ErrorKind::Configuration, error.message().to_owned()))?;
    config.tls = Tls::disabled();
    Ok(config)
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A port that nobody listens on.
pub(super) fn free_port() -> Result<u16> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|why| from_io("looking for a free port", why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_survive_an_address() {
        assert_eq!(encoded("a@/é"), "%61%40%2F%C3%A9");
        let arguments = arguments(Path::new("/x"), Some(Path::new("/x/data/my.cnf")), 7);
        assert_eq!(arguments[0], "--defaults-file=/x/data/my.cnf");
        assert!(arguments.contains(&"--port=7".to_owned()));
    }
}
