//! What a server is made of: its folder, programs, settings and address.

use std::path::PathBuf;

use super::discovery::Programs;
use super::tls::Certificates;

/// What can be chosen about a private server.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether a commit reaches the disk before it is answered. Off by default: tests are far faster
    /// without, and a killed process loses nothing by it, only a crash of the machine does.
    pub durable: bool,
    /// Further settings, as on the server's command line without the dashes: `work_mem=8MB` for
    /// PostgreSQL, `wait-timeout=5` for MariaDB. They win over the defaults.
    pub settings: Vec<String>,
}

/// Where everything of one server is. The engines' own files work with this.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) folder: PathBuf,
    pub(super) programs: Programs,
    pub(super) certificates: Certificates,
    pub(super) password: String,
    pub(super) port: u16,
    pub(super) options: Options,
}

impl Site {
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }
}
