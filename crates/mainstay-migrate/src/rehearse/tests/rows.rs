use std::collections::BTreeSet;

use mainstay::schema::Dialect::Postgres;

use super::super::layout::plan;
use super::*;
use crate::catalog::{Catalog, Check, Column, ForeignKey, Key, Table};

fn column(name: &str, ty: &str) -> Column {
    Column {
        name: name.to_owned(),
        ty: ty.to_owned(),
        collation: None,
        nullable: false,
        default: None,
        identity: None,
        generated: None,
        on_update: None,
        comment: None,
    }
}

fn key(columns: &[&str]) -> Key {
    Key {
        name: None,
        columns: columns.iter().map(|&name| name.to_owned()).collect(),
        options: Vec::new(),
    }
}

fn table(name: &str, columns: Vec<Column>, primary: &[&str]) -> Table {
    Table {
        name: name.to_owned(),
        columns,
        primary_key: Some(key(primary)),
        uniques: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        triggers: Vec::new(),
        options: Vec::new(),
        comment: None,
    }
}

fn refers(columns: &[&str], to: &str, referenced: &[&str]) -> ForeignKey {
    ForeignKey {
        name: None,
        columns: columns.iter().map(|&name| name.to_owned()).collect(),
        references: to.to_owned(),
        referenced_columns: referenced.iter().map(|&name| name.to_owned()).collect(),
        on_delete: "NO ACTION".to_owned(),
        on_update: "NO ACTION".to_owned(),
        options: Vec::new(),
    }
}

fn wanted(table: &str, end: u64) -> Wanted {
    Wanted {
        table: table.to_owned(),
        first: 0,
        end,
    }
}

fn catalog(tables: Vec<Table>) -> Catalog {
    Catalog {
        tables,
        ..Catalog::empty(Postgres)
    }
}

/// All rows of a table as text.
fn rows(all: &[Filling], at: usize) -> Vec<Vec<Value>> {
    (all[at].first..all[at].end)
        .map(|row| Filling::row(all, at, row).expect("its checks allow one"))
        .collect()
}

fn distinct(rows: &[Vec<Value>], columns: &[usize]) -> usize {
    let of = |row: &Vec<Value>| {
        let values: Vec<&Value> = columns.iter().map(|at| &row[*at]).collect();
        format!("{values:?}")
    };
    rows.iter().map(of).collect::<BTreeSet<_>>().len()
}

fn people_and_goals() -> Catalog {
    let mut people = table(
        "people",
        vec![column("id", "uuid"), column("email", "varchar(254)")],
        &["id"],
    );
    people.uniques.push(key(&["email"]));
    let mut goals = table(
        "goals",
        vec![
            column("id", "bigint"),
            column("person_id", "uuid"),
            column("status", "text"),
            Column {
                nullable: true,
                ..column("done_at", "timestamp with time zone")
            },
            Column {
                nullable: true,
                ..column("parent_id", "bigint")
            },
        ],
        &["id"],
    );
    goals
        .foreign_keys
        .push(refers(&["person_id"], "people", &["id"]));
    goals
        .foreign_keys
        .push(refers(&["parent_id"], "goals", &["id"]));
    for condition in [
        "status = ANY (ARRAY['open'::text, 'done'::text])",
        "((status = 'done'::text) AND (done_at IS NOT NULL)) OR ((status <> 'done'::text) AND \
         (done_at IS NULL))",
    ] {
        goals.checks.push(Check {
            name: None,
            condition: condition.to_owned(),
            options: Vec::new(),
        });
    }
    catalog(vec![people, goals])
}

#[test]
fn rows_keep_keys_references_and_checks() {
    let catalog = people_and_goals();
    let wanted = [wanted("people", 50), wanted("goals", 500)];
    let all = plan(&catalog, &wanted, &There::default(), 1).expect("can be planned");
    let people = rows(&all, 0);
    let goals = rows(&all, 1);
    assert_eq!(distinct(&people, &[0]), 50);
    assert_eq!(distinct(&people, &[1]), 50);
    assert_eq!(distinct(&goals, &[0]), 500);
    let ids: Vec<&Value> = people.iter().map(|row| &row[0]).collect();
    assert!(goals.iter().all(|row| ids.contains(&&row[1])));
    assert!(distinct(&goals, &[1]) > 30);
    let is = |row: &Vec<Value>, word: &str| row[2] == Value::Text(word.to_owned());
    for row in &goals {
        assert!(is(row, "done") || is(row, "open"));
        assert_eq!(is(row, "done"), row[3] != Value::Null, "{row:?}");
    }
    // Rows refer to rows before them.
    let mut seen = Vec::new();
    for row in &goals {
        assert!(row[4].is_null() || seen.contains(&row[4]), "{row:?}");
        seen.push(row[0].clone());
    }
    assert!(goals.iter().any(|row| !row[4].is_null()));

    let again = plan(&catalog, &wanted, &There::default(), 1).expect("can be planned");
    assert_eq!(rows(&again, 1), goals);
    let other = plan(&catalog, &wanted, &There::default(), 2).expect("can be planned");
    assert_ne!(rows(&other, 1), goals);
}

#[test]
fn a_key_of_references_and_words_counts_the_rows() {
    let mut marks = table(
        "marks",
        vec![
            column("person_id", "uuid"),
            column("goal_id", "bigint"),
            column("kind", "text"),
        ],
        &["person_id", "goal_id", "kind"],
    );
    marks
        .foreign_keys
        .push(refers(&["person_id"], "people", &["id"]));
    marks
        .foreign_keys
        .push(refers(&["goal_id"], "goals", &["id"]));
    marks.checks.push(Check {
        name: None,
        condition: "kind = ANY (ARRAY['a'::text, 'b'::text])".to_owned(),
        options: Vec::new(),
    });
    let mut catalog = people_and_goals();
    catalog.tables.push(marks);
    let planned = |rows| {
        let wanted = [
            wanted("people", 10),
            wanted("goals", 20),
            wanted("marks", rows),
        ];
        plan(&catalog, &wanted, &There::default(), 1)
    };
    let all = planned(400).expect("10 times 20 times 2");
    assert_eq!(distinct(&rows(&all, 2), &[0, 1, 2]), 400);
    let error = planned(401).expect_err("one too many");
    assert!(error.detail().contains("only 400 different"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("--copy")));
}

#[test]
fn rows_that_are_there_are_referred_to_and_counted_on() {
    let catalog = people_and_goals();
    let mut there = There::default();
    let somebody = Value::Text("00000000-0000-0000-0000-000000000001".to_owned());
    let place = ("goals".to_owned(), 0);
    there.referred.insert(place, vec![vec![somebody.clone()]]);
    there
        .largest
        .insert(("goals".to_owned(), "id".to_owned()), 900);
    let wanted = [Wanted {
        table: "goals".to_owned(),
        first: 10,
        end: 20,
    }];
    let all = plan(&catalog, &wanted, &there, 1).expect("can be planned");
    let goals = rows(&all, 0);
    assert_eq!(goals.len(), 10);
    assert!(goals.iter().all(|row| row[1] == somebody));
    assert!(
        goals
            .iter()
            .all(|row| matches!(row[0], Value::I64(id) if id > 900))
    );

    let error = plan(&catalog, &wanted, &There::default(), 1).expect_err("nobody to refer to");
    assert!(error.detail().contains("refers to people"), "{error}");
}

#[test]
fn what_cannot_be_made_is_left_out_or_named() {
    let mut places = table(
        "places",
        vec![column("id", "uuid"), column("at", "point")],
        &["id"],
    );
    let planned = |table: &Table| {
        let catalog = catalog(vec![table.clone()]);
        plan(&catalog, &[wanted("places", 2)], &There::default(), 1)
    };
    let error = planned(&places).expect_err("no points");
    assert!(error.detail().contains("places.at"), "{error}");
    places.columns[1].nullable = true;
    let all = planned(&places).expect("NULL will do");
    assert!(rows(&all, 0).iter().all(|row| row[1].is_null()));
    places.columns[1].default = Some("'(0,0)'::point".to_owned());
    let all = planned(&places).expect("its default will do");
    assert_eq!(all[0].columns.len(), 1);

    places.checks.push(Check {
        name: None,
        condition: "(id <> id)".to_owned(),
        options: Vec::new(),
    });
    let all = planned(&places).expect("can be planned");
    let error = Filling::row(&all, 0, 0).expect_err("no such row");
    assert!(error.detail().contains("checks allow"), "{error}");
}
