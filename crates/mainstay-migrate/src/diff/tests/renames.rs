//! Renames are applied everywhere, refused where they do not fit, and offered.

use mainstay::schema::Dialect;

use super::super::compare;
use super::super::testing::{catalog, check, column, index, key, refers, table};
use super::*;

fn renames() -> Renames {
    let own = str::to_owned;
    Renames {
        tables: vec![(own("goals"), own("aims"))],
        columns: vec![
            (own("aims"), own("title"), own("name")),
            (own("aims"), own("id"), own("number")),
        ],
    }
}

fn before() -> Catalog {
    let mut goals = table("goals", &["title text", "parent_id bigint"]);
    goals.uniques.push(key("u", &["title"]));
    goals.indexes.push(Index {
        condition: Some("title IS NOT NULL".to_owned()),
        ..index("i", &["title"])
    });
    goals.checks.push(check("c", "(title <> 'title')"));
    goals.foreign_keys.push(refers("f", "parent_id", "goals"));
    let mut steps = table("steps", &["goal_id bigint"]);
    steps.foreign_keys.push(refers("s", "goal_id", "goals"));
    catalog(Dialect::Postgres, [goals, steps])
}

fn after() -> Catalog {
    let mut aims = table("aims", &["name text", "parent_id bigint"]);
    aims.columns[0] = column("number bigint NOT NULL");
    aims.primary_key = Some(key("goals_pkey", &["number"]));
    aims.uniques.push(key("u", &["name"]));
    aims.indexes.push(Index {
        condition: Some("name IS NOT NULL".to_owned()),
        ..index("i", &["name"])
    });
    aims.checks.push(check("c", "(name <> 'title')"));
    let to_number = |key: ForeignKey| ForeignKey {
        referenced_columns: vec!["number".to_owned()],
        ..key
    };
    aims.foreign_keys
        .push(to_number(refers("f", "parent_id", "aims")));
    let mut steps = table("steps", &["goal_id bigint"]);
    steps
        .foreign_keys
        .push(to_number(refers("s", "goal_id", "aims")));
    catalog(Dialect::Postgres, [aims, steps])
}

#[test]
fn a_rename_reaches_all_that_mentions_it() {
    let (fitting, refused) = renames().fitting(&before(), &after());
    assert_eq!((fitting, refused), (renames(), Vec::new()));
    assert_eq!(compare(&renames().apply(&before()), &after()), []);
    let back = renames().reversed();
    assert_eq!(compare(&back.apply(&after()), &before()), []);
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let own = str::to_owned;
    let wrong = Renames {
        tables: vec![(own("steps"), own("aims")), (own("nothing"), own("aims"))],
        columns: vec![
            (own("steps"), own("goal_id"), own("id")),
            (own("nothing"), own("a"), own("b")),
        ],
    };
    let (fitting, refused) = wrong.fitting(&before(), &after());
    assert_eq!(fitting, Renames::default());
    assert_eq!(refused.len(), 4);
    assert!(
        refused[0].starts_with("table steps is not renamed to aims"),
        "{refused:?}"
    );
    assert!(
        refused[2].starts_with("steps.goal_id is not renamed to id"),
        "{refused:?}"
    );
}

#[test]
fn what_could_be_a_rename_is_offered() {
    let found = candidates(&before(), &after());
    // The tables have one column of three in common: they are not taken for one another.
    assert_eq!(found, []);
    let mut like = after();
    like.tables[0].columns[0] = column("id bigint NOT NULL");
    let (from, to) = ("goals".to_owned(), "aims".to_owned());
    assert_eq!(
        candidates(&before(), &like),
        [Candidate::Table { from, to }]
    );

    let mut changed = before();
    changed.tables[0].columns[1] = column("name text");
    changed.tables[0].columns.push(column("other integer"));
    let (from, to) = ("title".to_owned(), "name".to_owned());
    let table = "goals".to_owned();
    assert_eq!(
        candidates(&before(), &changed),
        [Candidate::Column { table, from, to }]
    );
}
