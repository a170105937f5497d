//! The command lines of `migrate lint` and `migrate rehearse`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use mainstay::config::parse_duration;
use mainstay_migrate::rehearse::Start;

use super::schema::ScratchAt;
use super::values::{DialectName, Format, version};

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct LintArgs {
    /// The folder of the migrations, instead of those in the program.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Only the texts of this dialect; may be repeated. By default those of all that have a text,
    /// or with --database those of the database.
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) dialect: Vec<DialectName>,
    /// How the report is written: for people, as JSON, or as SARIF 2.1.0.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: LintFormat,
    /// Write the report to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Weigh what is found by the number of rows in the configured database.
    #[arg(long)]
    pub(crate) database: bool,
    /// Report migrations of later versions only.
    #[arg(long, value_name = "VERSION", value_parser = version, conflicts_with = "pending")]
    pub(crate) after: Option<String>,
    /// Report only what is not applied in the configured database.
    #[arg(long)]
    pub(crate) pending: bool,
    /// End with 1 for warnings, too.
    #[arg(long)]
    pub(crate) strict: bool,
    /// List the rules, and look at nothing.
    #[arg(long)]
    pub(crate) rules: bool,
}

impl LintArgs {
    /// Whether a database is asked.
    pub(crate) fn needs_database(&self) -> bool {
        !self.rules && (self.database || self.pending)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LintFormat {
    #[default]
    Text,
    Json,
    Sarif,
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct RehearseArgs {
    /// A copy of the database, restored for this. Everything in it may be changed and lost. By
    /// default a scratch database is made, and filled with --rows.
    #[arg(long, value_name = "URL", conflicts_with = "scratch")]
    pub(crate) copy: Option<String>,
    #[command(flatten)]
    pub(crate) scratch: ScratchAt,
    /// Make rows until tables have so many: goals=1000000,users=100000; may be repeated.
    #[arg(long, value_name = "TABLE=N", value_delimiter = ',', value_parser = rows)]
    pub(crate) rows: Vec<(String, u64)>,
    /// What made rows are made from: the same number makes the same rows.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Begin with the migration of this version, applied or not. By default with the first that is
    /// pending: in the copy, or for a scratch database in the configured database.
    #[arg(long, value_name = "VERSION", value_parser = version, conflicts_with = "all")]
    pub(crate) from: Option<String>,
    /// Rehearse all migrations, applied or not.
    #[arg(long)]
    pub(crate) all: bool,
    /// The longest that one way through all of them may take.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_duration)]
    pub(crate) limit: Duration,
    /// Write the report to this file, in Markdown.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) format: Format,
}

impl RehearseArgs {
    /// Where the rehearsal begins.
    pub(crate) fn start(&self) -> Start {
        match &self.from {
            _ if self.all => Start::First,
            Some(version) => Start::Version(version.clone()),
            None => Start::Pending,
        }
    }
}

fn rows(text: &str) -> Result<(String, u64), String> {
    let pair = text.split_once('=');
    let pair = pair.and_then(|(table, rows)| Some((table, rows.replace('_', "").parse().ok()?)));
    match pair {
        Some((table, rows)) if !table.is_empty() => Ok((table.to_owned(), rows)),
        _ => Err("expected TABLE=N, such as goals=1000000".to_owned()),
    }
}
