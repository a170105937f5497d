//! The command line. The commands of `backup`, `migrate` and `schema`, and `copy`, are in files of
//! their own; `tools` has `lint` and `rehearse`, `values` what several commands take.

mod backup;
mod copy;
mod migrate;
mod schema;
mod tools;
mod values;

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use mainstay::config::{ConfigLoader, Profile};

pub(crate) use backup::{BackupCommand, FromTarget, Query, RestorePlace, Stored, Taken, WatchArgs};
pub(crate) use copy::CopyArgs;
pub(crate) use migrate::{DraftFlags, MigrateCommand, SquashArgs};
pub(crate) use schema::{SchemaCommand, ScratchAt, Towards};
pub(crate) use tools::{LintArgs, LintFormat, RehearseArgs};
pub(crate) use values::Format;

use crate::exit;

/// Runs the service, and what it takes to run it.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(after_help = exit::HELP, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do; `serve` if nothing is named.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Flags that every command takes. They override the environment and the file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub(crate) struct Global {
    /// The configuration file, instead of mainstay.toml where there is one.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The profile: development, test or production.
    #[arg(long, global = true, value_name = "NAME", value_parser = Profile::NAMES.to_vec())]
    pub(crate) profile: Option<String>,
    /// Where the database is. A password given here can be seen by other users of the machine:
    /// DATABASE_URL is safer.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Any other key of the configuration; may be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
}

impl Global {
    /// Puts the flags on top of a configuration.
    pub(crate) fn apply(&self, mut loader: ConfigLoader) -> ConfigLoader {
        if let Some(file) = &self.config {
            loader = loader.file(file);
        }
        if let Some(profile) = &self.profile {
            loader = loader.set("profile", profile);
        }
        if let Some(url) = &self.url {
            loader = loader.set("url", url);
        }
        for (key, value) in &self.set {
            loader = loader.set(key, value);
        }
        loader
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    // The text is not repeated: the value may be a secret.
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, such as pool.max=20".to_owned()),
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Start the service. Outside production, on this machine, the database is set up first.
    Serve,
    /// Create the database if it is missing, apply pending migrations, write the seed data.
    Setup {
        /// Do not write the seed data.
        #[arg(long)]
        no_seed: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Write the data the application starts with, where it is missing.
    Seed {
        /// In production too.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Drop all tables with their data, apply all migrations, write the seed data. In development
    /// and test only.
    Reset {
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Show or check the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Apply and undo migrations, show which are applied, and write new ones.
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Show the tables of the application, and compare entities, migrations and database.
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// Take backups, prove that they can be restored, restore them, and watch over them.
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Copy all tables into another, empty database, on whatever engine, and compare both.
    Copy(CopyArgs),
    /// Show the database's health, migrations and row counts. Ends with 1 when something is in the
    /// way of migrating.
    Status {
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every key with its value and where that came from. Secrets are left out.
    Show {
        #[command(flatten)]
        format: Format,
    },
    /// Look for mistakes, and ask the server for its connection limit and whether it lets the
    /// program in. Ends with 2 when something is wrong; warnings alone end with 0. That the server
    /// cannot be reached from here, or has no such database yet, is a warning.
    Check {
        #[command(flatten)]
        format: Format,
    },
}

/// Reads a command line whose first word is the program.
pub(crate) fn parse(
    name: &'static str,
    version: &'static str,
    words: impl IntoIterator<Item = std::ffi::OsString>,
) -> Result<Cli, clap::Error> {
    let mut command = Cli::command().name(name).bin_name(name).version(version);
    let matches = command.try_get_matches_from_mut(words)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Cli, clap::Error> {
        let words = std::iter::once("app").chain(words.iter().copied());
        parse("app", "1.2.3", words.map(Into::into))
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().version("1").debug_assert();
    }

    #[test]
    fn commands_and_flags_are_read() {
        assert_eq!(read(&[]).expect("valid").command, None);
        let cli = read(&["migrate", "up", "--json", "--set", "pool.max=3"]).expect("valid");
        let format = Format { json: true };
        assert_eq!(
            cli.command,
            Some(Command::Migrate(MigrateCommand::Up {
                to: None,
                dry_run: false,
                format
            }))
        );
        assert_eq!(cli.global.set, [("pool.max".to_owned(), "3".to_owned())]);
        let cli = read(&["--profile", "test", "reset", "--yes"]).expect("valid");
        assert_eq!(cli.global.profile.as_deref(), Some("test"));
        assert!(matches!(
            cli.command,
            Some(Command::Reset { yes: true, .. })
        ));
    }

    #[test]
    fn what_is_wrong_is_a_usage_error_that_repeats_no_secret() {
        for words in [
            &["migrate"][..],
            &["migrate", "up", "--to", "2026"],
            &["migrate", "down", "--to", "0", "--steps", "2"],
            &["migrate", "down", "--steps", "0"],
            &["migrate", "baseline"],
            &["copy"],
            &["copy", "--from", "sqlite:a.db"],
            &["migrate", "new"],
            &["migrate", "squash"],
            &["migrate", "squash", "start", "--to", "1"],
            &["fly"],
            &["--profile", "staging"],
            &["schema", "show", "--dialect", "oracle"],
            &["schema", "diff", "--to", "nowhere"],
            &["schema", "adopt"],
            &["schema", "revert", "--yes"],
            &["migrate", "new", "a", "--rename", "a.b=c"],
            &["migrate", "new", "a", "--draft", "--dialect", "sqlite"],
        ] {
            assert_eq!(read(words).expect_err("wrong").exit_code(), 2, "{words:?}");
        }
        let error = read(&["--set", "hunter2"]).expect_err("no key").to_string();
        assert!(error.contains("KEY=VALUE"), "{error}");
    }

    #[test]
    fn help_shows_the_exit_codes_and_the_version_is_the_applications() {
        let help = read(&["--help"]).expect_err("help");
        assert_eq!(help.exit_code(), 0);
        assert!(help.to_string().contains("Exit codes:"));
        let version = read(&["--version"]).expect_err("version");
        assert_eq!(version.to_string(), "app 1.2.3\n");
    }
}
