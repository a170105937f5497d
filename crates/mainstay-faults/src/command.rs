//! What both commands have in common: names of engines, seeds, files for results.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use mainstay::{Entropy, SystemEntropy};
use mainstay_testkit::Engine;

/// An engine's name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    Sqlite,
    Postgres,
    #[value(alias = "mariadb")]
    Mysql,
}

impl EngineName {
    pub(crate) fn engine(self) -> Engine {
        match self {
            Self::Sqlite => Engine::Sqlite,
            Self::Postgres => Engine::Postgres,
            Self::Mysql => Engine::MariaDb,
        }
    }
}

/// Short enough to be typed.
pub(crate) fn random_seed() -> u64 {
    let mut bytes = [0; 4];
    SystemEntropy.fill(&mut bytes);
    u64::from(u32::from_le_bytes(bytes))
}

/// Minutes of work are not to end with a wrong path. What the file holds stays.
pub(crate) fn check_writable(file: &Path) -> Result<(), String> {
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .map(|_| ())
        .map_err(|error| format!("{} cannot be written: {error}", file.display()))
}

pub(crate) fn write(file: &PathBuf, text: &str) -> Result<(), String> {
    std::fs::write(file, text)
        .map_err(|error| format!("{} cannot be written: {error}", file.display()))
}
