//! The command line of `migrate`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mainstay_migrate::Goal;

use super::schema::ScratchAt;
use super::tools::{LintArgs, RehearseArgs};
use super::values::{Format, version};

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Show what `up` would run: each statement with the lock it takes and about how many rows its
    /// table has. Reads only.
    Plan {
        /// Up to the migration of this version.
        #[arg(long, value_name = "VERSION", value_parser = version)]
        to: Option<String>,
        #[command(flatten)]
        format: Format,
    },
    /// Apply pending migrations. One that was interrupted goes on where it was.
    Up {
        /// Up to the migration of this version, instead of all.
        #[arg(long, value_name = "VERSION", value_parser = version)]
        to: Option<String>,
        /// Only show what would run.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Undo migrations, the newest first: by default one. Asks first, unless --yes is given; in
    /// production it must be.
    Down {
        #[command(flatten)]
        to: DownTo,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        /// Only show what would run.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Undo the newest migration and apply it again. Asks first, unless --yes is given; in
    /// production it must be.
    Redo {
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        /// Only show what would run.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Show every migration and whether it is applied. Reads only. Ends with 1 when something is
    /// in the way of migrating.
    Status {
        #[command(flatten)]
        format: Format,
    },
    /// Adopt a database whose tables were made by other means: record the migrations up to a
    /// version as applied, without running them. Refused when anything is recorded already.
    Baseline {
        /// The newest migration that the database has the effect of.
        #[arg(long, value_name = "VERSION", value_parser = version)]
        to: String,
        #[command(flatten)]
        format: Format,
    },
    /// Explain what does not fit between the record and the migrations, and mend the record. Without
    /// flags it only explains. Ends with 1 while something does not fit.
    Repair {
        /// Do all that is proposed, but for what --done or --undone must say.
        #[arg(long)]
        yes: bool,
        /// The migration of this version has begun, and what was left of it has been run by hand;
        /// may be repeated.
        #[arg(long, value_name = "VERSION", value_parser = version)]
        done: Vec<String>,
        /// The migration of this version has begun, and nothing of it stands; may be repeated.
        #[arg(long, value_name = "VERSION", value_parser = version)]
        undone: Vec<String>,
        #[command(flatten)]
        format: Format,
    },
    /// Look over the migrations for what hurts in production, before they run. Ends with 1 when
    /// something is found that is an error, and with 2 when it cannot look. Needs no database.
    Lint(LintArgs),
    /// Try the migrations on a copy with as many rows as production has: up, down, and up again.
    /// Tells the time of each statement and the locks that were seen. Ends with 1 when the schema
    /// or the data are not what they were, or when it takes too long.
    Rehearse(RehearseArgs),
    /// Make the folder of a new migration, named by the time and by what it does. Needs no
    /// database, unless it is to be drafted.
    New {
        /// What it does, in lower case with underscores: add_nickname.
        name: String,
        /// Where the migrations are.
        #[arg(long, value_name = "FOLDER", default_value = "migrations")]
        folder: PathBuf,
        /// A text for this engine alone, instead of one that all read; may be repeated.
        #[arg(long, value_name = "NAME", value_parser = ["sqlite", "postgres", "mysql"])]
        dialect: Vec<String>,
        #[command(flatten)]
        draft: DraftFlags,
        #[command(flatten)]
        format: Format,
    },
    /// Put one migration in place of those up to a version: its text makes what they make, and
    /// their folders go. Databases that have all of them have nothing to do; such that have a part
    /// of them must be brought to that version before. Asks first, unless --yes is given.
    Squash(SquashArgs),
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct SquashArgs {
    /// What the new one is called, in lower case with underscores: start.
    pub(crate) name: String,
    /// The newest migration that it stands for. By default the newest there is.
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub(crate) to: Option<String>,
    /// Where the migrations are.
    #[arg(long, value_name = "FOLDER", default_value = "migrations")]
    pub(crate) folder: PathBuf,
    /// A database of another engine that the migrations have a text for, to make a scratch database
    /// beside; may be repeated. SQLite needs none. A password given here can be seen by other users
    /// of the machine.
    #[arg(long, value_name = "URL")]
    pub(crate) beside: Vec<String>,
    /// Leave out what the text cannot have: rows that the migrations write, rights they give. What
    /// that is, is named.
    #[arg(long)]
    pub(crate) leave_out: bool,
    /// Only show what would be written.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) scratch: ScratchAt,
    #[command(flatten)]
    pub(crate) format: Format,
}

/// How a new migration is drafted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub(crate) struct DraftFlags {
    /// Draft it from what differs between the entities and what the migrations make, for the
    /// configured engine. Begun again for another engine, it adds that engine's text.
    #[arg(long, conflicts_with = "dialect")]
    pub(crate) draft: bool,
    /// Something was renamed: TABLE.COLUMN=NEW_COLUMN or TABLE=NEW_TABLE; may be repeated. What is
    /// not told is dropped and made anew.
    #[arg(long, value_name = "FROM=TO", requires = "draft")]
    pub(crate) rename: Vec<String>,
    /// A table that no entity has is to go; may be repeated.
    #[arg(long, value_name = "TABLE", requires = "draft")]
    pub(crate) drop: Vec<String>,
    #[command(flatten)]
    pub(crate) scratch: ScratchAt,
}

/// How far down.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[group(multiple = false)]
pub(crate) struct DownTo {
    /// All that are newer than the migration of this version; 0 undoes all.
    #[arg(long, value_name = "VERSION", value_parser = version_or_0)]
    to: Option<String>,
    /// So many.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    steps: Option<u16>,
}

impl DownTo {
    pub(crate) fn goal(self) -> Goal {
        match (self.to, self.steps) {
            (Some(to), _) => Goal::DownTo(to),
            (None, steps) => Goal::Down(steps.unwrap_or(1).into()),
        }
    }
}

fn version_or_0(text: &str) -> Result<String, String> {
    match text {
        "0" => Ok(text.to_owned()),
        text => version(text),
    }
}
