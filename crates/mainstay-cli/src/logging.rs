//! What is logged, to the error stream.

use std::io;

use mainstay::Config;
use mainstay::config::StatementLog;
use tracing_subscriber::EnvFilter;

use crate::terminal::Terminal;

/// Starts logging. `RUST_LOG` decides if it is set; otherwise the service logs what its profile
/// says, and the other commands only what the user should know: they print their own errors.
pub(crate) fn start(config: &Config, serves: bool, terminal: &Terminal) {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(default_filter(config.log.statements, serves)));
    let terminal = terminal.clone();
    // A second start, by an application that has its own, changes nothing.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || Log(terminal.clone()))
        .with_ansi(false)
        .try_init();
}

/// Writes lines of the log where they do not meet what is drawn.
struct Log(Terminal);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.log(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn default_filter(statements: StatementLog, serves: bool) -> &'static str {
    match (serves, statements) {
        // What takes long in a command is told by it, with its time; so is what a watch does.
        (false, _) => "warn,mainstay::statement=off,mainstay::slow=off,mainstay::backup::watch=off",
        (true, StatementLog::All) => "info,mainstay::statement=debug",
        (true, StatementLog::Errors) => "info",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_logs_what_its_profile_says() {
        assert!(default_filter(StatementLog::All, true).contains("statement=debug"));
        assert_eq!(default_filter(StatementLog::Errors, true), "info");
        let quiet = default_filter(StatementLog::All, false);
        assert!(quiet.contains("statement=off") && quiet.contains("slow=off"));
        assert!(quiet.contains("watch=off"), "what it says it prints");
    }
}
