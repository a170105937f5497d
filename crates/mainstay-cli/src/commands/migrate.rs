//! `migrate`: `plan`, `up`, `status`, `baseline` and `new`. What undoes or mends is in files of its
//! own.

use std::path::Path;

use mainstay::clock::{Clock, SystemClock};
use mainstay_migrate::{Goal, Options, Status, baseline, dry_run, source, status};

use super::steps::{self, until_asked};
use super::{draft, lint, rehearse, repair, squash, undo};
use crate::args::{Format, MigrateCommand};
use crate::context::{Context, migration_failure, need_entities};
use crate::exit::{Exit, Failure};
use crate::output::{counted, json, pair, short, table};
use crate::progress;
use crate::terminal::Terminal;

pub(crate) async fn run(context: &Context<'_>, command: MigrateCommand) -> Result<Exit, Failure> {
    match command {
        MigrateCommand::Plan { to, format } => plan(context, &up_to(to), format).await,
        MigrateCommand::Up {
            to,
            dry_run: true,
            format,
        } => plan(context, &up_to(to), format).await,
        MigrateCommand::Up { to, format, .. } => up(context, up_to(to), format).await,
        MigrateCommand::Down {
            to,
            yes,
            dry_run,
            format,
        } => match dry_run {
            true => plan(context, &to.goal(), format).await,
            false => undo::run(context, "migrate down", to.goal(), yes, format).await,
        },
        MigrateCommand::Redo {
            yes,
            dry_run,
            format,
        } => match dry_run {
            true => plan(context, &Goal::Redo, format).await,
            false => undo::run(context, "migrate redo", Goal::Redo, yes, format).await,
        },
        MigrateCommand::Status { format } => show(context, format).await,
        MigrateCommand::Baseline { to, format } => adopt(context, &to, format).await,
        MigrateCommand::Repair {
            yes,
            done,
            undone,
            format,
        } => {
            let say = repair::Say { yes, done, undone };
            repair::run(context, &say, format).await
        }
        MigrateCommand::Lint(args) => lint::run(context, &args).await,
        MigrateCommand::Squash(args) => squash::run(context, &args).await,
        MigrateCommand::Rehearse(args) => rehearse::run(context, &args).await,
        MigrateCommand::New {
            name,
            folder,
            dialect,
            draft,
            format,
        } => match draft.draft {
            true => {
                need_entities(context.app, "migrate new --draft")?;
                draft::run(context, &name, &folder, &draft, format).await
            }
            false => new(&context.terminal, &name, &folder, &dialect, format),
        },
    }
}

fn up_to(version: Option<String>) -> Goal {
    version.map_or(Goal::Up, Goal::UpTo)
}

async fn plan(context: &Context<'_>, goal: &Goal, format: Format) -> Result<Exit, Failure> {
    let plan = context
        .with_database(async |db| {
            dry_run(db, context.app.migrations(), goal)
                .await
                .map_err(migration_failure)
        })
        .await?;
    context.terminal.print(&if format.json {
        json(&plan)
    } else {
        plan.to_string()
    });
    Ok(Exit::Ok)
}

async fn up(context: &Context<'_>, goal: Goal, format: Format) -> Result<Exit, Failure> {
    let report = context
        .with_database(async |db| {
            let options = Options {
                goal,
                progress: Some(progress::on(&context.terminal, format.json)),
                ..Options::default()
            };
            let set = context.app.migrations();
            until_asked(context, async {
                mainstay_migrate::migrate_with(db, set, options)
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

async fn adopt(context: &Context<'_>, to: &str, format: Format) -> Result<Exit, Failure> {
    let labels = context
        .with_database(async |db| {
            baseline(db, context.app.migrations(), to)
                .await
                .map_err(migration_failure)
        })
        .await?;
    context.terminal.print(&if format.json {
        json(&serde_json::json!({ "recorded": labels }))
    } else {
        let count = counted(labels.len() as u64, "migration");
        pair(
            "baseline",
            &format!("{count} recorded as applied\n{}", labels.join("\n")),
        )
    });
    Ok(Exit::Ok)
}

/// Needs no configuration.
pub(crate) fn new(
    terminal: &Terminal,
    name: &str,
    folder: &Path,
    dialects: &[String],
    format: Format,
) -> Result<Exit, Failure> {
    let dialects: Vec<&str> = dialects.iter().map(String::as_str).collect();
    let made = source::create(folder, name, SystemClock.now(), &dialects)?;
    terminal.print(&if format.json {
        json(&serde_json::json!({ "folder": made }))
    } else {
        pair("made", &made.display().to_string())
    });
    Ok(Exit::Ok)
}

async fn show(context: &Context<'_>, format: Format) -> Result<Exit, Failure> {
    let found = context
        .with_database(async |db| {
            status(db, context.app.migrations())
                .await
                .map_err(migration_failure)
        })
        .await?;
    if format.json {
        context.terminal.print(&json(&found));
    } else {
        context.terminal.print(&status_table(&found));
        for problem in &found.problems {
            context.terminal.note(&format!("problem: {problem}"));
        }
    }
    Ok(if found.problems.is_empty() {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

fn status_table(found: &Status) -> String {
    let rows: Vec<Vec<String>> = found
        .migrations
        .iter()
        .map(|migration| {
            vec![
                migration.version.clone(),
                migration.name.clone(),
                migration.state.as_str().to_owned(),
                migration.applied_at.map_or_else(
                    || "-".to_owned(),
                    |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
                ),
                migration.duration_ms.map_or_else(
                    || "-".to_owned(),
                    |ms| short(std::time::Duration::from_millis(ms)),
                ),
            ]
        })
        .collect();
    table(&["version", "name", "state", "applied at", "took"], &rows)
}
