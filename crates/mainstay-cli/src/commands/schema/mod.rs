//! `schema`: what the entities say, what the migrations make and what the database has.
//!
//! - `check`: the three compared; `adopt`, `revert`: the two ways out when they differ
//! - `text`: a draft as it is printed
//! - here: `show`, `dump` and `diff`

mod adopt;
mod check;
mod revert;
mod text;

use mainstay::schema::{Dialect, ddl};
use mainstay_migrate::catalog;
use mainstay_migrate::diff::{Renames, draft};
use mainstay_migrate::drift::{claims, states};

use self::text::text;
use super::scratch::{tell_left_overs, with_scratch};
use crate::application::Application;
use crate::args::{Format, SchemaCommand, ScratchAt, Towards};
use crate::context::{Context, migration_failure, need_entities};
use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::terminal::Terminal;

pub(crate) async fn run(context: &Context<'_>, command: SchemaCommand) -> Result<Exit, Failure> {
    let of_entities = match &command {
        SchemaCommand::Check { .. } => Some("schema check"),
        SchemaCommand::Diff {
            to: Towards::Entities,
            ..
        } => Some("schema diff --to entities"),
        _ => None,
    };
    if let Some(name) = of_entities {
        need_entities(context.app, name)?;
    }
    match command {
        SchemaCommand::Show { .. } => show(context.app, context.dialect(), &context.terminal),
        SchemaCommand::Dump { format } => dump(context, format).await,
        SchemaCommand::Check { scratch, format } => check::run(context, &scratch, format).await,
        SchemaCommand::Diff {
            to,
            scratch,
            format,
        } => diff(context, to, &scratch, format).await,
        SchemaCommand::Adopt {
            name,
            folder,
            record,
            scratch,
            format,
        } => {
            let adoption = adopt::Adoption {
                name: &name,
                folder: &folder,
                record,
            };
            adopt::run(context, &adoption, &scratch, format).await
        }
        SchemaCommand::Revert {
            apply,
            yes,
            scratch,
            format,
        } => revert::run(context, revert::How { apply, yes }, &scratch, format).await,
    }
}

pub(crate) fn show(
    app: &dyn Application,
    dialect: Dialect,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    need_entities(app, "schema show")?;
    let statements = ddl::create_all(dialect, &app.schema())?;
    let texts: Vec<String> = statements
        .iter()
        .map(|statement| format!("{};", statement.trim_end().trim_end_matches(';')))
        .collect();
    terminal.print(&texts.join("\n\n"));
    Ok(Exit::Ok)
}

async fn dump(context: &Context<'_>, format: Format) -> Result<Exit, Failure> {
    let found = context
        .with_database(async |db| Ok(catalog::read(db).await?))
        .await?;
    context.terminal.print(&if format.json {
        json(&found)
    } else {
        catalog::dump(&found)
    });
    Ok(Exit::Ok)
}

async fn diff(
    context: &Context<'_>,
    to: Towards,
    scratch: &ScratchAt,
    format: Format,
) -> Result<Exit, Failure> {
    let states = with_scratch(context, scratch, async |place| {
        context
            .with_database(async |db| {
                let (schema, set) = (context.app.schema(), context.app.migrations());
                let states = states(db, &schema, set, place)
                    .await
                    .map_err(migration_failure)?;
                tell_left_overs(context, place, db).await;
                Ok(states)
            })
            .await
    })
    .await?;
    let aim = match to {
        Towards::Migrations => states.migrations,
        Towards::Entities => claims(&states.entities, &states.live, &[]),
    };
    let made = draft(&states.live, &aim, &Renames::default());
    context.terminal.print(&text(&made, format));
    Ok(Exit::Ok)
}
