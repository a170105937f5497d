//! `backup`: its verbs, and what they share.
//!
//! - `read`: list, verify, drill; `write`: create, restore, prune; `watch`
//! - `settings`: the target, label and keys, from the flags or from the configuration
//! - `work`: what is done until it ends or is asked to stop; `bar`: how far it is
//! - `text`: what is printed for people

mod bar;
mod read;
mod settings;
mod text;
mod watch;
mod work;
mod write;

pub(crate) use settings::KEYS;

use crate::args::BackupCommand;
use crate::context::Context;
use crate::exit::{Exit, Failure};

pub(crate) async fn run(context: &Context<'_>, command: BackupCommand) -> Result<Exit, Failure> {
    match command {
        BackupCommand::Create {
            target,
            stored,
            taken,
            format,
        } => {
            let backups = settings::backups(context, target.as_deref(), &stored, &taken)?;
            write::create(context, &backups, &taken, format).await
        }
        BackupCommand::List { from, format } => {
            read::list(context, &settings::from(context, &from)?, format).await
        }
        BackupCommand::Verify {
            which,
            from,
            format,
        } => {
            let backups = settings::from(context, &from)?;
            read::verify(context, &backups, &which, format).await
        }
        BackupCommand::Restore {
            which,
            from,
            place,
            format,
        } => {
            let backups = settings::from(context, &from)?;
            write::restore(context, &backups, &which, &place, format).await
        }
        BackupCommand::Drill {
            which,
            from,
            query,
            report,
            format,
        } => {
            let backups = settings::from(context, &from)?;
            read::drill(context, &backups, &which, query, report.as_deref(), format).await
        }
        BackupCommand::Prune {
            from,
            keep,
            dry_run,
            format,
        } => {
            let backups = settings::from(context, &from)?;
            write::prune(context, &backups, &keep.retention(), dry_run, format).await
        }
        BackupCommand::Watch(args) => {
            let backups =
                settings::backups(context, args.target.as_deref(), &args.stored, &args.taken)?;
            watch::run(context, &backups, &args).await
        }
    }
}
