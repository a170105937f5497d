//! Who is the odd one out, and how it is put in words.

use mainstay::schema::Dialect;

use super::*;
use crate::catalog::Catalog;
use crate::diff::testing::{catalog, index, table, trigger};

fn goals(columns: &[&str]) -> Catalog {
    catalog(Dialect::Postgres, [table("goals", columns)])
}

fn three(entities: Catalog, migrations: Catalog, live: Catalog) -> States {
    States {
        entities,
        applied: migrations.clone(),
        migrations,
        live,
        pending: Vec::new(),
        count: 1,
        problems: Vec::new(),
    }
}

fn told(states: &States) -> Vec<(Odd, String)> {
    let all = judge(states).into_iter();
    all.map(|one| (one.odd, one.words)).collect()
}

fn one(odd: Odd, words: &str) -> Vec<(Odd, String)> {
    vec![(odd, words.to_owned())]
}

#[test]
fn equal_states_differ_in_nothing() {
    let same = || goals(&["title text"]);
    assert_eq!(judge(&three(same(), same(), same())), []);
}

#[test]
fn each_can_be_the_odd_one_out() {
    let (new, old) = (
        || goals(&["title text", "note text"]),
        || goals(&["title text"]),
    );
    let lags = three(new(), old(), old());
    assert_eq!(
        told(&lags),
        one(
            Odd::Entities,
            "column goals.note, text, is in the entities and not in the migrations and the database"
        )
    );
    let one_of = &judge(&lags)[0];
    assert!(one_of.concerns_entities && !one_of.concerns_database);

    let by_hand = three(old(), old(), new());
    assert_eq!(
        told(&by_hand),
        one(
            Odd::Database,
            "column goals.note, text, is in the database and not in the entities and the migrations"
        )
    );
    let one_of = &judge(&by_hand)[0];
    assert!(!one_of.concerns_entities && one_of.concerns_database);

    let unwritten = three(new(), old(), new());
    assert_eq!(
        told(&unwritten),
        one(
            Odd::Migrations,
            "column goals.note, text, is in the entities and the database and not in the migrations"
        )
    );
    let one_of = &judge(&unwritten)[0];
    assert!(one_of.concerns_entities && one_of.concerns_database);
}

#[test]
fn where_no_two_agree_each_pair_is_told() {
    let states = three(
        goals(&["title text"]),
        goals(&["title varchar(200)"]),
        goals(&["title varchar(100)"]),
    );
    let told = told(&states);
    assert_eq!(
        told,
        [
            (
                Odd::All,
                "goals.title is text in the entities and varchar(200) in the migrations".to_owned()
            ),
            (
                Odd::All,
                "goals.title is varchar(200) in the migrations and varchar(100) in the database"
                    .to_owned()
            ),
        ]
    );
}

#[test]
fn what_only_entities_and_database_have_is_compared_too() {
    let none = || Catalog::empty(Dialect::Postgres);
    let states = three(goals(&["title text"]), none(), goals(&["title varchar(9)"]));
    assert_eq!(
        told(&states),
        [
            (
                Odd::Migrations,
                "table goals is in the entities and the database and not in the migrations"
                    .to_owned()
            ),
            (
                Odd::All,
                "goals.title is text in the entities and varchar(9) in the database".to_owned()
            ),
        ]
    );
}

#[test]
fn entities_are_silent_on_what_they_cannot_say() {
    let mut live = goals(&["title text"]);
    live.tables[0].triggers.push(trigger("touch", "..."));
    let states = three(goals(&["title text"]), goals(&["title text"]), live);
    assert_eq!(
        told(&states),
        one(
            Odd::Database,
            "trigger touch of goals is in the database and not in the migrations"
        )
    );
}

#[test]
fn what_is_pending_is_no_difference() {
    let (new, old) = (
        || goals(&["title text", "note text"]),
        || goals(&["title text"]),
    );
    let mut states = three(new(), new(), old());
    states.applied = old();
    assert_eq!(judge(&states), []);

    // What else was changed in the meantime is.
    states.live.tables[0]
        .indexes
        .push(index("extra", &["title"]));
    assert_eq!(
        told(&states),
        one(
            Odd::Database,
            "index extra of goals, (title), is in the database and not in the entities and the \
             migrations"
        )
    );
    // The entities are compared with what will be.
    states.entities = goals(&["title text", "note varchar(9)"]);
    states.live.tables[0].indexes.clear();
    assert_eq!(
        told(&states),
        one(
            Odd::Entities,
            "goals.note is varchar(9) in the entities and text in the migrations"
        )
    );
}
