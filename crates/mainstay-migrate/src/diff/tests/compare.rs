//! Each kind of difference is found, alone and in words; none is invented.

use mainstay::schema::Dialect;

use super::super::testing::{catalog, check, column, index, key, refers, table, trigger, view};
use super::super::{compare, compare_order, describe};
use crate::catalog::{Catalog, Generated, Identity, Other, Table};

/// A catalog with something of every kind.
fn full() -> Catalog {
    let mut goals = table(
        "goals",
        &[
            "title varchar(200) NOT NULL",
            "status text DEFAULT 'open'",
            "user_id bigint",
        ],
    );
    goals.uniques.push(key("goals_title_key", &["title"]));
    goals.indexes.push(index("goals_status_idx", &["status"]));
    goals
        .foreign_keys
        .push(refers("goals_user_id_fkey", "user_id", "users"));
    goals.checks.push(check("goals_title_check", "title <> ''"));
    goals
        .triggers
        .push(trigger("goals_touch", "AFTER UPDATE ON goals"));
    goals.options.push("UNLOGGED".to_owned());
    let mut all = catalog(Dialect::Postgres, [goals, table("users", &["name text"])]);
    all.views.push(view("open_goals", "SELECT id FROM goals"));
    all.others.push(Other {
        kind: "SEQUENCE".to_owned(),
        name: "numbers".to_owned(),
        definition: "CREATE SEQUENCE numbers".to_owned(),
    });
    all
}

fn goals(catalog: &mut Catalog) -> &mut Table {
    let found = catalog
        .tables
        .iter_mut()
        .find(|table| table.name == "goals");
    found.expect("it is there")
}

/// What is done to the right catalog, and what is found.
type Case = (fn(&mut Catalog), &'static [&'static str]);

const CASES: &[Case] = &[
    (
        |c| c.tables.retain(|t| t.name != "users"),
        &["table users is in L and not in R"],
    ),
    (
        |c| c.tables.push(table("notes", &[])),
        &["table notes is in R and not in L"],
    ),
    (
        |c| goals(c).columns.push(column("extra integer NOT NULL")),
        &["column goals.extra, integer NOT NULL, is in R and not in L"],
    ),
    (
        |c| goals(c).columns.retain(|c| c.name != "status"),
        &["column goals.status, text, is in L and not in R"],
    ),
    (
        |c| goals(c).columns[1].ty = "varchar(100)".to_owned(),
        &["goals.title is varchar(200) in L and varchar(100) in R"],
    ),
    (
        |c| goals(c).columns[1].collation = Some("\"C\"".to_owned()),
        &["goals.title has the collation of its type in L and the collation \"C\" in R"],
    ),
    (
        |c| goals(c).columns[1].nullable = true,
        &["goals.title is NOT NULL in L and nullable in R"],
    ),
    (
        |c| goals(c).columns[2].default = None,
        &["goals.status has the default 'open' in L and no default in R"],
    ),
    (
        |c| goals(c).columns[0].identity = Some(Identity::Always),
        &["goals.id is not made by the database in L and GENERATED ALWAYS AS IDENTITY in R"],
    ),
    (
        |c| {
            goals(c).columns[2].generated = Some(Generated {
                expression: "lower(title)".to_owned(),
                stored: true,
            });
        },
        &["goals.status is not computed in L and computed as (lower(title)) STORED in R"],
    ),
    (
        |c| goals(c).columns[2].on_update = Some("now()".to_owned()),
        &["goals.status is left alone by an update in L and set to now() by an update in R"],
    ),
    (
        |c| goals(c).columns[2].comment = Some("so".to_owned()),
        &["goals.status has no comment in L and the comment \"so\" in R"],
    ),
    (
        |c| goals(c).comment = Some("so".to_owned()),
        &["table goals has no comment in L and the comment \"so\" in R"],
    ),
    (
        |c| goals(c).options.clear(),
        &["table goals has the options UNLOGGED in L and no options in R"],
    ),
    (
        |c| goals(c).primary_key = None,
        &["primary key goals_pkey of goals, (id), is in L and not in R"],
    ),
    (
        |c| goals(c).primary_key = Some(key("goals_pkey", &["id", "title"])),
        &["primary key goals_pkey of goals is (id) in L and (id, title) in R"],
    ),
    (
        |c| goals(c).primary_key = Some(key("other", &["id"])),
        &["primary key goals_pkey of goals has the name goals_pkey in L and the name other in R"],
    ),
    (
        |c| goals(c).uniques[0].name = None,
        &[
            "unique constraint goals_title_key of goals has the name goals_title_key in L and no \
             name in R",
        ],
    ),
    (
        |c| goals(c).uniques.clear(),
        &["unique constraint goals_title_key of goals, (title), is in L and not in R"],
    ),
    (
        |c| goals(c).indexes[0].unique = true,
        &["index goals_status_idx of goals is (status) in L and UNIQUE (status) in R"],
    ),
    (
        |c| goals(c).indexes[0].condition = Some("status IS NOT NULL".to_owned()),
        &[
            "index goals_status_idx of goals is (status) in L and (status) WHERE status IS NOT \
             NULL in R",
        ],
    ),
    (
        |c| goals(c).indexes[0].valid = false,
        &["index goals_status_idx of goals is valid in L and invalid in R"],
    ),
    (
        |c| goals(c).indexes[0].name = "again".to_owned(),
        &[
            "index goals_status_idx of goals, (status), is in L and not in R",
            "index again of goals, (status), is in R and not in L",
        ],
    ),
    (
        |c| goals(c).foreign_keys[0].on_delete = "SET NULL".to_owned(),
        &[
            "foreign key goals_user_id_fkey of goals is (user_id) REFERENCES users (id) ON DELETE \
             CASCADE ON UPDATE NO ACTION in L and (user_id) REFERENCES users (id) ON DELETE SET \
             NULL ON UPDATE NO ACTION in R",
        ],
    ),
    (
        |c| goals(c).checks[0].condition = "title <> 'x'".to_owned(),
        &["check goals_title_check of goals is (title <> '') in L and (title <> 'x') in R"],
    ),
    (
        |c| goals(c).triggers.clear(),
        &["trigger goals_touch of goals is in L and not in R"],
    ),
    (
        |c| goals(c).triggers[0].definition.push('!'),
        &["trigger goals_touch of goals is defined in one way in L and in another in R"],
    ),
    (
        |c| c.views[0].definition.push('!'),
        &["view open_goals is defined in one way in L and in another in R"],
    ),
    (
        |c| c.views.clear(),
        &["view open_goals is in L and not in R"],
    ),
    (
        |c| c.others[0].kind = "TYPE".to_owned(),
        &[
            "sequence numbers is in L and not in R",
            "type numbers is in R and not in L",
        ],
    ),
    (
        |c| c.others[0].definition.push('!'),
        &["sequence numbers is defined in one way in L and in another in R"],
    ),
];

#[test]
fn each_kind_of_difference_is_found_alone() {
    for (number, (change, expected)) in CASES.iter().enumerate() {
        let (left, mut right) = (full(), full());
        change(&mut right);
        let changes = compare(&left, &right);
        let found: Vec<String> = changes.iter().map(|c| describe(c, "L", "R")).collect();
        assert_eq!(found, *expected, "case {number}");
        // Seen from the other side it is as many.
        assert_eq!(
            compare(&right, &left).len(),
            expected.len(),
            "case {number}"
        );
    }
}

#[test]
fn nothing_is_invented() {
    assert!(compare(&full(), &full()).is_empty());
    assert!(compare_order(&full(), &full()).is_empty());
    // Nameless constraints are known by what they say, in whatever order.
    let nameless = |conditions: [&str; 3]| {
        let mut all = full();
        goals(&mut all).checks = conditions
            .into_iter()
            .map(|condition| crate::catalog::Check {
                name: None,
                ..check("", condition)
            })
            .collect();
        all
    };
    let (a, b) = (nameless(["a", "b", "b"]), nameless(["b", "a", "b"]));
    assert!(compare(&a, &b).is_empty());
    let c = nameless(["a", "b", "c"]);
    let found: Vec<String> = compare(&a, &c)
        .iter()
        .map(|c| describe(c, "L", "R"))
        .collect();
    assert_eq!(
        found,
        [
            "check of goals, (b), is in L and not in R",
            "check of goals, (c), is in R and not in L"
        ]
    );
}

#[test]
fn the_order_of_columns_is_told_apart() {
    let (left, mut right) = (full(), full());
    goals(&mut right).columns.swap(1, 2);
    goals(&mut right).columns.insert(1, column("extra text"));
    assert_eq!(compare(&left, &right).len(), 1);
    let order = compare_order(&left, &right);
    assert_eq!(order.len(), 1);
    assert_eq!(
        describe(&order[0], "L", "R"),
        "table goals has its columns in the order id, title, status, user_id in L and its columns \
         in the order id, status, title, user_id in R"
    );
}
