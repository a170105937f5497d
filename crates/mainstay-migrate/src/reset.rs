//! Drops everything the migrations made. For development and tests; the command line refuses it
//! elsewhere.

use mainstay::schema::Dialect;
use mainstay::{Database, Error, Result};

use crate::MigrationSet;
use crate::ddl::{Act, read};
use crate::history::{TABLE, table_exists};
use crate::journal;
use crate::migration::Direction;
use crate::split::statements;

/// Drops the tables of the handle's schema, those the migrations create, and the history. Returns
/// the names of those that were there.
///
/// A table goes before the ones it refers to: the reverse of the order in which they are created.
///
/// # Errors
/// Those of dropping, for instance when a table that Mainstay does not know refers to one of these.
pub async fn reset(db: &Database, set: &MigrationSet) -> Result<Vec<String>> {
    let mut names = created_tables(db, set)?;
    for table in db.schema().tables() {
        if !names.iter().any(|name| name == table.name) {
            names.push(table.name.to_owned());
        }
    }
    names.reverse();
    // Last, so that a reset that fails half way can be repeated.
    names.push(journal::TABLE.to_owned());
    names.push(TABLE.to_owned());
    let mut dropped = Vec::new();
    for name in names {
        if table_exists(db, &name).await? {
            let quoted = db.dialect().quote(&name);
            db.script(format!("DROP TABLE IF EXISTS {quoted}")).await?;
            // Not everywhere there, and part of the history.
            if name != journal::TABLE {
                dropped.push(name);
            }
        }
    }
    Ok(dropped)
}

/// The tables that the migrations create, in that order.
fn created_tables(db: &Database, set: &MigrationSet) -> Result<Vec<String>> {
    let dialect = db.dialect();
    let mut names: Vec<String> = Vec::new();
    for migration in set.migrations() {
        let text = set.text(migration.version, Direction::Up, dialect)?;
        for name in created_in(dialect, text.unwrap_or_default())? {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

/// The tables that a text creates, in that order.
fn created_in(dialect: Dialect, sql: &str) -> Result<Vec<String>> {
    let all = statements(dialect, sql).map_err(Error::unexpected)?;
    let created = all
        .iter()
        .filter_map(|tokens| match read(dialect, sql, tokens) {
            Act::CreateTable(create) if !create.temporary => Some(create.name.name),
            _ => None,
        });
    Ok(created.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn created_tables_are_found_by_name() {
        let sql = "CREATE TABLE a (id INT); create table if not exists \"b\"\"c\" (id INT); \
                   CREATE INDEX d ON a (id); INSERT INTO a VALUES (1)";
        let names = created_in(Dialect::Sqlite, sql).expect("valid");
        assert_eq!(names, ["a", "b\"c"]);
    }
}
