//! A server of our own on a recovered folder.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mainstay::config::{DatabaseUrl, Tls};
use mainstay::{Config, Error, ErrorKind, Result};
use url::Url;

use super::super::super::tools::{Found, Pipe, Running};
use super::super::Postgres;
use super::super::programs::{ServerPrograms, launch_local};
use super::account::Account;
use crate::archive::Table;
use crate::control::Control;
use crate::failure::from_io;

const TICK: Duration = Duration::from_millis(20);
/// So long a server may take to shut down.
const STOP_LIMIT: Duration = Duration::from_secs(120);

/// Who may log in: everyone who may in the original, from this machine.
const ACCESS: &str = "mainstay_hba.conf";
/// Settings, where the base brings none because its server keeps them elsewhere.
const SETTINGS: &str = "mainstay.conf";
const SERVER_LOG: &str = "mainstay_server.log";

/// A server that runs on a recovered folder, on this machine only. Dropping it stops the server, and
/// leaves the folder.
#[derive(Debug)]
pub(crate) struct Instance {
    /// The data folder.
    pub(crate) folder: PathBuf,
    /// Where it listens, on 127.0.0.1.
    pub(crate) port: u16,
    /// By which its database is opened, the one of the original's configuration.
    pub(crate) config: Config,
    programs: ServerPrograms,
    account: Account,
    running: Option<Running>,
}

/// How a server is to be started.
#[derive(Debug)]
pub(super) struct Start<'a> {
    pub(super) folder: &'a Path,
    pub(super) settings: &'a [String],
    pub(super) programs: &'a ServerPrograms,
    pub(super) account: Account,
    /// The configuration of the original.
    pub(super) config: &'a Config,
}

impl Instance {
    /// Starts a server, and waits until it takes connections, for as long as recovery takes.
    pub(super) fn start(start: &Start<'_>, control: &Control) -> Result<Self> {
        let port = free_port()?;
        write_access(start)?;
        let mut launch = launch_local(&start.programs.postgres)
            .folder(start.folder)
            .arg("-D")
            .arg(start.folder);
        if let Some((user, group)) = start.account.ids() {
            launch = launch.account(user, group);
        }
        for setting in own_settings(start.folder, port)
            .iter()
            .chain(start.settings)
        {
            launch = launch.arg("-c").arg(setting);
        }
        let running = launch.start(Pipe::Neither, control)?;
        let config = config_of(start.config, port)?;
        let instance = Self {
            folder: start.folder.to_owned(),
            port,
            config,
            programs: start.programs.clone(),
            account: start.account,
            running: Some(running),
        };
        instance.wait(control)
    }

    fn wait(mut self, control: &Control) -> Result<Self> {
        loop {
            control.check()?;
            let Some(running) = &self.running else {
                return Err(gone());
            };
            if running.has_ended() {
                let ended = self.running.take().map(Running::finish);
                return Err(match ended {
                    Some(Err(error)) => error,
                    _ => gone(),
                });
            }
            if is_ready(&self.folder, running.id()) {
                return Ok(self);
            }
            std::thread::sleep(TICK);
        }
    }

    /// The tables of its database, as a logical capture tells of them. Blocks.
    ///
    /// # Errors
    /// Those of the server and of its programs.
    pub(crate) fn tables(&self, engine: &Postgres, control: &Control) -> Result<Vec<Table>> {
        let mut engine = engine.clone();
        engine.config = self.config.clone();
        let database = engine.database().to_owned();
        engine.tables_of(&database, control)
    }

    /// Shuts it down in an orderly way, so that the folder can be used by another server. Blocks.
    ///
    /// # Errors
    /// When it does not end in time or not in order.
    pub(crate) fn stop(mut self) -> Result<PathBuf> {
        if let Some(running) = self.running.take() {
            // "Fast": it does not wait for clients to leave.
            running.interrupt();
            let mut waited = Duration::ZERO;
            while !running.has_ended() {
                if waited >= STOP_LIMIT {
                    return Err(Error::new(
                        ErrorKind::Deadline,
                        format!("the server in {} does not stop", self.folder.display()),
                    ));
                }
                std::thread::sleep(TICK);
                waited += TICK;
            }
            running.finish()?;
        }
        Ok(self.folder.clone())
    }

    /// Lets it go on when this program ends: it is started anew, by itself. Blocks.
    ///
    /// # Errors
    /// When it does not stop or start.
    pub(crate) fn leave(self) -> Result<(PathBuf, u16)> {
        let (programs, account, port) = (self.programs.clone(), self.account, self.port);
        let folder = self.stop()?;
        let options: Vec<String> = own_settings(&folder, port)
            .into_iter()
            .map(|setting| format!("-c {}", quoted(&setting)))
            .collect();
        let mut launch = launch_local(&programs.pg_ctl)
            .folder(&folder)
            .args(["start", "--silent", "--wait", "--timeout=3600"])
            .arg("--pgdata")
            .arg(&folder)
            .arg("--log")
            .arg(folder.join(SERVER_LOG))
            .arg(format!("--options={}", options.join(" ")));
        if let Some((user, group)) = account.ids() {
            launch = launch.account(user, group);
        }
        launch.detached(&Control::new())?;
        Ok((folder, port))
    }

    /// How an operator puts it in the place of the old server.
    pub(crate) fn switch(&self) -> String {
        let folder = self.folder.display();
        let pg_ctl = self.programs.pg_ctl.path.display();
        format!(
            "The recovered server's data is in {folder}. To put it in the place of the old server:\n\
             1. Stop what writes to the old server, and stop the old server. Keep its data folder.\n\
             2. Stop the recovered server: {pg_ctl} stop -D {folder} -m fast\n\
             3. Copy the old server's postgresql.conf, pg_hba.conf and pg_ident.conf to where the \
             new one reads them, and have its data_directory be {folder}, or move that folder to \
             the old one's place.\n\
             4. Start it as the old one was started. Its log goes on as a new timeline: take a base \
             backup at once."
        )
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        // Without a shutdown checkpoint, and with all its processes.
        running.quit();
        for _ in 0..250 {
            if running.has_ended() {
                return;
            }
            std::thread::sleep(TICK);
        }
    }
}

/// The settings a `pg_controldata` tells, which a server in recovery must not fall short of.
pub(super) fn needed_settings(pg_controldata: &Found, folder: &Path) -> Result<Vec<String>> {
    use std::io::Read;

    let mut running = launch_local(pg_controldata)
        .arg(folder)
        .start(Pipe::Output, &Control::new())?;
    let mut text = String::new();
    if let Err(error) = running.read_to_string(&mut text) {
        return Err(running.fail(from_io("reading what pg_controldata says", error)));
    }
    running.finish()?;
    Ok(read_needed(&text))
}

fn read_needed(text: &str) -> Vec<String> {
    const NAMES: [(&str, &str); 5] = [
        ("max_connections", "max_connections"),
        ("max_worker_processes", "max_worker_processes"),
        ("max_wal_senders", "max_wal_senders"),
        ("max_prepared_xacts", "max_prepared_transactions"),
        ("max_locks_per_xact", "max_locks_per_transaction"),
    ];
    NAMES
        .iter()
        .filter_map(|(said, name)| {
            let mark = format!("{said} setting:");
            let line = text.lines().find_map(|line| line.strip_prefix(&mark))?;
            Some(format!("{name}={}", line.trim().parse::<u32>().ok()?))
        })
        .collect()
}

/// What a server of our own has set otherwise than the original: it is alone, and does nothing to
/// the outside.
fn own_settings(folder: &Path, port: u16) -> Vec<String> {
    let mut out = vec![
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        "unix_socket_directories=".to_owned(),
        format!("hba_file={}", folder.join(ACCESS).display()),
        "ssl=off".to_owned(),
        "logging_collector=off".to_owned(),
        "log_destination=stderr".to_owned(),
        "lc_messages=C".to_owned(),
        "archive_mode=off".to_owned(),
        "primary_conninfo=".to_owned(),
        "synchronous_standby_names=".to_owned(),
        "max_logical_replication_workers=0".to_owned(),
        "huge_pages=off".to_owned(),
    ];
    if !folder.join("postgresql.conf").exists() {
        let path = folder.join(SETTINGS);
        out.push(format!("config_file={}", path.display()));
    }
    if !folder.join("pg_ident.conf").exists() {
        // An empty one will do.
        out.push(format!("ident_file={}", folder.join(SETTINGS).display()));
    }
    out
}

fn write_access(start: &Start<'_>) -> Result<()> {
    let doing = "writing the recovered server's settings";
    // Whoever has a password has to show it. A server that asks for none knows its users by other
    // means, which are not there on another port.
    let method = match start.config.url.password() {
        Some(_) => "md5",
        None => "trust",
    };
    let access = start.folder.join(ACCESS);
    fs::write(&access, format!("host all all 127.0.0.1/32 {method}\n"))
        .map_err(|error| from_io(doing, error))?;
    start.account.give(&access)?;
    let settings = start.folder.join(SETTINGS);
    if !settings.exists() {
        fs::write(&settings, "").map_err(|error| from_io(doing, error))?;
        start.account.give(&settings)?;
    }
    Ok(())
}

/// Whether the server takes connections: it writes its state into its pid file.
fn is_ready(folder: &Path, process: Option<u32>) -> bool {
    let Ok(text) = fs::read_to_string(folder.join("postmaster.pid")) else {
        return false;
    };
    let first = text
        .lines()
        .next()
        .and_then(|line| line.trim().parse().ok());
    // A base may bring the file of the original.
    first.is_some()
        && first == process
        && text
            .lines()
            .nth(7)
            .is_some_and(|line| line.trim() == "ready")
}

fn config_of(original: &Config, port: u16) -> Result<Config> {
    let wrong = |why: String| Error::new(ErrorKind::Configuration, why);
    let mut config = original.clone();
    let mut url = Url::parse(&format!("postgres://127.0.0.1:{port}/postgres"))
        .map_err(|error| wrong(error.to_string()))?;
    let user = original.url.user().unwrap_or("postgres");
    let password = original.url.password().map(|password| password.expose());
    url.set_username(user)
        .and_then(|()| url.set_password(password))
        .map_err(|()| wrong("the user's name cannot be written into a URL".to_owned()))?;
    let url = DatabaseUrl::parse(url.as_str()).map_err(|error| wrong(error.to_string()))?;
    let database = original.url.database().unwrap_or_default();
    config.url = url.with_database(database);
    config.tls = Tls::disabled();
    Ok(config)
}

fn free_port() -> Result<u16> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| from_io("finding a free port", error))
}

/// For a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn gone() -> Error {
    Error::new(ErrorKind::Unexpected, "the recovered server is gone")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_from_the_control_file() {
        let text = "pg_control version number:            1300\n\
                    max_connections setting:              200\n\
                    max_worker_processes setting:         8\n\
                    max_wal_senders setting:              10\n\
                    max_prepared_xacts setting:           0\n\
                    max_locks_per_xact setting:           64\n";
        let needed = read_needed(text);
        assert_eq!(needed.len(), 5);
        assert!(needed.contains(&"max_prepared_transactions=0".to_owned()));
        assert!(needed.contains(&"max_locks_per_transaction=64".to_owned()));
        assert_eq!(read_needed("nothing"), Vec::<String>::new());
    }

    #[test]
    fn the_shell_gets_a_setting_as_it_is() {
        assert_eq!(quoted("port=1"), "'port=1'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
