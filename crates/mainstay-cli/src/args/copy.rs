//! The command line of `copy`.

use clap::Args;

use super::values::Format;

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct CopyArgs {
    /// The database to copy from; by default the configured one. `env:NAME` takes the URL from the
    /// environment, where a password is not seen by other users of the machine.
    #[arg(long, value_name = "URL")]
    pub(crate) from: Option<String>,
    /// The database to copy into, which has to be empty. It is made and migrated if the migrations
    /// are known. `env:NAME` as above.
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// Leave out this table; may be repeated.
    #[arg(long, value_name = "TABLE")]
    pub(crate) skip: Vec<String>,
    /// Let triggers of the target run for every row that is copied.
    #[arg(long)]
    pub(crate) fire_triggers: bool,
    /// Remove the rows that an unfinished copy has written to the target, and begin again.
    #[arg(long)]
    pub(crate) restart: bool,
    #[command(flatten)]
    pub(crate) format: Format,
}
