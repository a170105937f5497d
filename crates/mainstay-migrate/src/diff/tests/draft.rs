//! What all drafts have in common: order, marks, remarks, and the text.

use mainstay::schema::Dialect;

use super::super::testing::{
    catalog, check, column, drafted, index, key, lines, refers, table, trigger, view,
};
use super::*;

#[test]
fn equal_catalogs_need_nothing() {
    for dialect in Dialect::ALL {
        let mut goals = table("goals", &["title varchar(200)"]);
        goals.indexes.push(index("i", &["title"]));
        goals.checks.push(check("c", "title <> ''"));
        let all = catalog(dialect, [goals]);
        assert!(drafted(&all, &all).is_empty(), "{dialect:?}");
        assert_eq!(drafted(&all, &all).to_string(), "");
    }
}

/// Tables in a circle, a view on one, a trigger.
fn circle(dialect: Dialect) -> Catalog {
    let mut a = table("a", &["b_id bigint"]);
    a.foreign_keys.push(refers("a_b_fkey", "b_id", "b"));
    a.indexes.push(index("a_b_id_idx", &["b_id"]));
    a.triggers.push(trigger("touch", "AFTER UPDATE ON a"));
    let mut b = table("b", &["a_id bigint"]);
    b.foreign_keys.push(refers("b_a_fkey", "a_id", "a"));
    b.indexes.push(index("b_a_id_idx", &["a_id"]));
    let mut all = catalog(dialect, [a, b]);
    all.views.push(view("above", "SELECT id FROM below"));
    all.views.push(view("below", "SELECT id FROM a"));
    all
}

#[test]
fn circles_are_made_and_dropped() {
    let empty = Catalog::empty(Dialect::Postgres);
    let all = circle(Dialect::Postgres);
    assert_eq!(
        lines(&drafted(&empty, &all)),
        [
            "CREATE TABLE \"a\" (\"id\" bigint NOT NULL, \"b_id\" bigint, \
             CONSTRAINT \"a_pkey\" PRIMARY KEY (\"id\"))",
            "CREATE INDEX \"a_b_id_idx\" ON \"a\" (\"b_id\")",
            "CREATE TABLE \"b\" (\"id\" bigint NOT NULL, \"a_id\" bigint, \
             CONSTRAINT \"b_pkey\" PRIMARY KEY (\"id\"), CONSTRAINT \"b_a_fkey\" FOREIGN KEY \
             (\"a_id\") REFERENCES \"a\" (\"id\") ON DELETE CASCADE)",
            "CREATE INDEX \"b_a_id_idx\" ON \"b\" (\"a_id\")",
            "ALTER TABLE \"a\" ADD CONSTRAINT \"a_b_fkey\" FOREIGN KEY (\"b_id\") REFERENCES \
             \"b\" (\"id\") ON DELETE CASCADE",
            "CREATE VIEW below AS SELECT id FROM a",
            "CREATE VIEW above AS SELECT id FROM below",
            "CREATE TRIGGER touch AFTER UPDATE ON a",
        ]
    );
    let gone = drafted(&all, &empty);
    assert_eq!(
        lines(&gone),
        [
            "DROP VIEW \"above\"",
            "DROP VIEW \"below\"",
            "ALTER TABLE \"a\" DROP CONSTRAINT \"a_b_fkey\"",
            "DROP TABLE \"b\"",
            "DROP TABLE \"a\"",
        ]
    );
    assert!(
        gone.destructive()
            .any(|why| why == "drops the table a and all its rows")
    );
    assert!(gone.destructive().any(|why| why == "drops the view below"));
}

#[test]
fn foreign_keys_behind_indexes_on_mysql() {
    let empty = Catalog::empty(Dialect::MariaDb);
    let made = lines(&drafted(&empty, &circle(Dialect::MariaDb)));
    let at = |start: &str| {
        made.iter()
            .position(|line| line.starts_with(start))
            .expect(start)
    };
    assert!(at("CREATE INDEX `b_a_id_idx`") < at("ALTER TABLE `b` ADD CONSTRAINT `b_a_fkey`"));
    assert!(
        made.iter()
            .all(|line| !line.starts_with("CREATE TABLE") || !line.contains("FOREIGN"))
    );
}

#[test]
fn circles_on_sqlite_are_let_go_before_rows_are_deleted() {
    let all = circle(Dialect::Sqlite);
    let gone = lines(&drafted(&all, &Catalog::empty(Dialect::Sqlite)));
    assert_eq!(
        gone,
        [
            "DROP TRIGGER \"touch\"",
            "DROP VIEW \"above\"",
            "DROP VIEW \"below\"",
            "UPDATE \"a\" SET \"b_id\" = NULL",
            "DROP TABLE \"b\"",
            "DROP TABLE \"a\"",
        ]
    );
}

#[test]
fn a_table_in_a_circle_that_refers_to_itself_keeps_something_to_refer_to() {
    let mut all = circle(Dialect::Sqlite);
    all.tables[0]
        .foreign_keys
        .push(refers("a_a_fkey", "b_id", "a"));
    all.views.clear();
    assert_eq!(
        lines(&drafted(&all, &Catalog::empty(Dialect::Sqlite)))[3..],
        [
            "DROP TABLE \"b\"",
            "CREATE TABLE \"b\" (\"id\" ANY, UNIQUE (\"id\"))",
            "DROP TABLE \"a\"",
            "DROP TABLE \"b\"",
        ]
    );
}

#[test]
fn the_text_marks_what_is_destructive() {
    let mut old = table("goals", &["notes text", "day date"]);
    old.uniques.push(key("goals_day_key", &["day"]));
    let mut new = table("goals", &["day date NOT NULL"]);
    new.uniques.clone_from(&old.uniques);
    let from = catalog(Dialect::Postgres, [old]);
    let to = catalog(Dialect::Postgres, [new]);
    assert_eq!(
        drafted(&from, &to).to_string(),
        "\
-- Destructive: drops goals.notes and all it holds
ALTER TABLE \"goals\" DROP COLUMN \"notes\";

-- Destructive: fails where goals.day holds NULL
-- Note: fill it first: UPDATE goals SET day = ... WHERE day IS NULL
ALTER TABLE \"goals\" ALTER COLUMN \"day\" SET NOT NULL;
"
    );
    let back = draft_back(&from, &to, &Renames::default());
    assert_eq!(
        back.to_string(),
        "\
-- Note: does not bring back what the way here lost: it drops goals.notes and all it holds

ALTER TABLE \"goals\" ALTER COLUMN \"day\" DROP NOT NULL;

ALTER TABLE \"goals\" ADD COLUMN \"notes\" text;
"
    );
}

#[test]
fn renames_are_made_as_told() {
    let own = str::to_owned;
    for dialect in Dialect::ALL {
        let mut old = table("goals", &["title text"]);
        old.triggers.push(trigger("touch", "AFTER UPDATE ON goals"));
        let mut new = table("aims", &["name text"]);
        new.primary_key = Some(key("goals_pkey", &["id"]));
        new.triggers.push(trigger("touch", "AFTER UPDATE ON aims"));
        let mut from = catalog(dialect, [old]);
        from.views
            .push(view("all_goals", "SELECT title FROM goals"));
        let mut to = catalog(dialect, [new]);
        to.views
            .push(view("all_goals", "SELECT name AS title FROM aims"));
        let renames = Renames {
            tables: vec![(own("goals"), own("aims"))],
            columns: vec![(own("aims"), own("title"), own("name"))],
        };
        let there = draft(&from, &to, &renames);
        assert_eq!(there.destructive().count(), 0, "{there}");
        let sql = lines(&there).join("\n").replace(['`', '"'], "");
        assert_eq!(
            sql.replace("DROP TRIGGER touch ON goals", "DROP TRIGGER touch"),
            "DROP TRIGGER touch\nDROP VIEW all_goals\nALTER TABLE goals RENAME TO aims\n\
             ALTER TABLE aims RENAME COLUMN title TO name\n\
             CREATE VIEW all_goals AS SELECT name AS title FROM aims\n\
             CREATE TRIGGER touch AFTER UPDATE ON aims",
            "{dialect:?}"
        );
        // Untold, the one goes and the other comes.
        let untold = drafted(&from, &to);
        assert!(
            untold.destructive().any(|why| why.contains("table goals")),
            "{untold}"
        );
        let wrong = draft(&to, &from, &renames);
        assert_eq!(wrong.remarks.len(), 2, "{wrong}");
    }
}

#[test]
fn a_column_without_value_for_its_rows_is_marked() {
    for dialect in Dialect::ALL {
        let from = catalog(dialect, [table("goals", &[])]);
        let mut to = from.clone();
        to.tables[0].columns.push(column("day date NOT NULL"));
        let draft = drafted(&from, &to);
        let text = draft.to_string();
        assert!(text.contains("is NOT NULL and has no default"), "{text}");
        to.tables[0].columns[1].default = Some("'2020-01-01'".to_owned());
        assert_eq!(drafted(&from, &to).destructive().count(), 0);
    }
}

#[test]
fn no_name_gets_out_of_its_comment() {
    let from = catalog(Dialect::Sqlite, [table("a\nDROP TABLE b", &["c\rd text"])]);
    let mut to = from.clone();
    to.tables[0].columns.remove(1);
    to.tables[0].options.push("STRICT".to_owned());
    let text = drafted(&from, &to).to_string();
    assert!(
        text.starts_with("-- mainstay: rebuild a DROP TABLE b\n"),
        "{text}"
    );
    let comments = text.lines().filter(|line| line.starts_with("--"));
    assert!(comments.count() >= 4, "{text}");
    assert!(
        text.lines().all(|line| !line.starts_with("DROP TABLE b.")),
        "{text}"
    );
    assert!(!text.contains("Destructive: drops a\nDROP"), "{text}");
}
