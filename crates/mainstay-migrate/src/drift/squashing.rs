//! The text of one migration that makes what many make.

use mainstay::schema::Dialect;
use mainstay::{Database, Error, ErrorKind, Result};

use super::states::{made_by_migrations, on_empty, remove};
use crate::MigrationSet;
use crate::catalog::{self, Catalog, dump};
use crate::dialect::slot_of;
use crate::diff::{compare, compare_order, describe};
use crate::migration::{ByDialect, Direction, Stored};
use crate::runner::migrate;
use crate::scratch::Place;
use crate::shape::Shape;

/// The text of a migration that stands for others, for one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SquashDraft {
    /// For which engine.
    pub dialect: Dialect,
    /// The statements that make what the others make.
    pub sql: String,
    /// What the others do besides, which is not in the text, in words: rows they write, rights they
    /// give.
    pub left_out: Vec<String>,
}

/// Drafts the text of one migration that makes of an empty database what the migrations of a set
/// make of it. The set runs on a scratch database, and so does the text, which must come to the
/// same.
///
/// # Errors
/// Those of the migrations, and of making the database. `CONFIGURATION_ERROR` when the text does
/// not make the same, or cannot be a migration.
pub async fn draft_squash(set: &MigrationSet, place: &Place) -> Result<SquashDraft> {
    set.check()?;
    let scratch = place.make(None).await?;
    let made = async {
        let db = scratch.database()?;
        migrate(db, set).await.map_err(on_empty)?;
        let catalog = catalog::read(db).await?;
        let rows = rows(db, &catalog).await?;
        Ok((catalog, rows))
    }
    .await;
    let (catalog, mut left_out) = remove(scratch, made).await?;
    left_out.extend(unseen(set, catalog.dialect)?);
    let sql = dump(&catalog);
    comes_to_the_same(&sql, &catalog, place).await?;
    Ok(SquashDraft {
        dialect: catalog.dialect,
        sql,
        left_out,
    })
}

/// The tables in which the migrations have left rows, in words.
async fn rows(db: &Database, catalog: &Catalog) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for table in &catalog.tables {
        let name = db.dialect().quote(&table.name);
        let count: i64 = db
            .sql(format!("SELECT count(*) FROM {name}"))
            .scalar()
            .await?;
        match count {
            0 => {}
            1 => out.push(format!("1 row in table {}", table.name)),
            count => out.push(format!("{count} rows in table {}", table.name)),
        }
    }
    Ok(out)
}

async fn comes_to_the_same(sql: &str, aim: &Catalog, place: &Place) -> Result<()> {
    let mut up = ByDialect::default();
    up[slot_of(aim.dialect)] = Some(sql.into());
    let one = MigrationSet::of_folder(vec![Stored {
        version: "20000101000000".to_owned(),
        name: "squashed".to_owned(),
        up,
        down: Default::default(),
    }]);
    let wrong = |why: &str| {
        Error::new(
            ErrorKind::Configuration,
            format!("what the migrations make cannot be said in one text: {why}"),
        )
        .with_hint("squash up to an earlier version, or write the new migration by hand")
    };
    let made = made_by_migrations(&one, place, None)
        .await
        .map_err(|error| wrong(error.detail()).with_source(error))?;
    let mut differences = compare(&made, aim);
    differences.extend(compare_order(&made, aim));
    if differences.is_empty() {
        return Ok(());
    }
    let words = differences
        .iter()
        .map(|one| describe(one, "the text", "the migrations"));
    Err(wrong(&words.collect::<Vec<_>>().join("; ")))
}

/// The statements whose effect is neither a row nor in the schema, in words, without those that have
/// none that lasts.
fn unseen(set: &MigrationSet, dialect: Dialect) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for migration in set.migrations() {
        let text = set.text(migration.version, Direction::Up, dialect)?;
        let text = text.unwrap_or_default();
        for statement in migration.statements_of(Direction::Up, dialect, text)? {
            if !is_seen(&Shape::of(dialect, statement.text)) {
                out.push(format!("{}: {}", migration.label(), statement.shown()));
            }
        }
    }
    Ok(out)
}

fn is_seen(statement: &Shape) -> bool {
    let words = statement.words();
    match words.first().copied().unwrap_or_default() {
        "CREATE" | "ALTER" | "DROP" => {
            let object = statement.object().unwrap_or_default();
            let kinds = [
                "TABLE",
                "INDEX",
                "VIEW",
                "TRIGGER",
                "FUNCTION",
                "PROCEDURE",
                "SEQUENCE",
                "TYPE",
                "DOMAIN",
                "EXTENSION",
                "EVENT",
            ];
            kinds.contains(&object) && !statement.has(&["OWNER", "TO"])
        }
        // Rows are counted.
        "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "TRUNCATE" | "COPY" | "LOAD" | "MERGE"
        | "WITH" => true,
        "RENAME" | "COMMENT" | "ANALYZE" | "VACUUM" | "REINDEX" | "OPTIMIZE" | "REPAIR"
        | "CHECK" | "PRAGMA" | "LOCK" | "UNLOCK" => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_no_trace_in_the_schema_is_told() {
        let seen = |sql| is_seen(&Shape::of(Dialect::Postgres, sql));
        for sql in [
            "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)",
            "create or replace view v as select 1",
            "ALTER TABLE t ADD COLUMN a integer",
            "COMMENT ON TABLE t IS 'x'",
            "INSERT INTO t VALUES (1)",
        ] {
            assert!(seen(sql), "{sql}");
        }
        for sql in [
            "GRANT SELECT ON t TO reader",
            "CREATE ROLE reader",
            "ALTER TABLE t OWNER TO reader",
            "SELECT setval('s', 10)",
            "DO $$ BEGIN END $$",
        ] {
            assert!(!seen(sql), "{sql}");
        }
    }
}
