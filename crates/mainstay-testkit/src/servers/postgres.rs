//! How a private PostgreSQL is made and started.

use std::fs;
use std::process::Command;

use super::error::ServerError;
use super::site::Site;
use super::tls::write_private;

const ACCESS_FILE: &str = "pg_hba.conf";

/// Who may sign in how. The role `certified`, which a test may create, has to show a certificate.
const ACCESS: &str = "\
hostssl all certified 127.0.0.1/32 scram-sha-256 clientcert=verify-ca
host all certified 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
";

/// The command that makes the data folder.
pub(super) fn initialise(site: &Site) -> Result<Command, ServerError> {
    let password = site.folder.join("password");
    write_private(&password, &site.password)?;
    fs::write(site.folder.join(ACCESS_FILE), ACCESS)?;
    let mut command = Command::new(&site.programs.initialise);
    command
        .arg("--pgdata")
        .arg(site.data())
        .arg("--pwfile")
        .arg(&password)
        .args(["--username=mainstay", "--auth=scram-sha-256"])
        .args([
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--wal-segsize=1",
        ]);
    Ok(command)
}

/// The command that runs the server.
pub(super) fn run(site: &Site) -> Command {
    let mut settings = vec![
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={}", site.port),
        // No Unix socket: it would need a folder with a short name.
        "unix_socket_directories=".to_owned(),
        "max_connections=200".to_owned(),
        "shared_buffers=32MB".to_owned(),
        // Inside the data folder, so that a killed server leaves nothing in /dev/shm.
        "dynamic_shared_memory_type=mmap".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", site.certificates.certificate.display()),
        format!("ssl_key_file={}", site.certificates.key.display()),
        format!("ssl_ca_file={}", site.certificates.ca.display()),
        format!("hba_file={}", site.folder.join(ACCESS_FILE).display()),
    ];
    if !site.options.durable {
        // Commits are still handed to the operating system (synchronous_commit stays on): a killed
        // server must not lose them, or tests of what a lost reply meant would lie.
        settings.extend(["fsync=off", "full_page_writes=off"].map(str::to_owned));
    }
    settings.extend(site.options.settings.iter().cloned());
    let mut command = Command::new(&site.programs.server);
    command.arg("-D").arg(site.data());
    for setting in settings {
        command.arg("-c").arg(setting);
    }
    command
}

/// Whether the server takes connections: it writes its state into its pid file.
pub(super) fn is_ready(site: &Site, process: u32) -> bool {
    let Ok(text) = fs::read_to_string(site.data().join("postmaster.pid")) else {
        return false;
    };
    let mut lines = text.lines();
    // A killed server leaves its file behind.
    let own = lines
        .next()
        .is_some_and(|line| line.trim() == process.to_string());
    own && text
        .lines()
        .nth(7)
        .is_some_and(|line| line.trim() == "ready")
}
