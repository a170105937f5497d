//! `reset`: drops all tables with their data, applies all migrations, writes the seed data.

use mainstay::config::{Profile, setup_policy};

use super::steps::{self, Seeded, Steps};
use crate::args::Format;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::output::json;

pub(crate) async fn run(context: &Context<'_>, yes: bool, format: Format) -> Result<Exit, Failure> {
    allow(context)?;
    if !yes {
        ask(context)?;
    }
    let created = steps::create(context).await?;
    context
        .with_database(async |db| {
            let dropped = mainstay_migrate::reset(db, context.app.migrations()).await?;
            let done = Steps {
                created,
                dropped,
                migrations: steps::migrate(context, db).await?,
                seed: Seeded::Done(steps::seed(context, db).await?),
            };
            context.terminal.print(&if format.json {
                json(&done)
            } else {
                done.lines(context, db)
            });
            Ok(Exit::Ok)
        })
        .await
}

/// Never in production, whatever the flags; and on another machine only when the profile was
/// chosen for this run.
fn allow(context: &Context<'_>) -> Result<(), Failure> {
    let config = &context.config;
    if config.profile == Profile::Production {
        return Err(Failure::new(
            Exit::Refused,
            "reset deletes all data and is for development and test only; the profile is production",
        ));
    }
    let policy = setup_policy(config, config.profile_is_explicit());
    if policy.migrate {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Refused,
        format!(
            "reset would delete all data of {}, which is not on this machine, and the profile \
                 {} is only the default",
            config.url, config.profile
        ),
    )
    .next(format!(
        "if that is meant, name the profile: {}",
        context.command(&format!("reset --profile {}", config.profile))
    )))
}

fn ask(context: &Context<'_>) -> Result<(), Failure> {
    let question = format!("This deletes all data in {}.", context.config.url);
    match context.terminal.confirm(&question) {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::new(Exit::Refused, "nothing was changed")),
        None => Err(Failure::new(
            Exit::Refused,
            format!(
                "reset deletes all data in {}, and there is no terminal to ask on",
                context.config.url
            ),
        )
        .next(format!("{} does not ask", context.command("reset --yes")))),
    }
}
