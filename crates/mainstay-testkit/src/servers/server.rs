//! A private server: starting, stopping and disturbing it.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use super::account::Account;
use super::discovery;
use super::error::ServerError;
use super::kind::ServerKind;
use super::process::{ServerProcess, TICK, Watchdog};
use super::site::{Options, Site};
use super::tls;
use super::url::ServerUrl;
use super::{mariadb, postgres};

/// A private server with a folder of its own. Dropping it stops the server and removes the folder.
#[derive(Debug)]
pub struct Server {
    kind: ServerKind,
    url: ServerUrl,
    account: Account,
    process: Option<ServerProcess>,
    site: Site,
    // After `process`: its drop removes the folder.
    watchdog: Watchdog,
}

/// A server is made and started in a few seconds. This is for machines that are busy with much else;
/// the test runner ends a test somewhat later, without saying what it waited for.
const START_LIMIT: Duration = Duration::from_secs(150);
const STOP_LIMIT: Duration = Duration::from_secs(30);

impl Server {
    /// Initialises and starts a server, and waits until it answers.
    pub fn start(kind: ServerKind, options: Options) -> Result<Self, ServerError> {
        let programs =
            discovery::find(kind).map_err(|missing| ServerError::new(missing.to_string()))?;
        // Short, because the path of a Unix socket has room for about 100 bytes.
        let folder = tempfile::Builder::new().prefix("mainstay-").tempdir()?;
        let (users, last_signal): (&[&str], &str) = match kind {
            // QUIT makes PostgreSQL end at once and still release its shared memory.
            ServerKind::Postgres => (&["postgres", "nobody"], "QUIT"),
            ServerKind::MariaDb => (&["mysql", "nobody"], "KILL"),
        };
        let account = Account::choose(folder.path(), users)?;
        let watchdog = Watchdog::start(folder.path(), last_signal)?;
        // From here on the watchdog removes it.
        let folder = folder.keep();
        let certificates = tls::write_certificates(&folder)?;
        let password = random_hex(16)?;
        let (port, database) = (free_port()?, default_database(kind));
        let url = format!(
            "{}://mainstay:{password}@127.0.0.1:{port}/{database}",
            kind.name()
        );
        let url = ServerUrl::parse(kind, &url, Some(certificates.ca.clone()))?;
        let site = Site {
            folder,
            programs,
            certificates,
            password,
            port,
            options,
        };
        let mut server = Self {
            kind,
            url,
            account,
            process: None,
            site,
            watchdog,
        };
        server.initialise()?;
        server.run()?;
        Ok(server)
    }

    /// Which engine it is.
    pub fn kind(&self) -> ServerKind {
        self.kind
    }

    /// Its address, with the user `mainstay`, who may do everything.
    pub fn url(&self) -> &ServerUrl {
        &self.url
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.site.folder
    }

    /// The id of its main process, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(ServerProcess::id)
    }

    /// What the server wrote to its log so far.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.site.log()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Ends the server with SIGKILL, as if it had crashed. Its data stays for [`Server::restart`].
    pub fn kill(&mut self) -> Result<(), ServerError> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.forget(&mut self.watchdog);
        }
        Ok(())
    }

    /// Shuts the server down in an orderly way, closing its connections.
    pub fn stop(&mut self) -> Result<(), ServerError> {
        let signal = match self.kind {
            // "Fast" shutdown: does not wait for clients to leave.
            ServerKind::Postgres => "INT",
            ServerKind::MariaDb => "TERM",
        };
        self.end(signal, STOP_LIMIT)
    }

    /// Stops the server's processes where they are: connections stay open, nothing answers.
    pub fn freeze(&self) -> Result<(), ServerError> {
        self.running()?.freeze()
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) -> Result<(), ServerError> {
        self.running()?.thaw()
    }

    /// Starts the server again on the same port and data, stopping it first if it runs.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.stop()?;
        self.run()
    }

    fn running(&self) -> Result<&ServerProcess, ServerError> {
        self.process
            .as_ref()
            .ok_or_else(|| ServerError::new(format!("the {} test server does not run", self.kind)))
    }

    fn end(&mut self, signal: &str, limit: Duration) -> Result<(), ServerError> {
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        // It may be frozen, and would then not hear the signal. It may also have ended by itself.
        let _ = process.thaw();
        let _ = process.signal(signal);
        if process.wait(limit)?.is_none() {
            process.kill()?;
        }
        process.forget(&mut self.watchdog);
        Ok(())
    }

    /// Makes the data folder.
    fn initialise(&mut self) -> Result<(), ServerError> {
        self.account.give(&self.site.folder)?;
        let command = match self.kind {
            ServerKind::Postgres => postgres::initialise(&self.site)?,
            ServerKind::MariaDb => mariadb::initialise(&self.site)?,
        };
        // The preparations may have left files of ours.
        self.account.give(&self.site.folder)?;
        let mut process = self.spawn(command)?;
        let status = process.wait(START_LIMIT)?;
        if status.is_none() {
            process.kill()?;
        }
        process.forget(&mut self.watchdog);
        if status.is_some_and(|status| status.success()) {
            return Ok(());
        }
        Err(self.failure(&match status {
            Some(status) => format!("its data folder could not be initialised: {status}"),
            None => format!("its data folder was not initialised within {START_LIMIT:?}"),
        }))
    }

    /// Starts the server process and waits until it takes connections.
    fn run(&mut self) -> Result<(), ServerError> {
        let command = match self.kind {
            ServerKind::Postgres => postgres::run(&self.site),
            ServerKind::MariaDb => mariadb::run(&self.site),
        };
        let mut process = self.spawn(command)?;
        let mut waited = Duration::ZERO;
        let problem = loop {
            let ready = match self.kind {
                ServerKind::Postgres => postgres::is_ready(&self.site, process.id()),
                ServerKind::MariaDb => mariadb::is_ready(&self.site),
            };
            // Looked at after `ready`: whoever answered was this process, if it still runs.
            if let Some(status) = process.exited()? {
                break format!("it ended with {status} while starting");
            }
            if ready {
                self.process = Some(process);
                return Ok(());
            }
            if waited >= START_LIMIT {
                process.kill()?;
                break format!("it did not answer within {START_LIMIT:?}");
            }
            sleep(TICK);
            waited += TICK;
        };
        process.forget(&mut self.watchdog);
        Err(self.failure(&problem))
    }

    fn spawn(&mut self, command: Command) -> Result<ServerProcess, ServerError> {
        let (folder, log) = (&self.site.folder, &self.site.log());
        ServerProcess::spawn(command, self.account, folder, log, &mut self.watchdog)
    }

    fn failure(&self, problem: &str) -> ServerError {
        ServerError::new(format!(
            "the private {} test server ({}) did not start: {problem}. {}",
            self.kind,
            self.site.programs.server.display(),
            what_matters(&self.log()),
        ))
    }
}

/// The lines of a log that tell of errors, and its end: an installer that fails says at length what
/// could be wrong in general.
fn what_matters(log: &str) -> String {
    const MOST: usize = 10;
    let lines: Vec<&str> = log.lines().collect();
    let is_error =
        |line: &&&str| line.contains("ERROR") || line.contains("FATAL") || line.contains("error:");
    let errors: Vec<&str> = lines.iter().filter(is_error).take(MOST).copied().collect();
    let told = match errors.is_empty() {
        true => String::new(),
        false => format!("Its log tells of errors:\n  {}\n", errors.join("\n  ")),
    };
    let end = &lines[lines.len().saturating_sub(25)..];
    format!("{told}The end of its log:\n  {}", end.join("\n  "))
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its data is about to be removed, so nothing needs to be written out. What fails here is
        // left to the watchdog.
        let _ = match self.kind {
            ServerKind::Postgres => self.end("QUIT", Duration::from_secs(5)),
            ServerKind::MariaDb => self.kill(),
        };
    }
}

fn default_database(kind: ServerKind) -> &'static str {
    match kind {
        ServerKind::Postgres => "postgres",
        ServerKind::MariaDb => "mainstay",
    }
}

/// Random bytes as hexadecimal digits.
pub(super) fn random_hex(bytes: usize) -> Result<String, ServerError> {
    let mut buffer = vec![0; bytes];
    fs::File::open("/dev/urandom")?.read_exact(&mut buffer)?;
    Ok(buffer.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A port of 127.0.0.1 nobody listens on.
///
/// From below the range the system gives to outgoing connections, so that a restart finds it free
/// again.
fn free_port() -> Result<u16, ServerError> {
    for _ in 0..200 {
        let digits = random_hex(2)?;
        let number = u16::from_str_radix(&digits, 16).unwrap_or_default();
        let port = 15_000 + number % 15_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(ServerError::new(
        "no free TCP port was found on 127.0.0.1 between 15000 and 30000",
    ))
}

#[cfg(test)]
mod tests {
    use super::what_matters;

    #[test]
    fn the_errors_of_a_log_come_first() {
        let advice = "The problem could be conflicting information\n".repeat(30);
        let log = format!("Installing\nERROR: 1051  Unknown table 'a'\n{advice}");
        let told = what_matters(&log);
        assert!(
            told.starts_with("Its log tells of errors:\n  ERROR: 1051  Unknown table 'a'\n"),
            "{told}"
        );
        assert!(what_matters("ready").starts_with("The end of its log:\n  ready"));
    }
}
