//! Finding the servers' programs.

use std::env;
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::kind::ServerKind;

/// The programs of one engine.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    /// `initdb` or `mariadb-install-db`.
    pub(super) initialise: PathBuf,
    /// `postgres` or `mariadbd`.
    pub(super) server: PathBuf,
    /// `psql` or `mariadb`.
    pub(super) client: PathBuf,
}

/// Why a server cannot be started, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What was not found, and where it was looked for.
    pub reason: String,
    /// What to install, for each distribution.
    pub install: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.reason, self.install)
    }
}

/// Finds the programs of an engine: in the folders its packages use, newest version first, then in
/// `PATH`.
///
/// The packages' folders come first because `PATH` may hold a wrapper or an unrelated build.
pub(super) fn find(kind: ServerKind) -> Result<Programs, Missing> {
    let mut folders = match kind {
        ServerKind::Postgres => postgres_folders(),
        ServerKind::MariaDb => mariadb_folders(),
    };
    if let Some(path) = env::var_os("PATH") {
        folders.extend(env::split_paths(&path));
    }
    find_in(kind, &folders)
}

/// Whether the programs of an engine are here.
pub fn installed(kind: ServerKind) -> Result<(), Missing> {
    find(kind).map(|_| ())
}

fn find_in(kind: ServerKind, folders: &[PathBuf]) -> Result<Programs, Missing> {
    // The same program has had two names; only MariaDB's own are safe to take, because a MySQL
    // server would not understand the options.
    let (initialise, server, client): (&[&str], &[&str], &[&str]) = match kind {
        ServerKind::Postgres => (&["initdb"], &["postgres"], &["psql"]),
        ServerKind::MariaDb => (
            &["mariadb-install-db"],
            &["mariadbd"],
            &["mariadb", "mysql"],
        ),
    };
    let locate = |names: &[&str]| {
        folders
            .iter()
            .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
            .find(|path| is_program(path))
            .ok_or_else(|| Missing {
                reason: format!("{kind}: the program '{}' was not found", names[0]),
                install: install_hint(kind),
            })
    };
    Ok(Programs {
        initialise: locate(initialise)?,
        server: locate(server)?,
        client: locate(client)?,
    })
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

fn postgres_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    // Debian and Ubuntu, then Fedora and the PostgreSQL project's own RPM packages.
    folders.extend(versioned(Path::new("/usr/lib/postgresql"), "", "bin"));
    folders.extend(versioned(Path::new("/usr"), "pgsql-", "bin"));
    for homebrew in ["/opt/homebrew/opt", "/usr/local/opt"] {
        folders.extend(versioned(Path::new(homebrew), "postgresql@", "bin"));
    }
    folders
}

fn mariadb_folders() -> Vec<PathBuf> {
    [
        "/usr/sbin",
        "/usr/bin",
        "/usr/libexec",
        "/opt/homebrew/opt/mariadb/bin",
        "/usr/local/opt/mariadb/bin",
    ]
    .map(PathBuf::from)
    .to_vec()
}

/// The folders `base/PREFIXversion/below`, newest version first.
fn versioned(base: &Path, prefix: &str, below: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(base)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join(below)))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn install_hint(kind: ServerKind) -> String {
    let rows: [(&str, &str); 5] = match kind {
        ServerKind::Postgres => [
            ("Debian, Ubuntu", "apt-get install postgresql"),
            ("Fedora, RHEL", "dnf install postgresql-server postgresql"),
            ("Arch", "pacman -S postgresql"),
            ("Alpine", "apk add postgresql postgresql-client"),
            ("macOS", "brew install postgresql@17"),
        ],
        ServerKind::MariaDb => [
            (
                "Debian, Ubuntu",
                "apt-get install mariadb-server-core mariadb-client-core",
            ),
            ("Fedora, RHEL", "dnf install mariadb-server mariadb"),
            ("Arch", "pacman -S mariadb"),
            ("Alpine", "apk add mariadb mariadb-client"),
            ("macOS", "brew install mariadb"),
        ],
    };
    let mut hint =
        String::from("Install one of these; the tests start a private server of their own:");
    for (system, command) in rows {
        hint.push_str(&format!("\n  {system}: {command}"));
    }
    hint
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make_program(folder: &Path, name: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(name), "").unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn takes_the_newest_version_by_number() {
        let base = tempfile::tempdir().unwrap();
        for version in ["9", "15", "17", "notes"] {
            fs::create_dir_all(base.path().join(version)).unwrap();
        }
        let found = versioned(base.path(), "", "bin");
        let expected = ["17", "15", "9"].map(|version| base.path().join(version).join("bin"));
        assert_eq!(found, expected);
    }

    #[test]
    fn finds_programs_spread_over_folders_and_skips_plain_files() {
        let base = tempfile::tempdir().unwrap();
        let (one, two) = (base.path().join("one"), base.path().join("two"));
        make_program(&one, "mariadbd");
        fs::write(one.join("mariadb"), "not a program").unwrap();
        make_program(&two, "mariadb");
        make_program(&two, "mariadb-install-db");
        let found = find_in(ServerKind::MariaDb, &[one.clone(), two.clone()]).unwrap();
        assert_eq!(found.server, one.join("mariadbd"));
        assert_eq!(found.client, two.join("mariadb"));
    }

    #[test]
    fn says_what_is_missing_and_how_to_get_it() {
        let base = tempfile::tempdir().unwrap();
        make_program(base.path(), "initdb");
        let missing = find_in(ServerKind::Postgres, &[base.path().to_owned()]).unwrap_err();
        assert!(missing.reason.contains("'postgres'"), "{missing}");
        assert!(
            missing.install.contains("apt-get install postgresql"),
            "{missing}"
        );
    }
}
