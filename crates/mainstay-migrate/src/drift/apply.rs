//! Runs a draft that is no migration: what removes drift, or empties a scratch database.

use std::time::Duration;

use mainstay::database::Exclusive;
use mainstay::{Database, Error, ErrorKind, Result};

use crate::MigrationSet;
use crate::dialect::Sql;
use crate::diff::{Draft, Step};
use crate::runner::{Job, Options, locked};

/// The longest all of it may take.
const LIMIT: Duration = Duration::from_secs(600);

/// The check of the references.
const REFERENCES: &str = "mainstay_references";

/// Runs the statements of a draft, while no migration runs. Nothing is recorded.
///
/// All of it or nothing where the engine can undo changes of tables, else statement by statement.
///
/// # Errors
/// A failed statement's, saying which one it was and what stands; `WRITE_CONFLICT` where a
/// migration is running.
pub async fn apply(db: &Database, draft: &Draft) -> Result<()> {
    let steps = draft.steps.clone();
    if steps.is_empty() {
        return Ok(());
    }
    if !draft.rebuilds.is_empty() {
        let script = rebuild(&steps);
        let held = db.exclusive(|held| async move { with_keys_off(&held, script).await });
        return held.timeout(LIMIT).await;
    }
    if !db.capabilities().transactional_ddl {
        let held = db.exclusive(|held| async move { one_by_one(&held, &steps).await });
        return held.timeout(LIMIT).await;
    }
    let options = Options {
        timeout: LIMIT,
        ..Options::default()
    };
    locked(&Job::new(db, &MigrationSet::new(&[]), options), move |tx| {
        let steps = steps.clone();
        async move {
            for (position, step) in steps.iter().enumerate() {
                let done = tx.script(&*step.sql).timeout(LIMIT).await;
                done.map_err(|error| failed(&steps, position, "nothing was changed", error))?;
            }
            Ok(())
        }
    })
    .await
}

async fn one_by_one(held: &Exclusive, steps: &[Step]) -> Result<()> {
    let sql = Sql::of(held.database().dialect());
    if !sql.try_session_lock.is_empty() {
        let taken: Option<i64> = held.sql(sql.try_session_lock).scalar().await?;
        if taken != Some(1) {
            return Err(Error::new(
                ErrorKind::WriteConflict,
                "another instance is migrating this database",
            )
            .with_hint("wait for it and begin again; nothing was changed here"));
        }
    }
    // The session ends with the closure, and the lock with it.
    for (position, step) in steps.iter().enumerate() {
        let done = held.script(&*step.sql).timeout(LIMIT).await;
        done.map_err(|error| failed(steps, position, "those before it stand", error))?;
    }
    Ok(())
}

/// SQLite: tables are made anew. Foreign keys cannot be switched off within a transaction.
async fn with_keys_off(held: &Exclusive, script: String) -> Result<()> {
    held.script("PRAGMA foreign_keys = OFF").await?;
    let done = held.script(script).timeout(LIMIT).await;
    held.script("PRAGMA foreign_keys = ON").await?;
    done.map_err(|error| match error.detail().contains(REFERENCES) {
        true => Error::new(
            ErrorKind::ForeignKey,
            "rows would refer to rows that are not there; nothing was changed",
        )
        .with_source(error),
        false => error,
    })
}

/// All of it between BEGIN and COMMIT: the writer runs no transaction over several calls outside
/// of its own.
fn rebuild(steps: &[Step]) -> String {
    let mut out = vec!["BEGIN IMMEDIATE".to_owned()];
    out.extend(steps.iter().map(|step| step.sql.clone()));
    out.push(format!(
        "CREATE TEMP TABLE _mainstay_references (kept INTEGER, CONSTRAINT {REFERENCES} CHECK (kept))"
    ));
    out.push(
        "INSERT INTO temp._mainstay_references SELECT 0 FROM pragma_foreign_key_check".to_owned(),
    );
    out.push("DROP TABLE temp._mainstay_references".to_owned());
    out.push("COMMIT".to_owned());
    // On a line of its own: a statement may end with a comment.
    out.join("\n;\n")
}

fn failed(steps: &[Step], position: usize, stands: &str, error: Error) -> Error {
    let mut out = Error::new(
        error.kind(),
        format!(
            "statement {} of {} ({}) failed: {}; {stands}",
            position + 1,
            steps.len(),
            steps[position].sql.lines().next().unwrap_or_default(),
            error.detail()
        ),
    )
    .with_outcome(error.outcome());
    if let Some(hint) = error.hint() {
        out = out.with_hint(hint.to_owned());
    }
    out.with_source(error)
}
