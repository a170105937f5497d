//! The programs of PostgreSQL.

use std::path::{Path, PathBuf};

use mainstay::config::TlsMode;
use mainstay::{Config, ErrorKind, Result};

use super::super::tools::{Found, Launch, Places, Program, Version, versioned};
use super::server::ServerVersion;

const ELSEWHERE: &str = "Fedora, RHEL: dnf install postgresql; Alpine: apk add postgresql-client; \
     macOS: brew install libpq; other versions: postgresql.org/download";

const fn program(name: &'static [&'static str]) -> Program {
    Program {
        names: name,
        marks: &["(PostgreSQL) "],
        package: "postgresql-client",
        elsewhere: ELSEWHERE,
    }
}

const PG_DUMP: Program = program(&["pg_dump"]);
const PSQL: Program = program(&["psql"]);
const PG_BASEBACKUP: Program = program(&["pg_basebackup"]);
const PG_RECEIVEWAL: Program = program(&["pg_receivewal"]);

/// A program that comes with the server.
const fn server_program(name: &'static [&'static str]) -> Program {
    Program {
        names: name,
        marks: &["(PostgreSQL) "],
        package: "postgresql",
        elsewhere: "Fedora, RHEL: dnf install postgresql-server; macOS: brew install postgresql; \
             other versions: postgresql.org/download",
    }
}

const POSTGRES: Program = server_program(&["postgres"]);
const PG_CTL: Program = server_program(&["pg_ctl"]);
const PG_CONTROLDATA: Program = server_program(&["pg_controldata"]);
const PG_VERIFYBACKUP: Program = server_program(&["pg_verifybackup"]);

/// The certificates that systems trust, where the one or the other keeps them.
const TRUSTED: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Where the programs are looked for.
pub(super) fn places() -> Places {
    Places::usual(folders())
}

/// The folders of the usual packages, the newest version first.
fn folders() -> Vec<PathBuf> {
    // Debian and Ubuntu, the PostgreSQL project's own RPM packages, Homebrew.
    let mut folders = versioned(Path::new("/usr/lib/postgresql"), "", "bin");
    folders.extend(versioned(Path::new("/usr"), "pgsql-", "bin"));
    for homebrew in ["/opt/homebrew/opt", "/usr/local/opt"] {
        folders.extend(versioned(Path::new(homebrew), "postgresql@", "bin"));
        folders.push(Path::new(homebrew).join("libpq/bin"));
    }
    folders
}

/// The `pg_dump` for a server: of the server's own version where there is one, because what a newer
/// one writes may be too new for the server; else a newer one. An older one refuses.
pub(super) fn pg_dump(places: &Places, server: &ServerVersion) -> Result<Found> {
    let major = server.number.major;
    places
        .find(&PG_DUMP, "", |version| version.major == major)
        .or_else(|_| {
            let wanted = format!("{major} or newer, as the server is {}", server.number);
            places.find(&PG_DUMP, &wanted, |version| version.major > major)
        })
}

/// The `pg_basebackup` for a server: of its version or a newer one.
pub(super) fn pg_basebackup(places: &Places, server: &ServerVersion) -> Result<Found> {
    not_older(places, &PG_BASEBACKUP, server)
}

/// The `pg_receivewal` for a server: of its version or a newer one.
pub(super) fn pg_receivewal(places: &Places, server: &ServerVersion) -> Result<Found> {
    not_older(places, &PG_RECEIVEWAL, server)
}

fn not_older(places: &Places, program: &Program, server: &ServerVersion) -> Result<Found> {
    let major = server.number.major;
    let wanted = format!("{major} or newer, as the server is {}", server.number);
    places.find(program, &wanted, |version| version.major >= major)
}

/// The programs that run a server on files of a version.
#[derive(Debug, Clone)]
pub(super) struct ServerPrograms {
    pub(super) postgres: Found,
    pub(super) pg_ctl: Found,
    pub(super) pg_controldata: Found,
    /// Which is newer than the others, and not in every package.
    pub(super) pg_verifybackup: Option<Found>,
}

impl ServerPrograms {
    pub(super) fn find(places: &Places, major: u32) -> Result<Self> {
        let wanted = format!("version {major}, as the backup's files are of it");
        let find = |program| places.find(program, &wanted, |version| version.major == major);
        Ok(Self {
            postgres: find(&POSTGRES)?,
            pg_ctl: find(&PG_CTL)?,
            pg_controldata: find(&PG_CONTROLDATA)?,
            pg_verifybackup: find(&PG_VERIFYBACKUP).ok(),
        })
    }
}

/// A program that works on files and asks no server.
pub(super) fn launch_local(found: &Found) -> Launch {
    Launch::new(found, classify).without_environment("PG")
}

/// The `psql` that reads what a `pg_dump` wrote.
pub(super) fn psql(places: &Places, dumped_by: Option<Version>) -> Result<Found> {
    let restricts = dumped_by.is_some_and(knows_restrict);
    let wanted = match dumped_by {
        Some(by) if restricts => {
            format!("one as new as the pg_dump {by} that took the backup, or its later releases")
        }
        _ => "any".to_owned(),
    };
    places.find(&PSQL, &wanted, |version| {
        !restricts || knows_restrict(version)
    })
}

/// Whether a release knows `\restrict`, a command that `pg_dump` writes and `psql` must know: it
/// came with a security release of every version that was maintained then.
fn knows_restrict(version: Version) -> bool {
    let since = match version.major {
        0..13 => return false,
        13 => 22,
        14 => 19,
        15 => 14,
        16 => 10,
        17 => 6,
        _ => 0,
    };
    version.minor >= since
}

/// A program that talks to one database of the server of a configuration.
///
/// All it needs is in its environment, which only the same user of the machine can see; nothing of
/// it in its arguments.
pub(super) fn launch(found: &Found, config: &Config, database: &str) -> Launch {
    let url = &config.url;
    let connect = config.timeouts.connect.as_secs().max(2);
    let mut launch = Launch::new(found, classify)
        .without_environment("PG")
        .env("PGHOST", url.host().unwrap_or("127.0.0.1"))
        .env("PGPORT", url.port().unwrap_or(5432).to_string())
        .env("PGUSER", url.user().unwrap_or("postgres"))
        .env("PGDATABASE", database)
        .env("PGAPPNAME", "mainstay backup")
        .env("PGCONNECT_TIMEOUT", connect.to_string())
        .arg("--no-password");
    for (name, value) in tls(config) {
        launch = launch.env(name, value);
    }
    match url.password() {
        Some(password) => launch.secret_env("PGPASSWORD", password),
        None => launch,
    }
}

fn tls(config: &Config) -> Vec<(&'static str, PathBuf)> {
    let tls = &config.tls;
    let mode = match tls.mode {
        TlsMode::Disable => return vec![("PGSSLMODE", "disable".into())],
        TlsMode::Require => "verify-full",
        TlsMode::RequireUnverified => "require",
    };
    let mut out = vec![("PGSSLMODE", mode.into())];
    if tls.mode == TlsMode::Require {
        let trusted = TRUSTED.iter().map(PathBuf::from).find(|path| path.exists());
        let root = tls.ca_file.clone().or(trusted);
        // The word is known from version 16 on.
        out.push(("PGSSLROOTCERT", root.unwrap_or_else(|| "system".into())));
    }
    let files = [
        ("PGSSLCERT", &tls.client_cert),
        ("PGSSLKEY", &tls.client_key),
    ];
    out.extend(
        files
            .into_iter()
            .filter_map(|(name, file)| Some((name, file.clone()?))),
    );
    out
}

/// What the complaints of these programs mean. The server speaks the language it was set up for, so
/// some are not recognised; their text is there all the same.
pub(super) fn classify(said: &str) -> Option<ErrorKind> {
    const MEANINGS: [(&str, ErrorKind); 20] = [
        ("No space left on device", ErrorKind::DiskFull),
        (
            "password authentication failed",
            ErrorKind::CredentialsRefused,
        ),
        ("no password supplied", ErrorKind::CredentialsRefused),
        ("permission denied", ErrorKind::AccessDenied),
        ("must be superuser", ErrorKind::AccessDenied),
        ("must be owner", ErrorKind::AccessDenied),
        ("no pg_hba.conf entry", ErrorKind::AccessDenied),
        (
            "query would be affected by row-level security",
            ErrorKind::AccessDenied,
        ),
        ("invalid page in block", ErrorKind::Corrupt),
        ("could not read block", ErrorKind::Corrupt),
        ("checksum verification failed", ErrorKind::Corrupt),
        ("due to lock timeout", ErrorKind::WriteConflict),
        ("too many clients", ErrorKind::TooManyConnections),
        ("remaining connection slots", ErrorKind::TooManyConnections),
        ("server closed the connection", ErrorKind::ConnectionLost),
        ("terminating connection", ErrorKind::ConnectionLost),
        ("certificate", ErrorKind::Tls),
        ("SSL", ErrorKind::Tls),
        ("could not translate host name", ErrorKind::Unreachable),
        ("Connection refused", ErrorKind::Unreachable),
    ];
    if said.contains("FATAL:  database \"") && said.contains("does not exist") {
        return Some(ErrorKind::DatabaseMissing);
    }
    let known = MEANINGS
        .iter()
        .find(|(words, _)| said.contains(words))
        .map(|(_, kind)| *kind);
    known.or_else(|| {
        said.contains("connection to server")
            .then_some(ErrorKind::Unreachable)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_restrict_is_known_since_the_releases_that_brought_it() {
        for (version, known) in [
            ((12, 22), false),
            ((13, 21), false),
            ((13, 22), true),
            ((15, 13), false),
            ((15, 14), true),
            ((17, 5), false),
            ((17, 6), true),
            ((18, 0), true),
        ] {
            let version = Version::new(version.0, version.1, 0);
            assert_eq!(knows_restrict(version), known, "{version}");
        }
    }

    #[test]
    fn complaints_have_a_meaning() {
        for (said, kind) in [
            (
                "pg_dump: error: connection to server at \"127.0.0.1\", port 1 failed: FATAL:  password authentication failed for user \"app\"",
                Some(ErrorKind::CredentialsRefused),
            ),
            (
                "pg_dump: error: connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
                Some(ErrorKind::Unreachable),
            ),
            (
                "psql: error: connection to server at \"::1\", port 1 failed: FATAL:  database \"app\" does not exist",
                Some(ErrorKind::DatabaseMissing),
            ),
            (
                "pg_dump: error: query failed: ERROR:  permission denied for table secrets",
                Some(ErrorKind::AccessDenied),
            ),
            ("ERROR:  relation \"users\" already exists", None),
        ] {
            assert_eq!(classify(said), kind, "{said}");
        }
    }
}
