//! SQLite: a table is made anew, because ALTER TABLE cannot do what is wanted.
//!
//! Dropping the old table deletes the rows that refer to it, or is refused, while foreign keys are
//! on; and switching them off means nothing inside of a transaction. So they are off on the
//! connection around it, and before the commit it is checked that no row was lost, in the table or
//! in those that refer to it, and that every reference leads somewhere.
//!
//! The writer runs outside of transactions only what ends those it begins: so the migration, its
//! checks and its record are one script, and the checks are constraints of temporary tables.

use std::time::Duration;

use mainstay::database::Exclusive;
use mainstay::{Error, ErrorKind, Outcome, Result};
use tokio::time::Instant;

use super::report::millis;
use super::session::{GRACE, Job};
use super::took::Took;
use super::whereabouts::afterwards;
use super::whole::is_busy;
use crate::dialect::Sql;
use crate::history::{self, State};
use crate::journal;
use crate::migration::Direction;
use crate::plan::{Mode, Step, Target, steps_to, survey};
use crate::progress::Event;

/// What the names of the checks start with.
const CHECK: &str = "mainstay_rows_of_";

/// The check of the references.
const REFERENCES: &str = "mainstay_references";

/// Takes the next step to a target, if it is to be run this way.
pub(super) async fn next(job: &Job, target: &Target) -> Result<Took> {
    let (its, target) = (job.clone(), target.clone());
    let taken = job
        .db
        .exclusive(move |held| async move { take(&its, &held, &target).await })
        .timeout(job.left() + GRACE)
        .await;
    match taken {
        // Another process writes.
        Err(error) if is_busy(&error) => Ok(Took::Busy),
        other => other,
    }
}

async fn take(job: &Job, held: &Exclusive, target: &Target) -> Result<Took> {
    let dialect = job.dialect();
    held.script(Sql::of(dialect).create_history).await?;
    let recorded = journal::read_recorded(|sql| held.sql(sql), dialect).await?;
    let survey = survey(&job.set, dialect, &recorded)?;
    let steps = steps_to(&job.set, dialect, &recorded, &survey, target)?;
    let Some(step) = steps.into_iter().next() else {
        return Ok(Took::Reached(survey.applied()));
    };
    if step.mode != Mode::Rebuild {
        return Ok(Took::Otherwise(step.mode));
    }
    let started = Instant::now();
    job.tell(Event::Begun { step: &step });
    let counted = counted_tables(job, held, &step).await?;
    record_aside(job, held, &step).await?;
    held.script("PRAGMA foreign_keys = OFF").await?;
    let ran = run(job, held, &step, &counted).await;
    // Whatever happened. The connection is opened anew besides.
    let on = held.script("PRAGMA foreign_keys = ON").await;
    ran?;
    on?;
    let took = started.elapsed();
    // How long it took was not known when it was recorded; it stands without.
    let told = held
        .sql("UPDATE _mainstay_migrations SET duration_ms = ? WHERE version = ?")
        .bind(i64::try_from(millis(took)).unwrap_or(i64::MAX))
        .bind(step.version.as_str());
    if let Err(error) = told.execute().await {
        tracing::debug!(target: "mainstay::migrate", %error, "the duration was not recorded");
    }
    Ok(Took::Steps(vec![job.ended(&step, took)]))
}

/// A table whose rows are counted before the migration and after it.
struct Counted {
    before: String,
    /// What it is called then.
    after: String,
}

/// The tables whose rows are counted: those that are rebuilt, and those that refer to them, but for
/// those of the latter that the migration drops.
async fn counted_tables(job: &Job, held: &Exclusive, step: &Step) -> Result<Vec<Counted>> {
    let mut names: Vec<String> = Vec::new();
    let mut rebuilt: Vec<String> = Vec::new();
    for table in &step.directives.rebuild {
        let found: Vec<String> = held
            .sql("SELECT name FROM sqlite_master WHERE type = 'table' AND lower(name) = lower(?)")
            .bind(table.as_str())
            .fetch_with(|row| row.get(0))
            .await?;
        if found.is_empty() {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "migration {} says that it rebuilds {table}, and there is no such table",
                    step.label()
                ),
            )
            .with_hint("name the table as it is called before the migration"));
        }
        let children: Vec<String> = held
            .sql(
                "SELECT DISTINCT m.name FROM sqlite_master m, pragma_foreign_key_list(m.name) f \
                 WHERE m.type = 'table' AND lower(f.\"table\") = lower(?) ORDER BY m.name",
            )
            .bind(table.as_str())
            .fetch_with(|row| row.get(0))
            .await?;
        rebuilt.extend(found.iter().cloned());
        for name in found.into_iter().chain(children) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let texts = step.statements.iter().map(|one| one.text.as_str());
    let after = afterwards(job.dialect(), texts, &names);
    let mut out = Vec::new();
    for (before, after) in names.into_iter().zip(after) {
        match after {
            Some(after) => out.push(Counted { before, after }),
            None if rebuilt.contains(&before) => {
                return Err(Error::new(
                    ErrorKind::Configuration,
                    format!(
                        "migration {} says that it rebuilds {before}, and drops it for good",
                        step.label()
                    ),
                )
                .with_hint("give the new table its name, or leave the directive out"));
            }
            None => {}
        }
    }
    Ok(out)
}

/// Writes the record where the script takes it from: a script has no parameters.
async fn record_aside(job: &Job, held: &Exclusive, step: &Step) -> Result<()> {
    held.script(
        "CREATE TEMP TABLE _mainstay_pending AS SELECT * FROM main._mainstay_migrations WHERE 0",
    )
    .await?;
    let row = job.row(step, State::Applied, Duration::ZERO);
    let insert = "INSERT INTO temp._mainstay_pending VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    history::bind(held.sql(insert), &row).execute().await?;
    Ok(())
}

async fn run(job: &Job, held: &Exclusive, step: &Step, counted: &[Counted]) -> Result<()> {
    let off: i64 = held.sql("PRAGMA foreign_keys").scalar().await?;
    if off != 0 {
        return Err(Error::new(
            ErrorKind::Unexpected,
            "foreign keys could not be switched off on the connection",
        ));
    }
    let text = script(job, step, counted);
    let limit = job.limit(step);
    held.script(text)
        .timeout(limit)
        .await
        .map_err(|error| explain(step, error))
}

/// The migration between BEGIN and COMMIT, with its checks and its record.
fn script(job: &Job, step: &Step, counted: &[Counted]) -> String {
    let quote = |name: &str| job.dialect().quote(name);
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let mut out = vec![
        "BEGIN IMMEDIATE".to_owned(),
        "CREATE TEMP TABLE _mainstay_rows (name TEXT, was INTEGER)".to_owned(),
    ];
    for Counted { before, .. } in counted {
        out.push(format!(
            "INSERT INTO temp._mainstay_rows SELECT {}, count(*) FROM main.{}",
            literal(before),
            quote(before)
        ));
    }
    let texts = step
        .statements
        .iter()
        .map(|statement| statement.text.clone());
    out.extend(texts);
    for (position, Counted { before, after }) in counted.iter().enumerate() {
        let check = format!("temp._mainstay_check_{position}");
        out.push(format!(
            "CREATE TABLE {check} (kept INTEGER, CONSTRAINT {} CHECK (kept))",
            quote(&format!("{CHECK}{before}"))
        ));
        out.push(format!(
            "INSERT INTO {check} SELECT was = (SELECT count(*) FROM main.{}) \
             FROM temp._mainstay_rows WHERE name = {}",
            quote(after),
            literal(before)
        ));
    }
    out.push(format!(
        "CREATE TABLE temp._mainstay_check_references (kept INTEGER, CONSTRAINT {REFERENCES} \
         CHECK (kept))"
    ));
    out.push(
        "INSERT INTO temp._mainstay_check_references SELECT 0 FROM pragma_foreign_key_check"
            .to_owned(),
    );
    out.push(match step.direction {
        Direction::Up => "INSERT INTO main._mainstay_migrations SELECT * FROM \
                          temp._mainstay_pending"
            .to_owned(),
        Direction::Down => {
            let (first, last) = step.forgets();
            format!(
                "DELETE FROM main._mainstay_migrations WHERE version >= {} AND version <= {}",
                literal(first),
                literal(last)
            )
        }
    });
    out.push("COMMIT".to_owned());
    // On a line of its own: a statement may end with a comment.
    out.join("\n;\n")
}

fn explain(step: &Step, error: Error) -> Error {
    if is_busy(&error) {
        return error;
    }
    let label = step.label();
    let said = error.detail();
    let (what, hint) = if said.contains(REFERENCES) {
        (
            "rows would refer to rows that are not there".to_owned(),
            "PRAGMA foreign_key_check names them; copy all rows with their keys",
        )
    } else if let Some((_, table)) = said.split_once(CHECK) {
        let table: String = table
            .chars()
            .take_while(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '`' | ')'))
            .collect();
        (
            format!("{table} would have lost or gained rows"),
            "copy all rows, and change them in a migration of its own",
        )
    } else {
        (said.to_owned(), "correct it and begin again")
    };
    let mut out = Error::new(
        error.kind(),
        format!(
            "migration {label}, rebuilding {}: {what}; it was rolled back, nothing of it stands",
            step.directives.rebuild.join(", ")
        ),
    )
    .with_hint(hint)
    .with_outcome(Outcome::NotApplied);
    if let Some(code) = error.native_code() {
        out = out.with_native_code(code.to_owned());
    }
    out.with_source(error)
}
