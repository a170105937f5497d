//! `migrate down` and `migrate redo`: undo migrations, after asking.

use mainstay::Database;
use mainstay::config::Profile;
use mainstay_migrate::{Goal, Options, Plan, dry_run, migrate_with};

use super::steps::{self, until_asked};
use crate::args::Format;
use crate::context::{Context, migration_failure};
use crate::exit::{Exit, Failure};
use crate::output::{counted, json, pair};
use crate::progress;

/// Undoes migrations. `command` is the way this was asked for, without its flags.
pub(crate) async fn run(
    context: &Context<'_>,
    command: &str,
    goal: Goal,
    yes: bool,
    format: Format,
) -> Result<Exit, Failure> {
    let report = context
        .with_database(async |db| {
            let set = context.app.migrations();
            let plan = dry_run(db, set, &goal).await.map_err(migration_failure)?;
            if !yes && !plan.is_empty() {
                ask(context, command, db, &plan)?;
            }
            let options = Options {
                goal: goal.clone(),
                progress: Some(progress::on(&context.terminal, format.json)),
                ..Options::default()
            };
            until_asked(context, async {
                migrate_with(db, set, options)
                    .await
                    .map_err(migration_failure)
            })
            .await
        })
        .await?;
    context.terminal.print(&if format.json {
        json(&report)
    } else {
        pair("migrations", &steps::migrations_line(&report))
    });
    Ok(Exit::Ok)
}

fn ask(context: &Context<'_>, command: &str, db: &Database, plan: &Plan) -> Result<(), Failure> {
    let labels: Vec<String> = plan
        .steps
        .iter()
        .map(|step| format!("  {} {}", step.direction.as_str(), step.label()))
        .collect();
    let count = counted(plan.steps.len() as u64, "step");
    let question = format!(
        "This takes {count} in {} ({}), and data may be lost:\n{}\n",
        context.config.url,
        db.dialect().name(),
        labels.join("\n")
    );
    let again = |what: String| {
        Failure::new(Exit::Refused, what).next(format!(
            "look at it with {}; {} does not ask",
            context.command(&format!("{command} --dry-run")),
            context.command(&format!("{command} --yes"))
        ))
    };
    if context.config.profile == Profile::Production {
        return Err(again(
            "in production, what undoes a migration must be asked for with --yes".to_owned(),
        ));
    }
    match context.terminal.confirm(&question) {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::new(Exit::Refused, "nothing was changed")),
        None => Err(again(format!(
            "{command} may lose data in {}, and there is no terminal to ask on",
            context.config.url
        ))),
    }
}
