//! `schema adopt`: the migration that records what was changed in the database by hand.

use std::path::{Path, PathBuf};

use mainstay::clock::{Clock, SystemClock};
use mainstay_migrate::MigrationSet;
use mainstay_migrate::diff::{Draft, Renames, compare, describe, draft, draft_back};
use mainstay_migrate::drift::files::{Drafted, unfinished, without, write};
use mainstay_migrate::drift::{States, made_by_migrations, record};

use super::super::scratch::{folder_of, to_embed, with_scratch};
use super::revert::{find, refuse_problems, refuse_without_record};
use crate::args::{Format, ScratchAt};
use crate::context::{Context, migration_failure};
use crate::exit::{Exit, Failure};
use crate::output::{counted, json, pair};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Adoption<'a> {
    pub(super) name: &'a str,
    pub(super) folder: &'a Path,
    pub(super) record: bool,
}

/// What was done.
struct Done {
    made: Option<PathBuf>,
    version: String,
    up: Draft,
}

pub(super) async fn run(
    context: &Context<'_>,
    adoption: &Adoption<'_>,
    scratch: &ScratchAt,
    format: Format,
) -> Result<Exit, Failure> {
    let set = folder_of(context, adoption.folder)?;
    let version = unfinished(&set, adoption.name, context.dialect());
    let before = match &version {
        Some(version) => without(&set, version),
        None => set.clone(),
    };
    let states = find(context, &before, scratch).await?;
    refuse_problems(context, &states)?;
    let done = match written(&states, &set, adoption.name) {
        Some(version) if adoption.record => Done {
            made: None,
            version,
            up: Draft::default(),
        },
        _ => write_down(context, adoption, &states, version.as_deref())?,
    };
    if adoption.record {
        let set = folder_of(context, adoption.folder)?;
        record_it(context, &set, &states, &done, scratch).await?;
    }
    tell(context, adoption, &done, &states, format);
    Ok(Exit::Ok)
}

/// The version of the only pending migration, if it has this name.
fn written(states: &States, set: &MigrationSet, name: &str) -> Option<String> {
    let [label] = states.pending.as_slice() else {
        return None;
    };
    let newest = set
        .migrations()
        .last()
        .map(|m| (m.label(), m.name, m.version.to_owned()));
    let (found, its_name, version) = newest?;
    (found == *label && its_name == name).then_some(version)
}

fn write_down(
    context: &Context<'_>,
    adoption: &Adoption<'_>,
    states: &States,
    version: Option<&str>,
) -> Result<Done, Failure> {
    refuse_without_record(context, states)?;
    if !states.pending.is_empty() {
        return Err(Failure::new(
            Exit::Failed,
            format!(
                "migrations are pending, and what is adopted comes after them: {}",
                states.pending.join(", ")
            ),
        )
        .next(format!(
            "apply them first: {}; a migration that says what the database has already is \
             recorded with --record, by its own name",
            context.command("migrate up")
        )));
    }
    let none = Renames::default();
    let up = draft(&states.applied, &states.live, &none);
    if up.is_empty() {
        return Err(Failure::new(
            Exit::Failed,
            "there is nothing to adopt: the database is what its migrations make",
        ));
    }
    let down = draft_back(&states.applied, &states.live, &none);
    let drafted = Drafted {
        name: adoption.name,
        dialect: states.live.dialect,
        up: &up,
        down: &down,
        origin: "drafted from what was changed in the database by hand",
    };
    let made = write(adoption.folder, &drafted, version, SystemClock.now())?;
    let label = made.file_name().and_then(|name| name.to_str());
    let version = label.and_then(|label| label.split_once('_'));
    Ok(Done {
        version: version
            .map(|(version, _)| version)
            .unwrap_or_default()
            .to_owned(),
        made: Some(made),
        up,
    })
}

/// Records the migration as applied, once it is seen that it makes what the database has.
async fn record_it(
    context: &Context<'_>,
    set: &MigrationSet,
    states: &States,
    done: &Done,
    scratch: &ScratchAt,
) -> Result<(), Failure> {
    with_scratch(context, scratch, async |place| {
        context
            .with_database(async |db| {
                let makes = made_by_migrations(set, place, Some(db))
                    .await
                    .map_err(migration_failure)?;
                let differences = compare(&makes, &states.live);
                if !differences.is_empty() {
                    let words: Vec<String> = differences
                        .iter()
                        .map(|one| describe(one, "the migrations with it", "the database"))
                        .collect();
                    return Err(Failure::new(
                        Exit::Failed,
                        format!(
                            "migration {} is not recorded, the database is not what it makes: {}",
                            done.version,
                            words.join("; ")
                        ),
                    )
                    .next("correct its text, and record it then"));
                }
                record(db, set, &done.version)
                    .await
                    .map_err(migration_failure)
            })
            .await
    })
    .await
}

fn tell(
    context: &Context<'_>,
    adoption: &Adoption<'_>,
    done: &Done,
    states: &States,
    format: Format,
) {
    if format.json {
        context.terminal.print(&json(&serde_json::json!({
            "folder": done.made,
            "version": done.version,
            "up": done.up,
            "recorded": adoption.record,
        })));
        return;
    }
    let mut out = String::new();
    if let Some(made) = &done.made {
        let steps = counted(done.up.steps.len() as u64, "statement");
        out.push_str(&pair("made", &made.display().to_string()));
        out.push_str(&pair(
            "adopted",
            &format!("{steps} for {}", states.live.dialect.name()),
        ));
        for why in done.up.destructive() {
            out.push_str(&pair("destructive", why));
        }
    }
    if adoption.record {
        out.push_str(&pair(
            "recorded",
            &format!("{} as applied, nothing was run", done.version),
        ));
    } else {
        let command = context.command(&format!("schema adopt {} --record", adoption.name));
        let mut how = format!("record it here, where its effect is already: {command}");
        if states.count == 0 {
            let baseline = context.command(&format!("migrate baseline --to {}", done.version));
            how.push_str(&format!("\nor {baseline}"));
        }
        out.push_str(&pair("next", &how));
    }
    out.push_str(&pair("next", &to_embed(context)));
    context.terminal.print(&out);
}
