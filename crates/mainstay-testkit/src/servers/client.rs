//! Running SQL with the engine's own command line client.
//!
//! The test kit does not use Mainstay's drivers for this, so that a broken driver cannot hide in the
//! preparation of its own test.

use std::process::{Command, Stdio};

use super::discovery;
use super::error::ServerError;
use super::kind::ServerKind;
use super::process::clean_environment;
use super::url::ServerUrl;

/// Runs SQL on the database of `url` and returns what it prints: one line per row, columns separated
/// by tabs. Where the URL names a certificate authority the connection is verified TLS.
pub fn run_sql(url: &ServerUrl, sql: &str) -> Result<String, ServerError> {
    let programs =
        discovery::find(url.kind()).map_err(|missing| ServerError::new(missing.to_string()))?;
    let mut command = Command::new(&programs.client);
    clean_environment(&mut command);
    match url.kind() {
        ServerKind::Postgres => psql(&mut command, url, sql),
        ServerKind::MariaDb => mariadb(&mut command, url, sql),
    }
    let output = command.stdin(Stdio::null()).output().map_err(|error| {
        ServerError::new(format!(
            "'{}' cannot be started: {error}",
            programs.client.display()
        ))
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let detail = String::from_utf8_lossy(&output.stderr);
    Err(ServerError::new(format!(
        "{url:?} refused '{sql}': {}",
        detail.trim()
    )))
}

fn psql(command: &mut Command, url: &ServerUrl, sql: &str) {
    command
        .args([
            "--no-psqlrc",
            "--quiet",
            "--no-align",
            "--tuples-only",
            "--field-separator=\t",
        ])
        .args(["--no-password", "--set=ON_ERROR_STOP=1"])
        .args(["--host", url.host(), "--port", &url.port().to_string()])
        .args([
            "--username",
            url.user(),
            "--dbname",
            url.database(),
            "--command",
            sql,
        ])
        .env("PGPASSWORD", url.password())
        .env("PGCONNECT_TIMEOUT", "10");
    if let Some(ca) = url.ca() {
        command
            .env("PGSSLMODE", "verify-full")
            .env("PGSSLROOTCERT", ca);
    }
}

fn mariadb(command: &mut Command, url: &ServerUrl, sql: &str) {
    command
        .args([
            "--no-defaults",
            "--protocol=TCP",
            "--batch",
            "--skip-column-names",
        ])
        .args([
            "--connect-timeout=10",
            "--host",
            url.host(),
            "--port",
            &url.port().to_string(),
        ])
        .args(["--user", url.user(), "--execute", sql])
        .env("MYSQL_PWD", url.password());
    if let Some(ca) = url.ca() {
        command
            .arg(format!("--ssl-ca={}", ca.display()))
            .arg("--ssl-verify-server-cert");
    }
    if !url.database().is_empty() {
        command.args(["--database", url.database()]);
    }
}

/// Creates a database. The name may hold lower-case letters, digits and underscores.
pub fn create_database(url: &ServerUrl, name: &str) -> Result<(), ServerError> {
    check_name(name)?;
    run_sql(url, &format!("CREATE DATABASE {name}")).map(|_| ())
}

/// Drops a database if it exists, and ends the sessions that still use it.
pub fn drop_database(url: &ServerUrl, name: &str) -> Result<(), ServerError> {
    check_name(name)?;
    let sql = match url.kind() {
        ServerKind::Postgres => format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        ServerKind::MariaDb => {
            end_sessions(url, name)?;
            // A transaction that is still open would hold the tables for a day otherwise.
            format!("SET lock_wait_timeout = 10; DROP DATABASE IF EXISTS {name}")
        }
    };
    run_sql(url, &sql).map(|_| ())
}

/// Ends the sessions that use a MariaDB database.
fn end_sessions(url: &ServerUrl, name: &str) -> Result<(), ServerError> {
    let sql = format!("SELECT id FROM information_schema.processlist WHERE db = '{name}'");
    for id in run_sql(url, &sql)?.split_whitespace() {
        // It fails when the session has left by itself in between.
        let _ = run_sql(url, &format!("KILL CONNECTION {id}"));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), ServerError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !name.is_empty() && name.len() <= 63 && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(ServerError::new(format!(
        "'{name}' is no name for a test database: use lower-case letters, digits and underscores"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_names_that_would_need_quoting() {
        for name in ["", "Upper", "a-b", "a; DROP DATABASE b", "ä"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name("users_should_create_7").is_ok());
    }
}
