//! What the engines call their types, and the few statements in which they differ. The one place of
//! copies where engines are told apart.
//!
//! - `mod.rs`: asks the right one
//! - `sqlite`, `postgres`, `mysql`: one each
//! - `types`: what they share about types; `inside`: foreign keys inside of a group

mod inside;
mod mysql;
mod postgres;
mod sqlite;
mod types;

use mainstay::schema::Dialect;
use mainstay::value::ColumnType;
use mainstay::{Database, Result, Tx};

pub(super) use inside::Inside;
pub(super) use types::TEXT;

/// What a column of a native type can be, the likeliest first. Nothing where it is no type that
/// goes from engine to engine.
pub(super) fn candidates(dialect: Dialect, ty: &str) -> Vec<ColumnType> {
    match dialect {
        Dialect::Sqlite => sqlite::candidates(ty),
        Dialect::Postgres => postgres::candidates(ty),
        _ => mysql::candidates(ty),
    }
}

/// Whether a column of a native type keeps all values of a type.
pub(super) fn keeps(dialect: Dialect, native: &str, ty: &ColumnType) -> bool {
    match dialect {
        Dialect::Sqlite => sqlite::keeps(native, ty),
        _ => candidates(dialect, native).contains(ty),
    }
}

/// Whether the native type leaves open what a column is, so that the other side decides.
pub(super) fn is_vague(dialect: Dialect) -> bool {
    dialect == Dialect::Sqlite
}

/// Whether a column of this type drops the smaller parts of a second.
pub(super) fn drops_microseconds(dialect: Dialect, ty: &str) -> bool {
    match dialect {
        Dialect::Sqlite => false,
        Dialect::Postgres => postgres::drops_microseconds(ty),
        _ => mysql::drops_microseconds(ty),
    }
}

/// Before the rows of a group: foreign keys that lead into the group are looked at in the end.
pub(super) async fn begin(tx: &Tx, dialect: Dialect, inside: &[Inside<'_>]) -> Result<()> {
    let statements = match dialect {
        Dialect::Sqlite => sqlite::begin(inside),
        Dialect::Postgres => postgres::begin(inside),
        _ => mysql::begin(inside),
    };
    for statement in statements {
        tx.script(statement).await?;
    }
    Ok(())
}

/// Behind the rows of a group: everything is again as it was.
pub(super) async fn end(tx: &Tx, dialect: Dialect, inside: &[Inside<'_>]) -> Result<()> {
    let statements = match dialect {
        Dialect::Sqlite => sqlite::end(inside),
        Dialect::Postgres => postgres::end(inside),
        _ => mysql::end(inside),
    };
    for statement in statements {
        tx.script(statement).await?;
    }
    Ok(())
}

/// The statement that sets what makes a column's next key behind `greatest`, where the engine does
/// not do that by itself: parameters are the table, quoted, the column and the key.
pub(super) fn next_key(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Postgres => Some(postgres::NEXT_KEY),
        // SQLite and InnoDB go on behind the greatest key they have been given.
        _ => None,
    }
}

/// Whether a default makes keys, beside what the catalog calls an identity.
pub(super) fn makes_keys(dialect: Dialect, default: Option<&str>) -> bool {
    dialect == Dialect::Postgres && default.is_some_and(|text| text.starts_with("nextval("))
}

/// Removes all rows of tables, whatever refers to what.
pub(super) async fn empty(db: &Database, tables: &[String]) -> Result<()> {
    if tables.is_empty() {
        return Ok(());
    }
    let dialect = db.dialect();
    let quoted: Vec<String> = tables.iter().map(|table| dialect.quote(table)).collect();
    let statements = match dialect {
        Dialect::Sqlite => sqlite::empty(&quoted),
        Dialect::Postgres => postgres::empty(&quoted),
        _ => mysql::empty(&quoted),
    };
    db.exclusive(|held| async move {
        for statement in statements {
            held.script(statement).await?;
        }
        Ok(())
    })
    .await
}

#[cfg(test)]
mod tests;
