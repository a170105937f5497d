//! `backup watch`.

use mainstay_backup::control::Control;
use mainstay_backup::{Backups, Drill, Event, Events, Plan};

use super::{text, write};
use crate::args::WatchArgs;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::signals;
use crate::terminal::Terminal;

pub(super) async fn run(
    context: &Context<'_>,
    backups: &Backups,
    args: &WatchArgs,
) -> Result<Exit, Failure> {
    if args.check {
        return check(context, backups, args).await;
    }
    let plan = Plan {
        schedule: args.schedule(),
        retention: (!args.no_prune).then(|| args.keep.retention()),
        create: write::how(&args.taken),
        drill: Drill {
            query: args.query.query.clone(),
            ..Drill::default()
        },
        follow: args.follow(),
    };
    let told = Told {
        terminal: context.terminal.clone(),
        json: args.format.json,
    };
    let control = Control::new();
    let (_listener, shutdown) = signals::listen(context.terminal.is_process());
    let watch = backups.watch(&plan, &told, &control);
    tokio::pin!(watch);
    tokio::select! {
        () = &mut watch => {}
        _ = shutdown.signal() => {
            control.cancel();
            watch.await;
            context.terminal.note("stopped");
        }
    }
    Ok(Exit::Ok)
}

async fn check(
    context: &Context<'_>,
    backups: &Backups,
    args: &WatchArgs,
) -> Result<Exit, Failure> {
    let alerts = backups.alerts(&args.schedule()).await?;
    context.terminal.print(&if args.format.json {
        json(&alerts)
    } else {
        text::alerts(&alerts)
    });
    Ok(match alerts.is_empty() {
        true => Exit::Ok,
        false => Exit::Failed,
    })
}

struct Told {
    terminal: Terminal,
    json: bool,
}

impl Events for Told {
    fn on(&self, event: &Event) {
        if self.json {
            let line = serde_json::to_string(event)
                .expect("what is printed has only text keys and no failing serialiser");
            self.terminal.print(&line);
        } else {
            self.terminal.print(&text::event(event));
        }
    }
}
