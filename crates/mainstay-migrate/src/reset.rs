//! Drops everything the migrations made. For development and tests; the command line refuses it
//! elsewhere.

use mainstay::{Database, Error, Result};

use crate::MigrationSet;
use crate::history::{TABLE, table_exists};
use crate::lexer::{Kind, Token};
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
    names.push(TABLE.to_owned());
    let mut dropped = Vec::new();
    for name in names {
        if table_exists(db, &name).await? {
            let quoted = db.dialect().quote(&name);
            db.script(format!("DROP TABLE IF EXISTS {quoted}")).await?;
            dropped.push(name);
        }
    }
    Ok(dropped)
}

/// The tables that the migrations create, in that order.
fn created_tables(db: &Database, set: &MigrationSet) -> Result<Vec<String>> {
    let dialect = db.dialect();
    let mut names: Vec<String> = Vec::new();
    for migration in set.migrations() {
        let all = statements(dialect, migration.up.of(dialect)).map_err(Error::unexpected)?;
        for name in all.iter().filter_map(|tokens| created_table(tokens)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

/// The name in `CREATE TABLE [IF NOT EXISTS] name`.
fn created_table(tokens: &[Token<'_>]) -> Option<String> {
    let is = |token: &Token<'_>, word: &str| {
        token.kind == Kind::Word && token.text.eq_ignore_ascii_case(word)
    };
    let [create, table, rest @ ..] = tokens else {
        return None;
    };
    if !is(create, "create") || !is(table, "table") {
        return None;
    }
    let rest = match rest {
        [a, b, c, rest @ ..] if is(a, "if") && is(b, "not") && is(c, "exists") => rest,
        rest => rest,
    };
    let name = rest.first()?;
    Some(match name.kind {
        Kind::Quoted => {
            let quote = name.text.chars().next()?;
            let inner = name.text.get(1..name.text.len() - 1)?;
            inner.replace(&format!("{quote}{quote}"), &quote.to_string())
        }
        _ => name.text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use mainstay::schema::Dialect;

    use super::*;

    #[test]
    fn created_tables_are_found_by_name() {
        let sql = "CREATE TABLE a (id INT); create table if not exists \"b\"\"c\" (id INT); \
                   CREATE INDEX d ON a (id); INSERT INTO a VALUES (1)";
        let all = statements(Dialect::Sqlite, sql).expect("valid");
        let names: Vec<_> = all
            .iter()
            .filter_map(|tokens| created_table(tokens))
            .collect();
        assert_eq!(names, ["a", "b\"c"]);
    }
}
