//! `migrate new --draft`: the migration that makes the database what the entities say.

use std::path::Path;

use mainstay::clock::{Clock, SystemClock};
use mainstay_migrate::diff::Candidate;
use mainstay_migrate::drift::files::{Drafted, unfinished, without, write};
use mainstay_migrate::drift::{Told, draft_entities, made_by_entities, made_by_migrations};

use super::scratch::{folder_of, to_embed, with_scratch};
use crate::args::{DraftFlags, Format};
use crate::context::{Context, migration_failure};
use crate::exit::{Exit, Failure};
use crate::output::{counted, json, pair};

pub(crate) async fn run(
    context: &Context<'_>,
    name: &str,
    folder: &Path,
    flags: &DraftFlags,
    format: Format,
) -> Result<Exit, Failure> {
    let told = told(flags)?;
    context.warn();
    let set = folder_of(context, folder)?;
    let version = unfinished(&set, name, context.dialect());
    let before = match &version {
        Some(version) => without(&set, version),
        None => set,
    };
    let (entities, migrations) = with_scratch(context, &flags.scratch, async |place| {
        let migrations = made_by_migrations(&before, place, None)
            .await
            .map_err(migration_failure)?;
        let schema = context.app.schema();
        let entities = made_by_entities(&schema, migrations.dialect, place, None).await?;
        Ok((entities, migrations))
    })
    .await?;
    let drafting = draft_entities(&entities, &migrations, &told)?;
    for candidate in &drafting.candidates {
        context.terminal.note(&hint(candidate));
    }
    for table in &drafting.without_entity {
        context.terminal.note(&format!(
            "table {table} has no entity, and is left as it is; if it is to go: --drop {table}"
        ));
    }
    if drafting.up.is_empty() {
        return Err(Failure::new(
            Exit::Failed,
            "there is nothing to draft: the migrations make what the entities say",
        )
        .next(format!(
            "for another change, write it by hand: {}",
            context.command(&format!("migrate new {name}"))
        )));
    }
    let drafted = Drafted {
        name,
        dialect: migrations.dialect,
        up: &drafting.up,
        down: &drafting.down,
        origin: "drafted from the entities",
    };
    let made = write(folder, &drafted, version.as_deref(), SystemClock.now())?;
    context.terminal.print(&if format.json {
        json(&serde_json::json!({
            "folder": made,
            "up": drafting.up,
            "down": drafting.down,
            "candidates": drafting.candidates,
            "without_entity": drafting.without_entity,
        }))
    } else {
        let steps = counted(drafting.up.steps.len() as u64, "statement");
        let mut out = pair("made", &made.display().to_string());
        out.push_str(&pair(
            "drafted",
            &format!("{steps} for {}", migrations.dialect.name()),
        ));
        for why in drafting.up.destructive() {
            out.push_str(&pair("destructive", why));
        }
        out.push_str(&pair("next", &to_embed(context)));
        out
    });
    Ok(Exit::Ok)
}

fn hint(candidate: &Candidate) -> String {
    match candidate {
        Candidate::Table { from, to } => format!(
            "table {from} goes and {to} comes: if it was renamed, say so with --rename {from}={to}"
        ),
        Candidate::Column { table, from, to } => format!(
            "{table}.{from} goes and {to} comes: if it was renamed, say so with \
             --rename {table}.{from}={to}"
        ),
    }
}

fn told(flags: &DraftFlags) -> Result<Told, Failure> {
    let mut told = Told {
        drop: flags.drop.clone(),
        ..Told::default()
    };
    for text in &flags.rename {
        let parts = text.split_once('=').filter(|(from, to)| {
            !from.is_empty() && !to.is_empty() && !from.starts_with('.') && !from.ends_with('.')
        });
        let Some((from, to)) = parts else {
            return Err(Failure::new(
                Exit::Usage,
                format!("--rename {text}: expected TABLE.COLUMN=NEW_COLUMN or TABLE=NEW_TABLE"),
            ));
        };
        match from.split_once('.') {
            Some((table, column)) => {
                let rename = (table.to_owned(), column.to_owned(), to.to_owned());
                told.renames.columns.push(rename);
            }
            None => told.renames.tables.push((from.to_owned(), to.to_owned())),
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renames_are_read() {
        let flags = |text: &str| DraftFlags {
            rename: vec![text.to_owned()],
            ..DraftFlags::default()
        };
        let column = told(&flags("goals.title=name")).expect("right");
        let own = str::to_owned;
        assert_eq!(
            column.renames.columns,
            [(own("goals"), own("title"), own("name"))]
        );
        let table = told(&flags("goals=aims")).expect("right");
        assert_eq!(table.renames.tables, [(own("goals"), own("aims"))]);
        for wrong in ["goals", "=aims", "goals=", ".title=name", "goals.=name"] {
            assert_eq!(
                told(&flags(wrong)).expect_err("wrong").exit,
                Exit::Usage,
                "{wrong}"
            );
        }
    }
}
