//! From what the migrations make to what the entities say.

use mainstay::schema::Dialect;

use super::*;
use crate::diff::compare;
use crate::diff::testing::{catalog, lines, table};

fn of(tables: &[(&str, &[&str])]) -> Catalog {
    catalog(
        Dialect::Postgres,
        tables.iter().map(|(name, columns)| table(name, columns)),
    )
}

#[test]
fn what_is_the_same_drafts_nothing() {
    let state = of(&[("goals", &["title text"])]);
    let none = draft_entities(&state, &state, &Told::default()).expect("drafts");
    assert!(none.up.is_empty() && none.down.is_empty());
    assert_eq!(none.candidates, []);
}

#[test]
fn a_rename_is_offered_and_made_when_it_is_told() {
    let before = of(&[("goals", &["title text"])]);
    let after = of(&[("goals", &["name text"])]);
    let guess = draft_entities(&after, &before, &Told::default()).expect("drafts");
    assert_eq!(
        guess.candidates,
        [Candidate::Column {
            table: "goals".to_owned(),
            from: "title".to_owned(),
            to: "name".to_owned(),
        }]
    );
    assert_eq!(guess.up.destructive().count(), 1);

    let mut told = Told::default();
    let rename = ("goals".to_owned(), "title".to_owned(), "name".to_owned());
    told.renames.columns.push(rename);
    let made = draft_entities(&after, &before, &told).expect("drafts");
    assert_eq!(
        lines(&made.up),
        ["ALTER TABLE \"goals\" RENAME COLUMN \"title\" TO \"name\""]
    );
    assert_eq!(
        lines(&made.down),
        ["ALTER TABLE \"goals\" RENAME COLUMN \"name\" TO \"title\""]
    );
    assert_eq!(made.candidates, []);

    told.renames.columns[0].1 = "titel".to_owned();
    let error = draft_entities(&after, &before, &told).expect_err("no such column");
    assert!(
        error
            .detail()
            .contains("goals.titel is not renamed to name"),
        "{error}"
    );
}

#[test]
fn a_table_is_renamed_with_its_rows() {
    let before = of(&[("goals", &["title text"])]);
    let after = of(&[("aims", &["title text"])]);
    let mut told = Told::default();
    let guess = draft_entities(&after, &before, &told).expect("drafts");
    assert_eq!(guess.without_entity, ["goals"]);
    assert_eq!(guess.candidates.len(), 1);
    told.renames
        .tables
        .push(("goals".to_owned(), "aims".to_owned()));
    let made = draft_entities(&after, &before, &told).expect("drafts");
    assert!(
        lines(&made.up)[0].starts_with("ALTER TABLE \"goals\" RENAME TO \"aims\""),
        "{}",
        made.up
    );
    assert_eq!(made.without_entity, Vec::<String>::new());
}

#[test]
fn a_table_without_an_entity_stays_unless_it_is_told() {
    let before = of(&[("audit", &["what text"]), ("goals", &["title text"])]);
    let after = of(&[("goals", &["title text"])]);
    let mut told = Told::default();
    let left = draft_entities(&after, &before, &told).expect("drafts");
    assert!(left.up.is_empty());
    assert_eq!(left.without_entity, ["audit"]);

    told.drop.push("audit".to_owned());
    let gone = draft_entities(&after, &before, &told).expect("drafts");
    assert_eq!(lines(&gone.up), ["DROP TABLE \"audit\""]);
    assert_eq!(gone.up.destructive().count(), 1);
    assert!(!gone.down.is_empty());
    assert_eq!(compare(&after, &after), []);

    told.drop.push("goals".to_owned());
    let error = draft_entities(&after, &before, &told).expect_err("it has an entity");
    assert!(error.detail().contains("no table goals"), "{error}");
}
