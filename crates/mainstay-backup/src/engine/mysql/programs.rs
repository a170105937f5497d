//! The programs of MariaDB and MySQL: which there are, how they are told where the server is, and
//! what their errors mean.

use std::path::PathBuf;

use mainstay::config::TlsMode;
use mainstay::schema::Dialect;
use mainstay::{Config, Error, ErrorKind, Result};

use crate::engine::tools::{Found, Launch, Places, Program, Version};

/// What stands before the version; older ones say their own version first.
const MARKS: &[&str] = &["Distrib ", "from ", "server ", "Ver "];
const ELSEWHERE: &str = "elsewhere the client programs of MariaDB or MySQL";

/// Dumps a database.
pub(super) const DUMP: Program = Program {
    names: &["mariadb-dump", "mysqldump"],
    marks: MARKS,
    package: "mariadb-client",
    elsewhere: ELSEWHERE,
};

/// Reads statements.
pub(super) const CLIENT: Program = Program {
    names: &["mariadb", "mysql"],
    marks: MARKS,
    package: "mariadb-client",
    elsewhere: ELSEWHERE,
};

/// The oldest versions whose dumps are known to be whole.
const OLDEST_MARIADB: Version = Version::new(10, 6, 0);
const OLDEST_MYSQL: Version = Version::new(8, 0, 17);

/// Where the programs usually are.
pub(super) fn places() -> Places {
    let folders = [
        "/usr/bin",
        "/usr/sbin",
        "/usr/local/bin",
        "/usr/local/mysql/bin",
    ];
    Places::usual(folders.map(PathBuf::from))
}

/// Finds a program that goes with a server of this dialect.
///
/// # Errors
/// `CONFIGURATION_ERROR` when there is none, saying what to install.
pub(super) fn find(places: &Places, program: &Program, dialect: Dialect) -> Result<Found> {
    // The two go by the same names, but the versions of one begin where the other's have not come.
    let is_mariadb = |version: Version| version.major >= OLDEST_MARIADB.major;
    if dialect == Dialect::MySql {
        places.find(program, "that of MySQL 8.0.17 or newer", |version| {
            !is_mariadb(version) && version >= OLDEST_MYSQL
        })
    } else {
        places.find(program, "that of MariaDB 10.6 or newer", |version| {
            is_mariadb(version) && version >= OLDEST_MARIADB
        })
    }
}

/// A program about to be started, told where the server is and who signs in. It reads no files of
/// settings, and gets the password where no other user of the machine sees it.
pub(super) fn launch(found: &Found, config: &Config, dialect: Dialect) -> Launch {
    let url = &config.url;
    let mut launch = Launch::new(found, classify)
        .without_environment("MYSQL")
        .without_environment("MARIADB")
        // Must be the first.
        .arg("--no-defaults")
        .arg("--protocol=tcp")
        .arg(format!("--host={}", url.host().unwrap_or("127.0.0.1")))
        .arg(format!("--port={}", url.port().unwrap_or(3306)))
        .arg(format!("--user={}", url.user().unwrap_or("root")))
        .args(tls(config, dialect));
    if let Some(password) = url.password() {
        launch = launch.secret_env("MYSQL_PWD", password);
    }
    launch
}

fn tls(config: &Config, dialect: Dialect) -> Vec<String> {
    let tls = &config.tls;
    let mut args: Vec<String> = match (dialect, tls.mode) {
        (Dialect::MySql, TlsMode::Disable) => vec!["--ssl-mode=DISABLED"],
        (Dialect::MySql, TlsMode::Require) => vec!["--ssl-mode=VERIFY_IDENTITY"],
        (Dialect::MySql, TlsMode::RequireUnverified) => vec!["--ssl-mode=REQUIRED"],
        (_, TlsMode::Disable) => vec!["--skip-ssl"],
        (_, TlsMode::Require) => vec!["--ssl", "--ssl-verify-server-cert"],
        (_, TlsMode::RequireUnverified) => vec!["--ssl", "--skip-ssl-verify-server-cert"],
    }
    .into_iter()
    .map(str::to_owned)
    .collect();
    if tls.mode != TlsMode::Disable {
        for (name, file) in [
            ("ca", &tls.ca_file),
            ("cert", &tls.client_cert),
            ("key", &tls.client_key),
        ] {
            if let Some(file) = file {
                args.push(format!("--ssl-{name}={}", file.display()));
            }
        }
    }
    args
}

/// What a program's complaint means, by the number in it.
pub(super) fn classify(said: &str) -> Option<ErrorKind> {
    let number = numbers(said).next()?;
    Some(match number {
        1045 | 1698 => ErrorKind::CredentialsRefused,
        1044 | 1142 | 1143 | 1227 | 1370 | 1419 => ErrorKind::AccessDenied,
        1049 => ErrorKind::DatabaseMissing,
        2002 | 2003 | 2005 => ErrorKind::Unreachable,
        2006 | 2013 | 2055 | 1053 | 1927 => ErrorKind::ConnectionLost,
        2026 => ErrorKind::Tls,
        1040 => ErrorKind::TooManyConnections,
        1114 | 1021 | 1030 if is_full(said) => ErrorKind::DiskFull,
        1290 | 1836 => ErrorKind::ReadOnly,
        1205 | 1213 | 1412 => ErrorKind::WriteConflict,
        1146 => ErrorKind::TableMissing,
        _ => return None,
    })
}

/// What the programs for the server's files complain about, which have no numbers.
pub(super) fn classify_files(said: &str) -> Option<ErrorKind> {
    is_full(said).then_some(ErrorKind::DiskFull)
}

pub(super) fn is_full(said: &str) -> bool {
    [
        "is full",
        "Disk full",
        "No space left",
        "error 28",
        "errno: 28",
        "Errcode: 28",
    ]
    .iter()
    .any(|words| said.contains(words))
}

/// The numbers of the errors in what a program said: `ERROR 1045 (28000)`, `Got error: 2002:`,
/// `Error 2013:`.
fn numbers(said: &str) -> impl Iterator<Item = u32> {
    let words = ["ERROR ", "rror: ", "Error "];
    let mut found: Vec<(usize, u32)> = Vec::new();
    for word in words {
        for (at, _) in said.match_indices(word) {
            let digits = &said[at + word.len()..];
            let end = digits
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(digits.len());
            if let Ok(number) = digits[..end].parse() {
                found.push((at, number));
            }
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, number)| number)
}

/// The same error with what to do next, where that is known.
pub(super) fn hinted(error: Error, rights: &'static str) -> Error {
    match error.kind() {
        // The driver only knows that some right is missing.
        ErrorKind::AccessDenied => error.with_hint(rights),
        _ if error.hint().is_some() => error,
        _ if error.detail().contains("ERROR 1180") => error.with_hint(
            "the server could not commit: look for room on its disk, and at its error log",
        ),
        ErrorKind::CredentialsRefused => {
            error.with_hint("check user and password in the configuration")
        }
        ErrorKind::Unreachable | ErrorKind::ConnectionLost => {
            error.with_hint("check that the server runs and can be reached, and try again")
        }
        ErrorKind::WriteConflict => {
            error.with_hint("a table was changed while it was read; try again")
        }
        ErrorKind::DiskFull => error.with_hint("make room on the server's disk, and try again"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_told_by_their_number() {
        for (said, kind) in [
            (
                "mariadb-dump: Got error: 1045: \"Access denied for user\" when trying to connect",
                Some(ErrorKind::CredentialsRefused),
            ),
            (
                "mariadb-dump: Error 2013: Lost connection to server during query when dumping",
                Some(ErrorKind::ConnectionLost),
            ),
            (
                "ERROR 1227 (42000) at line 27: Access denied; you need SUPER",
                Some(ErrorKind::AccessDenied),
            ),
            (
                "ERROR 1114 (HY000) at line 3: The table 't' is full",
                Some(ErrorKind::DiskFull),
            ),
            (
                "mariadb-dump: Error 1412: Table definition has changed, please retry",
                Some(ErrorKind::WriteConflict),
            ),
            ("ERROR 1064 (42000) at line 1: You have an error", None),
            ("Killed", None),
        ] {
            assert_eq!(classify(said), kind, "{said}");
        }
    }
}
