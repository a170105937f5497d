//! `schema check`: entities, migrations and database compared three ways.

use mainstay_migrate::drift::{Odd, Report, check};
use serde_json::Value;

use super::super::scratch::{tell_left_overs, with_scratch};
use crate::args::{Format, ScratchAt};
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::output::{counted, json, pair};

pub(super) async fn run(
    context: &Context<'_>,
    scratch: &ScratchAt,
    format: Format,
) -> Result<Exit, Failure> {
    let report = with_scratch(context, scratch, async |place| {
        context
            .with_database(async |db| {
                let (schema, set) = (context.app.schema(), context.app.migrations());
                let report = check(db, &schema, set, place).await?;
                tell_left_overs(context, place, db).await;
                Ok(report)
            })
            .await
    })
    .await
    .map_err(|failure| match failure.exit {
        Exit::Interrupted | Exit::Terminated => failure,
        // A script tells by 1 that something differs, and by nothing else.
        _ => failure.exit(Exit::Usage),
    })?;
    let ways = ways_out(context, &report);
    if format.json {
        let mut value = serde_json::to_value(&report).map_err(mainstay::Error::unexpected)?;
        if let Value::Object(fields) = &mut value {
            fields.insert("ways_out".to_owned(), Value::from(ways));
        }
        context.terminal.print(&json(&value));
    } else {
        context.terminal.print(&lines(&report, &ways));
        for problem in &report.problems {
            context.terminal.note(&format!("problem: {problem}"));
        }
    }
    Ok(match report.in_sync {
        true => Exit::Ok,
        false => Exit::Failed,
    })
}

fn lines(report: &Report, ways: &[String]) -> String {
    let mut out = if report.in_sync {
        pair(
            "in sync",
            "the entities, the migrations and the database say the same",
        )
    } else {
        let differences = counted(report.differences.len() as u64, "difference");
        let problems = match report.problems.len() {
            0 => String::new(),
            some => format!(", {}", counted(some as u64, "problem")),
        };
        pair("drift", &format!("{differences}{problems}"))
    };
    for (odd, title) in [
        (
            Odd::Entities,
            "the entities say it otherwise than the migrations:",
        ),
        (
            Odd::Migrations,
            "the migrations say it otherwise than the entities and the database:",
        ),
        (Odd::Database, "the database was changed by hand:"),
        (Odd::All, "no two agree:"),
    ] {
        let words: Vec<&str> = report
            .differences
            .iter()
            .filter(|one| one.odd == odd)
            .map(|one| one.words.as_str())
            .collect();
        if !words.is_empty() {
            out.push_str(&format!("{title}\n  {}\n", words.join("\n  ")));
        }
    }
    if !report.pending.is_empty() {
        out.push_str(&pair("pending", &report.pending.join("\n")));
    }
    if !report.without_entity.is_empty() {
        out.push_str(&pair("no entity", &report.without_entity.join("\n")));
    }
    for remark in &report.remarks {
        out.push_str(&pair("note", remark));
    }
    for way in ways {
        out.push_str(&pair("way out", way));
    }
    out
}

/// What can be done. To drop everything and begin anew is never among it.
fn ways_out(context: &Context<'_>, report: &Report) -> Vec<String> {
    let mut out = Vec::new();
    // First, because what follows takes the migrations for what they were when they were applied.
    if !report.problems.is_empty() {
        out.push(format!(
            "mend the record of migrations: {}",
            context.command("migrate repair")
        ));
    }
    let unwritten = report.differences.iter().any(|one| {
        // What the database has already is adopted.
        one.concerns_entities && !one.concerns_database
    });
    if report.database_differs() && report.applied == 0 && !report.pending.is_empty() {
        out.push(format!(
            "adopt a database that was made by other means: {}",
            context.command("migrate baseline --to VERSION")
        ));
    } else if report.database_differs() {
        out.push(format!(
            "keep what the database has, as a migration: {}",
            context.command("schema adopt NAME")
        ));
        out.push(format!(
            "remove what the migrations do not make: {}",
            context.command("schema revert")
        ));
    }
    if unwritten {
        out.push(format!(
            "write the migration that the entities lack: {}",
            context.command("migrate new NAME --draft")
        ));
        // The draft would undo what somebody has written a migration for.
        out.push("or change the entities, where the migrations are right".to_owned());
    }
    out
}
