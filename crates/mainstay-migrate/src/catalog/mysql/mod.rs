//! Reads MariaDB and MySQL: SHOW CREATE, in which the server says everything in its own form.
//!
//! - `mod.rs`: asks, and puts the catalog together
//! - [`shown`]: what is left out of the server's texts: whose they are, and in which database
//! - [`table`]: CREATE TABLE as the server shows it; pure

mod shown;
mod table;

use mainstay::schema::Dialect;
use mainstay::{Error, ErrorKind, Result, Tx};

use super::{Catalog, Other, Table, Trigger, View};

/// Tables, views, sequences.
const RELATIONS: &str = "SELECT table_name, table_type FROM information_schema.tables \
    WHERE table_schema = DATABASE() ORDER BY table_name";

/// In the order in which they run, which is that of their making.
const TRIGGERS: &str = "SELECT event_object_table, trigger_name, action_timing, \
    event_manipulation, action_statement FROM information_schema.triggers \
    WHERE trigger_schema = DATABASE() \
    ORDER BY event_object_table, event_manipulation, action_timing, action_order";

const ROUTINES: &str = "SELECT routine_type, routine_name FROM information_schema.routines \
    WHERE routine_schema = DATABASE() AND routine_type IN ('FUNCTION', 'PROCEDURE') \
    UNION ALL SELECT 'EVENT', event_name FROM information_schema.events \
    WHERE event_schema = DATABASE()";

pub(super) async fn read(tx: &Tx, dialect: Dialect) -> Result<Catalog> {
    let mut catalog = Catalog::empty(dialect);
    let database: Option<String> = tx.sql("SELECT DATABASE()").scalar().await?;
    let Some(database) = database else {
        return Ok(catalog);
    };
    let relations = pairs(tx, RELATIONS).await?;
    // Where a table has the database's name, what stands in front of a point may be that table.
    let ambiguous = relations.iter().any(|(name, _)| *name == database);
    let database = (!ambiguous).then_some(database);
    for (name, kind) in relations {
        if name.starts_with("_mainstay_") {
            continue;
        }
        match kind.as_str() {
            "VIEW" => {
                let text = show(tx, dialect, "VIEW", &name, 1).await?;
                let definition = shown::view(dialect, &text, database.as_deref());
                catalog.views.push(View { name, definition });
            }
            "SEQUENCE" => {
                let definition = show(tx, dialect, "SEQUENCE", &name, 1).await?;
                catalog.others.push(Other {
                    kind,
                    name,
                    definition,
                });
            }
            "BASE TABLE" | "SYSTEM VERSIONED" => {
                let text = show(tx, dialect, "TABLE", &name, 1).await?;
                let text = shown::unqualified(dialect, &text, database.as_deref());
                catalog.tables.push(table::read(dialect, name, &text)?);
            }
            _ => {}
        }
    }
    triggers(tx, dialect, &mut catalog.tables).await?;
    for (kind, name) in pairs(tx, ROUTINES).await? {
        let position = if kind == "EVENT" { 3 } else { 2 };
        let text = show(tx, dialect, &kind, &name, position).await?;
        let definition = shown::unowned(dialect, &text);
        catalog.others.push(Other {
            kind,
            name,
            definition,
        });
    }
    Ok(catalog)
}

async fn pairs(tx: &Tx, sql: &str) -> Result<Vec<(String, String)>> {
    tx.sql(sql)
        .fetch_with(|row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)))
        .await
}

/// The server's own text of an object.
async fn show(
    tx: &Tx,
    dialect: Dialect,
    kind: &str,
    name: &str,
    position: usize,
) -> Result<String> {
    // Prepared once, it goes on telling of a view that was dropped and made again since, so that no
    // text may come twice.
    let mut mark = [0; 8];
    tx.database().entropy().fill(&mut mark);
    let mark = u64::from_le_bytes(mark);
    let found = tx
        .sql(format!(
            "SHOW CREATE {kind} {} /* {mark:016x} */",
            dialect.quote(name)
        ))
        .fetch_with(move |row| row.get::<Option<String>>(position))
        .await?;
    // Who may not see a definition is told that there is none.
    found.into_iter().next().flatten().ok_or_else(|| {
        let kind = kind.to_lowercase();
        Error::new(
            ErrorKind::AccessDenied,
            format!("the database does not tell what the {kind} {name} is"),
        )
        .with_hint(
            "give the user the right to see it: SHOW VIEW, TRIGGER, EVENT, or SELECT on mysql.proc",
        )
    })
}

async fn triggers(tx: &Tx, dialect: Dialect, tables: &mut [Table]) -> Result<()> {
    let found = tx
        .sql(TRIGGERS)
        .fetch_with(move |row| {
            let (table, name): (String, String) = (row.get(0)?, row.get(1)?);
            let (timing, event, body): (String, String, String) =
                (row.get(2)?, row.get(3)?, row.get(4)?);
            let definition = format!(
                "CREATE TRIGGER {} {timing} {event} ON {} FOR EACH ROW {}",
                dialect.quote(&name),
                dialect.quote(&table),
                body.trim()
            );
            Ok((table, Trigger { name, definition }))
        })
        .await?;
    for (table, trigger) in found {
        if let Some(table) = tables.iter_mut().find(|one| one.name == table) {
            table.triggers.push(trigger);
        }
    }
    Ok(())
}
