//! Tables of entities, and what of them a catalog has.

use mainstay::schema::ddl;
use mainstay::{Entity, Schema, TextEnum};
use mainstay_migrate::catalog::{self, Catalog, Identity, dump};

use super::support::{close, column, read, recreate, run, table, targets};

#[tokio::test]
async fn an_empty_database_has_nothing() {
    for target in targets() {
        let db = target.open().await;
        // What Mainstay itself keeps is not the application's.
        db.script("CREATE TABLE _mainstay_migrations (version VARCHAR(14) PRIMARY KEY)")
            .await
            .expect("created");
        let found = read(&db).await;
        assert_eq!(found, Catalog::empty(db.dialect()));
        assert_eq!(dump(&found), "");
        close(db).await;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, TextEnum)]
enum Mood {
    Good,
    NotSoGood,
}

#[derive(Debug, Clone, Entity)]
#[allow(dead_code, reason = "only the model is used")]
struct Owner {
    #[entity(key, auto)]
    id: i64,
    #[entity(unique, max = 100, default = "it's a \\")]
    name: String,
}

#[derive(Debug, Clone, Entity)]
#[entity(
    unique(owner_id, title),
    index(mood, day),
    check(
        name = "span",
        condition = "weight <= 100 OR total > 0",
        columns(weight, total)
    )
)]
#[allow(dead_code, reason = "only the model is used")]
struct Goal {
    #[entity(key, auto)]
    id: uuid::Uuid,
    #[entity(references(Owner::id, on_delete = cascade))]
    owner_id: i64,
    #[entity(references(Goal::id, on_delete = set_null))]
    parent_id: Option<uuid::Uuid>,
    #[entity(max = 120)]
    title: String,
    notes: Option<String>,
    #[entity(enumeration, default = "good")]
    mood: Mood,
    #[entity(default = true)]
    active: bool,
    #[entity(default = -1)]
    weight: i32,
    #[entity(default = 0)]
    total: i64,
    picture: Option<Vec<u8>>,
    #[entity(default = "{}")]
    settings: serde_json::Value,
    day: chrono::NaiveDate,
    #[entity(created_at)]
    created_at: chrono::DateTime<chrono::Utc>,
}

fn sorted<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    names.sort();
    names
}

fn present<'a>(names: impl Iterator<Item = &'a Option<String>>) -> Vec<String> {
    let mut names: Vec<String> = names.flatten().cloned().collect();
    names.sort();
    names
}

#[tokio::test]
async fn tables_of_entities_come_back_as_they_were_described() {
    let schema = Schema::new().with::<Owner>().with::<Goal>();
    for target in targets() {
        let db = target.open().await;
        for sql in ddl::create_all(db.dialect(), &schema).expect("statements") {
            db.script(sql).await.expect("the table is made");
        }
        let found = recreate(&target, &db).await;
        assert_eq!(found.tables.len(), 2);
        assert!(found.views.is_empty() && found.others.is_empty());
        for model in schema.tables() {
            let table = table(&found, model.name);
            let names: Vec<_> = table
                .columns
                .iter()
                .map(|column| column.name.as_str())
                .collect();
            let described: Vec<_> = model.columns.iter().map(|column| column.name).collect();
            assert_eq!(names, described);
            for (column, described) in table.columns.iter().zip(model.columns) {
                assert_eq!(column.nullable, described.nullable, "{}", column.name);
                assert_eq!(
                    column.default.is_some(),
                    described.default.is_some(),
                    "{}",
                    column.name
                );
            }
            let uniques = present(table.uniques.iter().map(|key| &key.name));
            assert_eq!(uniques, sorted(model.uniques.iter().map(|key| key.name)));
            let indexes = sorted(table.indexes.iter().map(|index| index.name.as_str()));
            assert_eq!(
                indexes,
                sorted(model.indexes.iter().map(|index| index.name))
            );
            assert_eq!(table.foreign_keys.len(), model.foreign_keys.len());
            for key in model.foreign_keys {
                let same = |found: &&catalog::ForeignKey| found.name.as_deref() == Some(key.name);
                let found = table
                    .foreign_keys
                    .iter()
                    .find(same)
                    .expect("the foreign key");
                assert_eq!(found.columns, key.columns);
                assert_eq!(found.references, key.references);
                assert_eq!(found.referenced_columns, key.referenced_columns);
            }
            for check in model.checks {
                let names = present(table.checks.iter().map(|check| &check.name));
                assert!(names.iter().any(|name| name == check.name), "{names:?}");
            }
        }
        let owner = table(&found, "owners");
        let made_by = if target.slug == "postgres" {
            Identity::ByDefault
        } else {
            Identity::AutoIncrement
        };
        assert_eq!(owner.columns[0].identity, Some(made_by));
        let goal = table(&found, "goals");
        let actions: Vec<_> = goal
            .foreign_keys
            .iter()
            .map(|key| key.on_delete.as_str())
            .collect();
        assert_eq!(actions, ["CASCADE", "SET NULL"]);
        let key = goal.primary_key.as_ref().expect("a key");
        assert_eq!(key.columns, ["id"]);
        let settings = column(&found, "goals", "settings");
        let (ty, collation) = match target.slug {
            "sqlite" => ("TEXT", None),
            "postgres" => ("jsonb", None),
            _ => ("json", None),
        };
        assert_eq!(
            (settings.ty.as_str(), settings.collation.as_deref()),
            (ty, collation)
        );
        assert!(
            !goal.checks.iter().any(|check| check.is_of_column()),
            "{:?}",
            goal.checks
        );
        close(db).await;
    }
}

#[tokio::test]
async fn what_is_in_tables_is_not_in_their_fingerprint() {
    let schema = Schema::new().with::<Owner>();
    for target in targets() {
        let db = target.open().await;
        for sql in ddl::create_all(db.dialect(), &schema).expect("statements") {
            db.script(sql).await.expect("the table is made");
        }
        let before = read(&db).await.fingerprint();
        for name in ["a", "b", "c"] {
            let insert = db.sql("INSERT INTO owners (name) VALUES (?)").bind(name);
            insert.execute().await.expect("a row");
        }
        assert_eq!(read(&db).await.fingerprint(), before);
        db.script("CREATE INDEX owners_by_name ON owners (name)")
            .await
            .expect("an index");
        assert_ne!(read(&db).await.fingerprint(), before);
        close(db).await;
    }
}

#[tokio::test]
async fn a_view_that_was_made_again_is_read_anew() {
    for target in targets() {
        let db = target.open().await;
        run(
            &db,
            "CREATE TABLE notes (id INTEGER, text VARCHAR(20)); CREATE VIEW few AS SELECT id FROM notes",
        )
        .await;
        // The first reading has everything prepared, the second is to find the same connection.
        let before = (read(&db).await, read(&db).await);
        assert_eq!(before.0, before.1);
        run(
            &db,
            "DROP VIEW few; CREATE VIEW few AS SELECT text FROM notes",
        )
        .await;
        let after = read(&db).await;
        let definition = &after.views[0].definition;
        assert!(definition.contains("text"), "{definition}");
        assert_ne!(after.fingerprint(), before.0.fingerprint());
        close(db).await;
    }
}
