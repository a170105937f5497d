//! Flags and values that several commands take.

use clap::{Args, ValueEnum};
use mainstay::schema::Dialect;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Args)]
pub(crate) struct Format {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DialectName {
    Sqlite,
    Postgres,
    Mariadb,
    Mysql,
}

impl From<DialectName> for Dialect {
    fn from(name: DialectName) -> Self {
        match name {
            DialectName::Sqlite => Self::Sqlite,
            DialectName::Postgres => Self::Postgres,
            DialectName::Mariadb => Self::MariaDb,
            DialectName::Mysql => Self::MySql,
        }
    }
}

pub(super) fn version(text: &str) -> Result<String, String> {
    // The name behind it, as the status shows it, is no mistake.
    let version = text.split_once('_').map_or(text, |(version, _)| version);
    match version.len() == 14 && version.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(version.to_owned()),
        false => Err("expected the 14 digits of a version, as the status shows it".to_owned()),
    }
}
