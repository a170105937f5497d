//! Databases, and what every test does with them.

use mainstay::Database;
use mainstay_migrate::catalog::{self, Catalog, Column, Table, dump};
use mainstay_migrate::split::split;

pub(crate) use crate::support::database::{Target, close, open, targets};

pub(crate) async fn read(db: &Database) -> Catalog {
    catalog::read(db).await.expect("the catalog is read")
}

pub(crate) async fn run(db: &Database, sql: &str) {
    let mut failed = Vec::new();
    for statement in split(db.dialect(), sql).expect("the text can be split") {
        if let Err(error) = db.script(statement.text).await {
            failed.push(format!("{error}\n{}", statement.text));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// Makes a copy of a database from its catalog, and finds it to be the same.
pub(crate) async fn recreate(target: &Target, db: &Database) -> Catalog {
    let found = read(db).await;
    let text = dump(&found);
    let other = target.another();
    let copy = other.open().await;
    run(&copy, &text).await;
    let again = read(&copy).await;
    assert_eq!(dump(&again), text, "{}", target.slug);
    assert_eq!(again, found, "{}", target.slug);
    assert_eq!(again.fingerprint(), found.fingerprint());
    close(copy).await;
    found
}

pub(crate) fn table<'a>(catalog: &'a Catalog, name: &str) -> &'a Table {
    catalog
        .table(name)
        .unwrap_or_else(|| panic!("no table {name}"))
}

pub(crate) fn column<'a>(catalog: &'a Catalog, of: &str, name: &str) -> &'a Column {
    table(catalog, of)
        .column(name)
        .unwrap_or_else(|| panic!("no column {name}"))
}

/// The statement of the dump that begins so.
pub(crate) fn statement(catalog: &Catalog, start: &str) -> String {
    let all = dump::statements(catalog);
    let found = all.iter().find(|statement| statement.starts_with(start));
    found
        .unwrap_or_else(|| panic!("no {start} in {all:#?}"))
        .clone()
}

/// A file of the folder `schemas`.
pub(crate) fn schema_text(name: &str, slug: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas");
    let path = folder.join(format!("{name}.{slug}.sql"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
