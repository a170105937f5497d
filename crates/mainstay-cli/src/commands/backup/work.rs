//! What is done until it ends or the process is asked to stop.

use mainstay_backup::Backups;
use mainstay_backup::control::Control;

use super::bar;
use crate::context::Context;
use crate::exit::Failure;
use crate::signals;

/// Works until it is done or the process is asked to stop: then the work is told so, and given the
/// time to leave nothing half done. Shows how far it is.
pub(super) async fn under_way<T>(
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
pub(super) fn place_of(backups: &Backups) -> String {
    backups.target().to_string()
}
