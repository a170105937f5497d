//! `migrate up` and `migrate status`.

use mainstay_migrate::{Status, status};

use super::steps;
use crate::args::{Format, MigrateCommand};
use crate::context::{Context, migration_failure};
use crate::exit::{Exit, Failure};
use crate::output::{json, pair, short, table};

pub(crate) async fn run(context: &Context<'_>, command: MigrateCommand) -> Result<Exit, Failure> {
    match command {
        MigrateCommand::Up { format } => up(context, format).await,
        MigrateCommand::Status { format } => show(context, format).await,
    }
}

async fn up(context: &Context<'_>, format: Format) -> Result<Exit, Failure> {
    let report = context
        .with_database(async |db| steps::migrate(context, db).await)
        .await?;
    context.terminal.print(&if format.json {
        json(&report)
    } else {
        pair("migrations", &steps::migrations_line(&report))
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
