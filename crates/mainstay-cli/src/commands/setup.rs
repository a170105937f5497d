//! `setup`: creates the database if it is missing, applies pending migrations, writes the seed
//! data where the profile allows it.

use mainstay::config::{Profile, setup_policy};

use super::steps::{self, Seeded, Steps};
use crate::args::Format;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::output::json;

pub(crate) async fn run(
    context: &Context<'_>,
    no_seed: bool,
    format: Format,
) -> Result<Exit, Failure> {
    context.refuse_mistakes()?;
    // To be asked for by name is permission to create and migrate, in every profile. It is none
    // to write test data next to real data.
    let created = steps::create(context).await?;
    context
        .with_database(async |db| {
            let mut done = Steps {
                created,
                ..Steps::default()
            };
            done.migrations = steps::migrate(context, db).await?;
            done.seed = match may_seed(context, no_seed) {
                Ok(()) => Seeded::Done(steps::seed(context, db).await?),
                Err(why) => Seeded::Skipped(why),
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

/// Whether `setup` writes the seed data, or why not.
fn may_seed(context: &Context<'_>, no_seed: bool) -> Result<(), String> {
    if no_seed {
        return Err("--no-seed".to_owned());
    }
    let config = &context.config;
    let seed = context.command("seed");
    if config.profile == Profile::Production {
        return Err(format!("production; `{seed} --force` writes it"));
    }
    let policy = setup_policy(config, config.profile_is_explicit());
    if policy.seed {
        Ok(())
    } else {
        Err(format!("{}; `{seed}` writes it", policy.reason))
    }
}
