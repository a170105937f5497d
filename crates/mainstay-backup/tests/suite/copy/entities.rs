//! The tables, of every type.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use mainstay::schema::{Dialect, TableModel, ddl};
use mainstay::{Database, Entity, Error, Schema, TextEnum, Tx, Value};
use mainstay_migrate::{MigrationSet, source};
use rust_decimal::Decimal;
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq, TextEnum)]
pub(crate) enum Mood {
    Calm,
    Happy,
}

/// Every type, and a reference to another row of its own.
#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(table = "things")]
#[allow(dead_code, reason = "only the model is used")]
pub(crate) struct Thing {
    #[entity(key)]
    id: Uuid,
    flag: bool,
    small: i32,
    large: i64,
    ratio: f64,
    #[entity(decimal(18, 4))]
    price: Decimal,
    #[entity(decimal(28, 10))]
    exact: Option<Decimal>,
    #[entity(max = 200, opaque)]
    title: String,
    #[entity(opaque)]
    prose: Option<String>,
    data: Option<Vec<u8>>,
    seen_at: DateTime<Utc>,
    day: Option<NaiveDate>,
    document: Option<serde_json::Value>,
    #[entity(enumeration)]
    mood: Mood,
    #[entity(references(Thing::id, on_delete = restrict))]
    parent_id: Option<Uuid>,
}

/// A key made by the database, and a reference.
#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(table = "counts")]
#[allow(dead_code, reason = "only the model is used")]
pub(crate) struct Count {
    #[entity(key, auto)]
    id: i64,
    number: i64,
    #[entity(references(Thing::id, on_delete = cascade))]
    thing_id: Uuid,
}

/// A text as key, and nothing else.
#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(table = "a_tags")]
#[allow(dead_code, reason = "only the model is used")]
pub(crate) struct Tag {
    #[entity(key, max = 100)]
    word: String,
    #[entity(references(Count::id, on_delete = restrict))]
    count_id: Option<i64>,
}

pub(crate) fn schema() -> Schema {
    Schema::new().with::<Thing>().with::<Count>().with::<Tag>()
}

pub(crate) fn things() -> &'static TableModel {
    Thing::table()
}

pub(crate) fn counts() -> &'static TableModel {
    Count::table()
}

pub(crate) fn tags() -> &'static TableModel {
    Tag::table()
}

/// One migration that makes them.
pub(crate) fn migrations() -> MigrationSet {
    let folder = tempfile::tempdir().expect("a folder");
    let own = folder.path().join("20260101000000_init");
    std::fs::create_dir(&own).expect("made");
    for dialect in [Dialect::Sqlite, Dialect::Postgres, Dialect::MariaDb] {
        let statements = ddl::create_all(dialect, &schema()).expect("the tables are right");
        let text = statements.join(";\n") + ";\n";
        std::fs::write(own.join(format!("up.{}.sql", dialect.slug())), text).expect("written");
    }
    source::read(folder.path())
        .expect("a folder of migrations")
        .set
}

/// Adds rows as they are.
pub(crate) async fn add(db: &Database, table: &'static TableModel, rows: Vec<Vec<Value>>) {
    let columns: Vec<usize> = (0..table.columns.len()).collect();
    let rows = Arc::new(rows);
    db.transaction(|tx: Tx| {
        let (columns, rows) = (columns.clone(), Arc::clone(&rows));
        async move {
            tx.script("PRAGMA defer_foreign_keys = ON").await?;
            // Without it each row looks through all those before it.
            tx.script("CREATE INDEX for_a_moment ON things (parent_id)")
                .await?;
            let added = tx.insert_rows(table, &columns, rows).await?;
            tx.script("DROP INDEX for_a_moment").await?;
            Ok::<u64, Error>(added)
        }
    })
    .await
    .expect("the rows are right");
}
