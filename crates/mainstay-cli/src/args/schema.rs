//! The command line of `schema`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::values::{DialectName, Format};

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Print the SQL that creates the tables of the entities. Needs no database.
    Show {
        /// The dialect, instead of that of the configured database.
        #[arg(long, value_enum)]
        dialect: Option<DialectName>,
    },
    /// Print the SQL that makes what the database has. Reads only.
    Dump {
        #[command(flatten)]
        format: Format,
    },
    /// Compare the entities, the migrations and the database three ways. Reads only. Ends with 0
    /// when they say the same, with 1 when something differs, with 2 on any error. Pending
    /// migrations are named, and are no difference.
    Check {
        #[command(flatten)]
        scratch: ScratchAt,
        #[command(flatten)]
        format: Format,
    },
    /// Print the SQL that turns the database into what the migrations make, pending ones included,
    /// or into what the entities say. Reads only.
    Diff {
        /// Into what.
        #[arg(long, value_enum, default_value = "migrations")]
        to: Towards,
        #[command(flatten)]
        scratch: ScratchAt,
        #[command(flatten)]
        format: Format,
    },
    /// Write the migration that records what was changed in the database by hand, for the engine
    /// at hand. Begun again for another engine, it adds that engine's text.
    Adopt {
        /// What was changed, in lower case with underscores: add_nickname_by_hand.
        name: String,
        /// Where the migrations are.
        #[arg(long, value_name = "FOLDER", default_value = "migrations")]
        folder: PathBuf,
        /// Record it as applied to this database; also one that was written before.
        #[arg(long)]
        record: bool,
        #[command(flatten)]
        scratch: ScratchAt,
        #[command(flatten)]
        format: Format,
    },
    /// Print the SQL that removes what was changed in the database by hand, with what it destroys.
    Revert {
        /// Run it. Asks first, unless --yes is given; in production it must be.
        #[arg(long)]
        apply: bool,
        /// Do not ask.
        #[arg(long, requires = "apply")]
        yes: bool,
        #[command(flatten)]
        scratch: ScratchAt,
        #[command(flatten)]
        format: Format,
    },
}

/// Into what the database is turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Towards {
    Migrations,
    Entities,
}

/// Where scratch databases are made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub(crate) struct ScratchAt {
    /// An empty database to work in, for a user who may not make databases; what is made in it is
    /// dropped. By default one is made beside the configured database, and dropped again. A
    /// password given here can be seen by other users of the machine.
    #[arg(long, value_name = "URL")]
    pub(crate) scratch: Option<String>,
}
