//! How a private MariaDB is made and started.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::error::ServerError;
use super::site::Site;
use super::tls::write_private;

/// Small files, said alike to the installer and the server.
const INNODB_FILES: [&str; 3] = [
    "--innodb-data-file-path=ibdata1:10M:autoextend",
    "--innodb-log-file-size=32M",
    // Kernel interfaces that containers often forbid.
    "--innodb-use-native-aio=0",
];

/// The command that makes the data folder.
pub(super) fn initialise(site: &Site) -> Result<Command, ServerError> {
    let password = &site.password;
    // Run at every start, before connections are taken; one statement per line. The installer makes
    // users root without a password.
    let accounts = format!(
        "CREATE OR REPLACE USER 'mainstay'@'127.0.0.1' IDENTIFIED BY '{password}';\n\
         GRANT ALL PRIVILEGES ON *.* TO 'mainstay'@'127.0.0.1' WITH GRANT OPTION;\n\
         CREATE OR REPLACE USER 'root'@'localhost' IDENTIFIED BY '{password}';\n\
         GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' WITH GRANT OPTION;\n\
         DELETE FROM mysql.global_priv WHERE User IN ('', 'root') AND Host <> 'localhost';\n\
         DELETE FROM mysql.global_priv WHERE User = '';\n\
         FLUSH PRIVILEGES;\n\
         CREATE DATABASE IF NOT EXISTS mainstay;\n"
    );
    write_private(&accounts_file(site), &accounts)?;
    std::fs::create_dir(site.folder.join("tmp"))?;
    let mut command = Command::new(&site.programs.initialise);
    command
        .arg("--no-defaults")
        .arg(format!("--datadir={}", site.data().display()))
        // A server that starts removes the temporary tables in its folder for them: in a shared one
        // also those of others that are being made.
        .arg(format!("--tmpdir={}", site.folder.join("tmp").display()))
        .args([
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
            "--skip-name-resolve",
        ])
        .args(INNODB_FILES);
    Ok(command)
}

/// The command that runs the server.
pub(super) fn run(site: &Site) -> Command {
    let path = |name: &str| site.folder.join(name).display().to_string();
    let certificates = &site.certificates;
    let mut command = Command::new(&site.programs.server);
    command
        .arg("--no-defaults")
        .arg(format!("--datadir={}", site.data().display()))
        .arg(format!("--socket={}", path("socket")))
        .arg(format!("--pid-file={}", path("pid")))
        .arg(format!("--tmpdir={}", path("tmp")))
        .arg(format!("--init-file={}", accounts_file(site).display()))
        .arg(format!("--port={}", site.port))
        .arg(format!("--ssl-ca={}", certificates.ca.display()))
        .arg(format!("--ssl-cert={}", certificates.certificate.display()))
        .arg(format!("--ssl-key={}", certificates.key.display()))
        .args(INNODB_FILES)
        .args([
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--skip-log-bin",
            "--max-connections=200",
            "--innodb-buffer-pool-size=64M",
            // As the packages of most distributions configure it.
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_general_ci",
        ]);
    if !site.options.durable {
        // 2, not 0: commits are handed to the operating system, so that a killed server keeps them.
        command.args([
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-doublewrite=0",
        ]);
    }
    command.args(
        site.options
            .settings
            .iter()
            .map(|setting| format!("--{setting}")),
    );
    command
}

/// Whether the server takes connections: it speaks first.
pub(super) fn is_ready(site: &Site) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, site.port));
    let limit = Duration::from_secs(1);
    let Ok(mut stream) = TcpStream::connect_timeout(&address, limit) else {
        return false;
    };
    // The length, the packet's number, and the protocol version 10.
    let mut head = [0; 5];
    stream.set_read_timeout(Some(limit)).is_ok()
        && stream.read_exact(&mut head).is_ok()
        && head[4] == 10
}

fn accounts_file(site: &Site) -> PathBuf {
    site.folder.join("accounts.sql")
}
