//! What entities cannot say stays as it is, and goes only with what it is made of.

use mainstay::schema::Dialect;

use super::*;
use crate::catalog::{Generated, IndexPart};
use crate::diff::compare;
use crate::diff::testing::{catalog, column, index, table, trigger, view};

fn partial(name: &str, on: &str, condition: &str) -> Index {
    Index {
        condition: Some(condition.to_owned()),
        ..index(name, &[on])
    }
}

/// A database with things of every kind that an entity cannot say.
fn rich() -> Catalog {
    let mut goals = table("goals", &["title text", "points bigint"]);
    goals.columns.push(Column {
        generated: Some(Generated {
            expression: "points * 2".to_owned(),
            stored: true,
        }),
        ..column("twice bigint")
    });
    goals.columns[1].comment = Some("what is to be done".to_owned());
    goals.comment = Some("aims".to_owned());
    goals.options = vec!["PARTITION BY RANGE (id)".to_owned()];
    goals.indexes = vec![
        index("goals_points_idx", &["points"]),
        partial("goals_title_idx", "title", "points > 1"),
        index("goals_twice_idx", &["twice"]),
    ];
    goals
        .triggers
        .push(trigger("touch", "BEFORE UPDATE ON goals"));
    let mut found = catalog(Dialect::Postgres, [goals, table("audit", &["what text"])]);
    found.views.push(view("titles", "SELECT title FROM goals"));
    found
}

#[test]
fn what_an_entity_cannot_say_is_no_difference() {
    let mut goals = table("goals", &["title text", "points bigint"]);
    goals.indexes.push(index("goals_points_idx", &["points"]));
    let entities = catalog(Dialect::Postgres, [goals]);
    let said = claims(&entities, &rich(), &[]);
    assert_eq!(compare(&said, &rich()), []);
    assert_eq!(without_entity(&entities, &rich()), ["audit"]);
}

#[test]
fn what_an_entity_could_say_and_does_not_is_one() {
    let entities = catalog(
        Dialect::Postgres,
        [table("goals", &["title text", "points bigint"])],
    );
    let changes = compare(&claims(&entities, &rich(), &[]), &rich());
    let names: Vec<_> = changes.iter().map(|c| c.name.as_deref()).collect();
    assert_eq!(names, [Some("goals_points_idx")]);
}

#[test]
fn what_is_made_of_a_column_that_goes_goes_with_it() {
    let entities = catalog(Dialect::Postgres, [table("goals", &["title text"])]);
    let said = claims(&entities, &rich(), &[]);
    let goals = said.table("goals").expect("the table");
    assert!(goals.column("twice").is_none() && goals.column("title").is_some());
    assert_eq!(goals.indexes, []);
    assert_eq!(goals.triggers.len(), 1);

    let mut base = rich();
    base.tables[1].indexes = vec![Index {
        parts: vec![IndexPart {
            what: "(lower(title))".to_owned(),
            is_column: false,
            suffix: None,
        }],
        ..index("goals_lower_idx", &[])
    }];
    let kept = claims(&entities, &base, &[]);
    assert_eq!(kept.table("goals").expect("the table").indexes.len(), 1);
}

#[test]
fn a_table_without_an_entity_goes_when_that_is_said() {
    let entities = catalog(Dialect::Postgres, []);
    let said = claims(&entities, &rich(), &["audit".to_owned()]);
    let names: Vec<_> = said.tables.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["goals"]);
}

#[test]
fn options_of_the_kinds_that_entities_say_are_theirs() {
    let own = |all: &[&str]| -> Vec<String> { all.iter().map(|o| (*o).to_owned()).collect() };
    let said = own(&["ENGINE=InnoDB", "COLLATE=utf8mb4_nopad_bin"]);
    let base = own(&["COLLATE=latin1_bin", "PARTITION BY HASH (id)"]);
    assert_eq!(
        options(&said, &base),
        [
            "COLLATE=utf8mb4_nopad_bin",
            "PARTITION BY HASH (id)",
            "ENGINE=InnoDB"
        ]
    );
    assert_eq!(options(&own(&["STRICT"]), &[]), ["STRICT"]);
}
