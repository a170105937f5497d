//! `backup`: its verbs, and what they share.
//!
//! - `read`: list, verify, drill; `write`: create, restore, prune; `watch`
//! - `settings`: the target, label and keys, from the flags or from the configuration
//! - `bar`: how far it is
//! - `text`: what is printed for people

mod bar;
mod read;
mod settings;
mod text;
mod watch;
mod write;

pub(crate) use settings::KEYS;

use mainstay_backup::Backups;
use mainstay_backup::control::Control;

use crate::args::BackupCommand;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::signals;

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

/// Works until it is done or the process is asked to stop: then the work is told so, and given the
/// time to leave nothing half done. Shows how far it is.
async fn under_way<T>(
    context: &Context<'_>,
    shows: bool,
    work: impl AsyncFnOnce(&Control) -> mainstay::Result<T>,
) -> Result<T, Failure> {
    let control = Control::new();
    let (_listener, shutdown) = signals::listen(context.terminal.is_process());
    let bar = bar::Bar::new(context, &control, shows);
    let mut stopped = None;
    let done = {
        let work = work(&control);
        tokio::pin!(work);
        let asked = shutdown.signal();
        tokio::pin!(asked);
        tokio::select! {
            done = &mut work => done,
            exit = &mut asked => {
                control.cancel();
                context.terminal.note("stopping; nothing of it will be left");
                stopped = Some(exit);
                work.await
            }
        }
    };
    bar.end();
    match (done, stopped) {
        (Ok(value), _) => Ok(value),
        // That it stopped is no error of the work.
        (Err(error), Some(exit)) if is_stop(&control, &error) => {
            Err(Failure::new(exit, error.detail()))
        }
        (Err(error), Some(exit)) => Err(Failure::from(error).exit(exit)),
        (Err(error), None) => Err(error.into()),
    }
}

/// Whether an error is the one of work that was asked to stop.
fn is_stop(control: &Control, error: &mainstay::Error) -> bool {
    let stopped = control.check().err();
    stopped.is_some_and(|stopped| stopped.detail() == error.detail())
}

/// The place of the backups, as it is told.
fn place_of(backups: &Backups) -> String {
    backups.target().to_string()
}
