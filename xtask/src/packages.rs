//! Installing the database servers the tests start.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::engine::Engine;
use crate::process;

/// Installs the packages named in its arguments, and keeps the machine as it was otherwise: no
/// service is started (policy-rc.d forbids it), and no database cluster is made for one. Both are
/// undone at the end.
const INSTALL: &str = r#"
set -eu
export DEBIAN_FRONTEND=noninteractive
made=
packages=
folder=/etc/postgresql-common/createcluster.d
clean() {
    for file in $made; do rm -f "$file"; done
    rmdir "$folder" 2>/dev/null || true
}
trap clean EXIT
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    made="$made $policy"
    chmod 755 "$policy"
fi
mkdir -p "$folder"
printf 'create_main_cluster = false\n' > "$folder/mainstay-tests.conf"
made="$made $folder/mainstay-tests.conf"
apt="apt-get -y -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3"
# Without fresh lists the packages may still be there: a mirror can be down for a moment.
$apt update || echo 'the package lists could not be brought up to date'
for package in "$@"; do
    # Older distributions have no server program without the service around it.
    apt-cache show "$package" >/dev/null 2>&1 || package=${package%-core}
    packages="$packages $package"
done
$apt install --no-install-recommends $packages
"#;

/// Whether we may install packages, or why not.
pub(crate) fn may_install() -> Result<(), String> {
    if !process::works(Command::new("apt-get").arg("--version")) {
        return Err("there is no apt-get here".to_owned());
    }
    let root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if root {
        Ok(())
    } else {
        Err("only root may install packages".to_owned())
    }
}

/// The programs by which an engine's databases are backed up that are not here.
pub(crate) fn missing_programs(engine: Engine) -> Vec<&'static str> {
    let needed: &[&str] = match engine {
        Engine::Sqlite => &[],
        Engine::Postgres => &["psql", "pg_dump", "pg_basebackup", "pg_receivewal"],
        Engine::Mysql => &[
            "mariadb",
            "mariadb-dump",
            "mariadb-binlog",
            "mariadb-backup",
            "mbstream",
        ],
    };
    let folders = folders();
    let is_missing = |name: &&&str| !folders.iter().any(|folder| folder.join(name).is_file());
    needed.iter().filter(is_missing).copied().collect()
}

/// Where programs are: on the path, and where Debian puts those of PostgreSQL's servers.
fn folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    folders
}

/// The packages that an engine's tests need.
pub(crate) fn of(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Sqlite => &[],
        Engine::Postgres => &["postgresql", "postgresql-client"],
        // The server's program without the service around it, and the programs of backups.
        Engine::Mysql => &[
            "mariadb-server-core",
            "mariadb-client-core",
            "mariadb-client",
            "mariadb-backup",
        ],
    }
}

/// Installs what an engine's private server needs.
pub(crate) fn install(engines: &[Engine]) -> Result<(), String> {
    let packages = engines.iter().flat_map(|engine| of(*engine));
    process::run(
        Command::new("sh")
            .args(["-c", INSTALL, "install"])
            .args(packages),
    )
}
