//! What is logged, to the error stream.

use mainstay::Config;
use mainstay::config::StatementLog;
use tracing_subscriber::EnvFilter;

/// Starts logging. `RUST_LOG` decides if it is set; otherwise the service logs what its profile
/// says, and the other commands only what the user should know: they print their own errors.
pub(crate) fn start(config: &Config, serves: bool) {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(default_filter(config.log.statements, serves)));
    // A second start, by an application that has its own, changes nothing.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}

fn default_filter(statements: StatementLog, serves: bool) -> &'static str {
    match (serves, statements) {
        (false, _) => "warn,mainstay::statement=off",
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
        assert!(default_filter(StatementLog::All, false).contains("statement=off"));
    }
}
