//! `seed`: writes the data the application starts with, where it is missing.

use mainstay::config::Profile;

use super::steps;
use crate::args::Format;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::output::{json, pair};

pub(crate) async fn run(
    context: &Context<'_>,
    force: bool,
    format: Format,
) -> Result<Exit, Failure> {
    if context.config.profile == Profile::Production && !force {
        return Err(Failure::new(
            Exit::Refused,
            "the seed data is for development and test, and the profile is production",
        )
        .next(format!(
            "{} writes it all the same",
            context.command("seed --force")
        )));
    }
    let report = context
        .with_database(async |db| steps::seed(context, db).await)
        .await
        .map_err(|failure| match failure.code {
            Some("TABLE_MISSING") => failure.next(format!(
                "create the tables first: {}",
                context.command("setup")
            )),
            _ => failure,
        })?;
    context.terminal.print(&if format.json {
        json(&steps::seed_json(&report))
    } else {
        pair("seed data", &steps::seed_report_line(&report))
    });
    Ok(Exit::Ok)
}
