//! `schema revert`: the SQL that removes what was changed in the database by hand.

use mainstay::config::Profile;
use mainstay_migrate::MigrationSet;
use mainstay_migrate::catalog::{self, Catalog};
use mainstay_migrate::diff::{Change, Draft, Renames, compare, describe, draft};
use mainstay_migrate::drift::{States, apply, states};

use super::super::scratch::{tell_left_overs, with_scratch};
use super::text::text;
use crate::args::{Format, ScratchAt};
use crate::context::{Context, migration_failure};
use crate::exit::{Exit, Failure};
use crate::output::{counted, json, pair};

/// How far it goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    /// Run it.
    pub(super) apply: bool,
    /// Without asking.
    pub(super) yes: bool,
}

pub(super) async fn run(
    context: &Context<'_>,
    how: How,
    scratch: &ScratchAt,
    format: Format,
) -> Result<Exit, Failure> {
    if how.apply && !how.yes && context.config.profile == Profile::Production {
        return Err(again(
            context,
            "in production, what changes tables must be asked for with --yes".to_owned(),
        ));
    }
    let states = find(context, context.app.migrations(), scratch).await?;
    refuse_without_record(context, &states)?;
    let back = draft(&states.live, &states.applied, &Renames::default());
    if !how.apply || back.is_empty() {
        context.terminal.print(&text(&back, format));
        return Ok(Exit::Ok);
    }
    refuse_problems(context, &states)?;
    // What is about to run is shown, also where nobody is asked.
    context.terminal.note(&back.to_string());
    if !how.yes {
        ask(context, &back)?;
    }
    context
        .with_database(async |db| {
            // What was looked at is what is changed.
            if catalog::read(db).await? != states.live {
                return Err(Failure::new(
                    Exit::Failed,
                    "the database has changed since it was looked at; nothing was done",
                )
                .next("begin again"));
            }
            Ok(apply(db, &back).await?)
        })
        .await?;
    // Through a handle of its own: what one has prepared may tell of what was.
    let left = context
        .with_database(async |db| Ok(compare(&states.applied, &catalog::read(db).await?)))
        .await?;
    tell(context, &back, &left, format);
    Ok(match left.is_empty() {
        true => Exit::Ok,
        false => Exit::Failed,
    })
}

/// The states of the configured database.
pub(super) async fn find(
    context: &Context<'_>,
    set: &MigrationSet,
    scratch: &ScratchAt,
) -> Result<States, Failure> {
    with_scratch(context, scratch, async |place| {
        context
            .with_database(async |db| {
                let found = states(db, &context.app.schema(), set, place)
                    .await
                    .map_err(migration_failure)?;
                tell_left_overs(context, place, db).await;
                Ok(found)
            })
            .await
    })
    .await
}

/// What the migrations make is not known while their record is not right.
pub(super) fn refuse_problems(context: &Context<'_>, states: &States) -> Result<(), Failure> {
    if states.problems.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, states.problems.join("; "))
        .next(format!("see {}", context.command("migrate repair"))))
}

/// What no migration is recorded for is not drift, but a database that was made by other means:
/// all of it.
pub(super) fn refuse_without_record(context: &Context<'_>, states: &States) -> Result<(), Failure> {
    let has_nothing = states.live == Catalog::empty(states.live.dialect);
    if states.count > 0 || states.pending.is_empty() || has_nothing {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Failed,
        "no migration is recorded as applied, and the database is not empty",
    )
    .next(format!(
        "adopt it first, up to the migration that it has the effect of: {}",
        context.command("migrate baseline --to VERSION")
    )))
}

fn ask(context: &Context<'_>, back: &Draft) -> Result<(), Failure> {
    let statements = counted(back.steps.len() as u64, "statement");
    let lost: Vec<&str> = back.destructive().collect();
    let lost = match lost.is_empty() {
        true => String::new(),
        false => format!(" This is destructive:\n  {}\n", lost.join("\n  ")),
    };
    let question = format!(
        "This runs {statements} in {} ({}).{lost}",
        context.config.url,
        context.dialect().name()
    );
    match context.terminal.confirm(&question) {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::new(Exit::Refused, "nothing was changed")),
        None => Err(again(
            context,
            format!(
                "this would change tables in {}, and there is no terminal to ask on",
                context.config.url
            ),
        )),
    }
}

fn again(context: &Context<'_>, what: String) -> Failure {
    Failure::new(Exit::Refused, what).next(format!(
        "look at it with {}; {} does not ask",
        context.command("schema revert"),
        context.command("schema revert --apply --yes")
    ))
}

fn tell(context: &Context<'_>, back: &Draft, left: &[Change], format: Format) {
    if format.json {
        let done = serde_json::json!({ "applied": back, "left": left });
        context.terminal.print(&json(&done));
        return;
    }
    let statements = counted(back.steps.len() as u64, "statement");
    let mut out = pair("reverted", &format!("{statements} run"));
    for change in left {
        let words = describe(change, "the migrations", "the database");
        out.push_str(&pair("left", &words));
    }
    context.terminal.print(&out);
}
