//! What the engines call their types, and the few statements in which they differ. The one place of
//! copies where engines are told apart.
//!
//! - `mod.rs`: asks the right one
//! - `sqlite`, `postgres`, `mysql`: one each

mod mysql;
mod postgres;
mod sqlite;

use mainstay::schema::Dialect;
use mainstay::value::ColumnType;
use mainstay::{Database, Result, Tx};
use mainstay_migrate::catalog::ForeignKey;

/// A text of any length. The target's own limits decide what is too long.
pub(super) const TEXT: ColumnType = ColumnType::Text { max: None };

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

/// A table of a group, and which of its foreign keys lead into the group.
pub(super) struct Inside<'a> {
    pub(super) table: &'a str,
    pub(super) keys: Vec<&'a ForeignKey>,
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

/// Behind how many of the characters a type's name ends, and the numbers in its parentheses:
/// `numeric(10,2)` is `numeric` with 10 and 2.
fn split(ty: &str) -> (String, Vec<u32>) {
    let lower = ty.trim().to_ascii_lowercase();
    let Some((name, rest)) = lower.split_once('(') else {
        return (lower, Vec::new());
    };
    let (inside, behind) = rest.split_once(')').unwrap_or((rest, ""));
    let numbers = inside.split(',').map_while(|part| part.trim().parse().ok());
    (format!("{}{behind}", name.trim_end()), numbers.collect())
}

/// A decimal that Mainstay's own type holds.
fn decimal(numbers: &[u32]) -> Vec<ColumnType> {
    let number = |position: usize| numbers.get(position).copied().map(u8::try_from);
    match (number(0), number(1).unwrap_or(Ok(0))) {
        (Some(Ok(precision @ 1..=28)), Ok(scale)) if scale <= precision => {
            vec![ColumnType::Decimal { precision, scale }]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
