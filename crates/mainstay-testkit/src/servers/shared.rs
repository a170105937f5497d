//! The servers all tests of a run share.
//!
//! `cargo xtask test` starts them once and names them in environment variables. Without these, each
//! test process that asks starts its own on first use, which the watchdog removes when the process
//! ends. Under `cargo nextest`, where each test is a process, prefer `cargo xtask test -- FILTER`.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::discovery::{Missing, installed};
use super::error::ServerError;
use super::kind::ServerKind;
use super::server::Server;
use super::site::Options;
use super::url::ServerUrl;

/// The environment variable that limits the tests to some engines: names separated by commas, of
/// `sqlite`, `postgres` and `mysql`.
pub const ENGINES_VARIABLE: &str = "MAINSTAY_TEST_ENGINES";

/// The environment variable with the file in which tests note that they were skipped, because the
/// test runner would count them as passed. One line each: engine, tab, test.
pub const SKIPS_VARIABLE: &str = "MAINSTAY_TEST_SKIPS";

/// Whether tests on an engine can run.
#[derive(Debug, Clone)]
pub enum Availability {
    /// There is a server.
    Available(ServerUrl),
    /// The programs are not installed.
    Missing(Missing),
    /// This run leaves the engine out.
    NotSelected,
    /// The programs are there, but the server did not start. Never a reason to skip.
    Broken(ServerError),
}

/// Whether tests on an engine can run. Starts a server if none was named.
pub fn availability(kind: ServerKind) -> &'static Availability {
    static POSTGRES: OnceLock<(Availability, Option<Server>)> = OnceLock::new();
    static MARIADB: OnceLock<(Availability, Option<Server>)> = OnceLock::new();
    let cell = match kind {
        ServerKind::Postgres => &POSTGRES,
        ServerKind::MariaDb => &MARIADB,
    };
    // The server is never dropped: statics are not. The watchdog ends it with the process.
    &cell.get_or_init(|| obtain(kind)).0
}

fn obtain(kind: ServerKind) -> (Availability, Option<Server>) {
    if !selected(kind, env::var(ENGINES_VARIABLE).ok().as_deref()) {
        return (Availability::NotSelected, None);
    }
    if let Ok(text) = env::var(kind.url_variable()) {
        let ca = env::var_os(kind.ca_variable()).map(PathBuf::from);
        return match ServerUrl::parse(kind, &text, ca) {
            Ok(url) => (Availability::Available(url), None),
            Err(error) => (Availability::Broken(error), None),
        };
    }
    if let Err(missing) = installed(kind) {
        return (Availability::Missing(missing), None);
    }
    match Server::start(kind, Options::default()) {
        Ok(server) => (Availability::Available(server.url().clone()), Some(server)),
        Err(error) => (Availability::Broken(error), None),
    }
}

fn selected(kind: ServerKind, engines: Option<&str>) -> bool {
    engines.is_none_or(|list| list.split(',').any(|name| name.trim() == kind.name()))
}

/// The server of this run, or `None` when the test is to be skipped because there is none.
///
/// A skip is written to the error stream, once per engine and process, past the test runner's
/// capturing, and noted in the file [`SKIPS_VARIABLE`] names.
///
/// # Panics
/// When the server does not start, and, with `CI=true` in the environment, when it is not installed:
/// there a test that does not run must not look like one that passed.
#[allow(clippy::panic, reason = "for tests, where a panic is the way to fail")]
pub fn require(kind: ServerKind) -> Option<ServerUrl> {
    let reason = match availability(kind) {
        Availability::Available(url) => return Some(url.clone()),
        Availability::Broken(error) => panic!("{error}"),
        Availability::NotSelected => format!("{kind} is not among {ENGINES_VARIABLE}"),
        Availability::Missing(missing) => {
            assert!(!in_ci(), "{missing}");
            missing.to_string()
        }
    };
    note_skip(kind, &reason);
    None
}

fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

fn note_skip(kind: ServerKind, reason: &str) {
    static POSTGRES: OnceLock<()> = OnceLock::new();
    static MARIADB: OnceLock<()> = OnceLock::new();
    let said = match kind {
        ServerKind::Postgres => &POSTGRES,
        ServerKind::MariaDb => &MARIADB,
    };
    said.get_or_init(|| {
        let line = reason.lines().next().unwrap_or_default();
        let _ = writeln!(std::io::stderr(), "skipping the tests on {kind}: {line}");
    });
    if let Some(path) = env::var_os(SKIPS_VARIABLE) {
        let line = format!("{}\t{}\n", kind.name(), test_name());
        // One short write in append mode: lines of several processes do not mix.
        let noted = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .and_then(|mut file| file.write_all(line.as_bytes()));
        if let Err(error) = noted {
            let _ = writeln!(
                std::io::stderr(),
                "skip not noted in {}: {error}",
                path.display()
            );
        }
    }
}

/// What tells this test from all others of the run.
fn test_name() -> String {
    let part = |name| env::var(name).ok();
    if let (Some(binary), Some(test)) = (part("NEXTEST_BINARY_ID"), part("NEXTEST_TEST_NAME")) {
        return format!("{binary} {test}");
    }
    let thread = std::thread::current();
    format!(
        "{} {}",
        std::process::id(),
        thread.name().unwrap_or("unnamed")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_selected_by_name() {
        assert!(selected(ServerKind::Postgres, None));
        assert!(selected(ServerKind::MariaDb, Some("sqlite, mysql")));
        assert!(!selected(ServerKind::Postgres, Some("sqlite,mysql")));
        assert!(!selected(ServerKind::Postgres, Some("")));
    }
}
