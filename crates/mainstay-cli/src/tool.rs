//! The commands for a folder of migrations and a database, without an application's code: what the
//! binary `mainstay` is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use mainstay::config::ConfigLoader;
use mainstay::driver::BoxFuture;
use mainstay::{Database, Error, ErrorKind, Result, Schema};
use mainstay_migrate::{MigrationSet, SeedReport, source};

use crate::application::{Application, ServeContext};
use crate::args::{
    BackupCommand, Cli, Command, ConfigCommand, CopyArgs, Global, MigrateCommand, SchemaCommand,
};
use crate::exit::{self, Exit};
use crate::run;
use crate::terminal::Terminal;

const NAME: &str = "mainstay";

/// Migrations and the schema of a database, from a folder of SQL files.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = NAME, version, after_help = exit::HELP, propagate_version = true)]
struct ToolCli {
    #[command(flatten)]
    global: Global,
    /// Where the migrations are.
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        default_value = "migrations"
    )]
    folder: PathBuf,
    #[command(subcommand)]
    command: ToolCommand,
}

/// Those of an application's commands that need none of its code.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
enum ToolCommand {
    /// Apply and undo migrations, look them over, rehearse them, and write new ones.
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Show and compare schemas.
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// Take backups, prove that they can be restored, restore them, and watch over them.
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Copy all tables into another, empty database, on whatever engine, and compare both. With a
    /// folder of migrations the target is made by them; without one it has to have its tables.
    Copy(CopyArgs),
    /// Show or check the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
}

impl ToolCommand {
    /// Whether it can do without the folder.
    fn needs_no_folder(&self) -> bool {
        matches!(
            self,
            Self::Migrate(MigrateCommand::New { .. })
                | Self::Schema(_)
                | Self::Backup(_)
                | Self::Copy(_)
                | Self::Config(_)
        )
    }
}

impl From<ToolCommand> for Command {
    fn from(command: ToolCommand) -> Self {
        match command {
            ToolCommand::Migrate(command) => Self::Migrate(command),
            ToolCommand::Schema(command) => Self::Schema(command),
            ToolCommand::Backup(command) => Self::Backup(command),
            ToolCommand::Copy(args) => Self::Copy(args),
            ToolCommand::Config(command) => Self::Config(command),
        }
    }
}

/// Runs the command line of the process: what `fn main` of the binary `mainstay` returns.
pub fn main() -> ExitCode {
    run::block_on(|terminal| async move {
        let words: Vec<OsString> = std::env::args_os().collect();
        tool(words, ConfigLoader::from_process_env(), terminal).await
    })
}

/// Runs one command line, whose first word is the program, on a configuration.
pub async fn tool(
    words: impl IntoIterator<Item = OsString>,
    loader: ConfigLoader,
    terminal: Terminal,
) -> Exit {
    let mut command = ToolCli::command();
    let parsed = command.try_get_matches_from_mut(words).and_then(|matches| {
        ToolCli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    });
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return run::usage(&error, &terminal),
    };
    let set = match read(&cli.folder, cli.command.needs_no_folder(), &terminal) {
        Ok(set) => set,
        Err(error) => return run::ended(Err(error.into()), &terminal),
    };
    let app = Tool { set };
    let cli = Cli {
        global: cli.global,
        command: Some(cli.command.into()),
    };
    run::ended(run::dispatch(&app, cli, loader, &terminal).await, &terminal)
}

fn read(folder: &Path, may_miss: bool, terminal: &Terminal) -> Result<MigrationSet> {
    if may_miss && !folder.exists() {
        return Ok(MigrationSet::new(&[]));
    }
    let found = source::read(folder)?;
    for warning in &found.warnings {
        terminal.note(&format!("warning: {warning}"));
    }
    Ok(found.set)
}

/// An application of nothing but migrations.
struct Tool {
    set: MigrationSet,
}

impl Application for Tool {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    fn schema(&self) -> Schema {
        Schema::new()
    }

    fn has_entities(&self) -> bool {
        false
    }

    fn migrations(&self) -> &MigrationSet {
        &self.set
    }

    fn seed<'a>(&'a self, _: &'a Database) -> BoxFuture<'a, Result<SeedReport>> {
        Box::pin(async { Ok(SeedReport::new()) })
    }

    fn serve<'a>(&'a self, _: ServeContext) -> BoxFuture<'a, Result<()>> {
        Box::pin(async {
            Err(Error::new(
                ErrorKind::Configuration,
                "mainstay is no service, and serves nothing",
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent_and_offers_no_service() {
        ToolCli::command().debug_assert();
        let help = ToolCli::command().render_long_help().to_string();
        assert!(
            help.contains("migrate") && help.contains("--folder"),
            "{help}"
        );
        for command in ["serve", "seed", "setup", "reset"] {
            assert!(!help.contains(&format!("\n  {command} ")), "{help}");
        }
    }

    #[test]
    fn the_folder_may_stand_anywhere() {
        for words in [
            &["mainstay", "--folder", "a", "migrate", "lint"][..],
            &["mainstay", "migrate", "lint", "--folder", "a"],
            &["mainstay", "migrate", "--folder", "a", "lint"],
        ] {
            let cli = ToolCli::try_parse_from(words).expect("valid");
            assert_eq!(cli.folder, PathBuf::from("a"), "{words:?}");
            let ToolCommand::Migrate(MigrateCommand::Lint(lint)) = cli.command else {
                panic!("{words:?}");
            };
            assert_eq!(lint.folder, Some(PathBuf::from("a")), "{words:?}");
        }
        let cli = ToolCli::try_parse_from(["mainstay", "migrate", "new", "add_note"]);
        let ToolCommand::Migrate(MigrateCommand::New { folder, .. }) = cli.expect("valid").command
        else {
            panic!("a new one");
        };
        assert_eq!(folder, PathBuf::from("migrations"));
    }
}
