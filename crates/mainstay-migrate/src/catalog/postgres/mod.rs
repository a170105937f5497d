//! Reads PostgreSQL: its catalogue tables, and the functions that write definitions.
//!
//! Only the current schema is read. Names in definitions are unqualified where the search path
//! finds them, so that two schemas with the same objects read the same. What belongs to an
//! extension is made by the extension, and left out.
//!
//! - `mod.rs`: puts the catalog together
//! - [`tables`]: tables with their columns, constraints, indexes and triggers
//! - [`others`]: types, sequences, functions and the rest
//! - [`queries`]: the SQL; [`rules`]: how its definitions are read

mod others;
mod queries;
pub(super) mod rules;
mod tables;

use mainstay::{Result, Tx};

use self::rules::DIALECT;
use super::parse::text::spread_casts;
use super::{Catalog, View};

pub(super) async fn read(tx: &Tx) -> Result<Catalog> {
    let mut catalog = Catalog::empty(DIALECT);
    catalog.tables = tables::read(tx).await?;
    let (views, indexed) = views(tx).await?;
    catalog.views = views;
    catalog.others = others::read(tx).await?;
    catalog.others.extend(indexed);
    for (table, view, trigger) in tables::triggers(tx).await? {
        match catalog.tables.iter_mut().find(|found| found.name == table) {
            Some(found) => found.triggers.push(trigger),
            None if view => catalog.others.push(super::Other {
                kind: "TRIGGER".to_owned(),
                name: format!("{} ON {table}", trigger.name),
                definition: trigger.definition,
            }),
            None => {}
        }
    }
    Ok(catalog)
}

/// Views; and those that keep their rows, which are known as other objects.
async fn views(tx: &Tx) -> Result<(Vec<View>, Vec<super::Other>)> {
    let found = tx
        .sql(queries::views())
        .fetch_with(|row| {
            Ok((
                row.get::<String>(0)?,
                row.get::<bool>(1)?,
                row.get::<String>(2)?,
                row.get::<Option<String>>(3)?,
            ))
        })
        .await?;
    let (mut views, mut kept) = (Vec::new(), Vec::new());
    for (name, is_kept, select, options) in found {
        let kind = if is_kept { "MATERIALIZED VIEW" } else { "VIEW" };
        let with = options.map_or_else(String::new, |options| format!(" WITH ({options})"));
        let select = spread_casts(DIALECT, select.trim().trim_end_matches(';'));
        let quoted = DIALECT.quote(&name);
        let definition = format!("CREATE {kind} {quoted}{with} AS\n {select}");
        if is_kept {
            kept.push(super::Other {
                kind: kind.to_owned(),
                name,
                definition,
            });
        } else {
            views.push(View { name, definition });
        }
    }
    Ok((views, kept))
}
