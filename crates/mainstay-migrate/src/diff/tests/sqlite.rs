//! SQLite's statements: what ALTER TABLE does, and the table built anew.

use super::super::rebuild::converted;
use super::*;
use crate::catalog::{Catalog, Generated, Identity, Index};
use crate::diff::testing::{
    catalog, check, column, drafted, index, key, lines, refers, table, trigger, view,
};

fn all(t: &Table) -> Catalog {
    catalog(DIALECT, [t.clone(), table("p", &[])])
}

fn between(from: &Table, to: &Table) -> Vec<String> {
    lines(&drafted(&all(from), &all(to)))
}

#[test]
fn columns_are_added_with_what_belongs_to_them() {
    let from = table("t", &[]);
    let mut to = table(
        "t",
        &["a TEXT", "b INTEGER NOT NULL DEFAULT 1", "p_id INTEGER"],
    );
    to.columns.insert(
        1,
        Column {
            generated: Some(Generated {
                expression: "a || '!'".to_owned(),
                stored: false,
            }),
            ..column("g TEXT")
        },
    );
    to.checks.push(check("t_a_check", "length(a) <= 10"));
    to.checks.push(check("t_ab_check", "b > 0 OR a IS NULL"));
    to.foreign_keys.push(ForeignKey {
        on_update: "NO ACTION".to_owned(),
        ..refers("t_p_id_fkey", "p_id", "p")
    });
    to.indexes.push(index("t_a_idx", &["a"]));
    assert_eq!(
        between(&from, &to),
        [
            "ALTER TABLE \"t\" ADD COLUMN \"a\" TEXT CONSTRAINT \"t_a_check\" CHECK (length(a) <= \
             10)",
            "ALTER TABLE \"t\" ADD COLUMN \"b\" INTEGER NOT NULL DEFAULT 1 CONSTRAINT \
             \"t_ab_check\" CHECK (b > 0 OR a IS NULL)",
            "ALTER TABLE \"t\" ADD COLUMN \"p_id\" INTEGER CONSTRAINT \"t_p_id_fkey\" REFERENCES \
             \"p\" (\"id\") ON DELETE CASCADE",
            "ALTER TABLE \"t\" ADD COLUMN \"g\" TEXT GENERATED ALWAYS AS (a || '!') VIRTUAL",
            "CREATE INDEX \"t_a_idx\" ON \"t\" (\"a\")",
        ]
    );
}

#[test]
fn a_column_that_nothing_needs_is_dropped() {
    let mut from = table("t", &["a TEXT", "b TEXT"]);
    from.indexes.push(Index {
        condition: Some("a IS NOT NULL".to_owned()),
        ..index("t_b_idx", &["b"])
    });
    let mut to = table("t", &["b TEXT"]);
    to.indexes.push(index("t_b_idx", &["b"]));
    assert_eq!(
        between(&from, &to),
        [
            "DROP INDEX \"t_b_idx\"",
            "ALTER TABLE \"t\" DROP COLUMN \"a\"",
            "CREATE INDEX \"t_b_idx\" ON \"t\" (\"b\")",
        ]
    );
}

/// The table of this form is built anew, and nothing else.
#[track_caller]
fn is_rebuilt(from: &Table, to: &Table) {
    let draft = drafted(&all(from), &all(to));
    assert_eq!(draft.rebuilds, ["t"], "{draft}");
    let text = draft.to_string();
    assert!(text.starts_with("-- mainstay: rebuild t\n\n"), "{text}");
    assert!(
        text.contains("ALTER TABLE \"_mainstay_rebuild_t\" RENAME TO \"t\""),
        "{text}"
    );
}

#[test]
fn what_alter_table_cannot_do_builds_the_table_anew() {
    let base = table("t", &["a TEXT", "p_id INTEGER"]);
    let cases: [fn(&mut Table); 12] = [
        |t| t.columns[1].ty = "INTEGER".to_owned(),
        |t| t.columns[1].nullable = false,
        |t| t.columns[1].default = Some("'x'".to_owned()),
        |t| t.columns.push(column("b TEXT NOT NULL")),
        |t| t.columns.push(column("b TEXT DEFAULT CURRENT_TIMESTAMP")),
        |t| t.columns.push(column("b TEXT DEFAULT (1 + 1)")),
        |t| t.uniques.push(key("u", &["a"])),
        |t| t.checks.push(check("c", "a <> ''")),
        |t| t.foreign_keys.push(refers("f", "p_id", "p")),
        |t| t.primary_key = None,
        |t| t.options.push("STRICT".to_owned()),
        |t| {
            t.columns.push(column("b INTEGER NOT NULL DEFAULT 1"));
            t.foreign_keys.push(refers("f", "b", "p"));
        },
    ];
    for change in cases {
        let mut to = base.clone();
        change(&mut to);
        is_rebuilt(&base, &to);
        is_rebuilt_back(&base, &to);
    }
    let mut checked = base.clone();
    checked.checks.push(check("c", "a <> ''"));
    let without = table("t", &["p_id INTEGER"]);
    is_rebuilt(&checked, &without);
}

/// The way back drops a column or builds the table anew, and brings it to its first form.
#[track_caller]
fn is_rebuilt_back(base: &Table, changed: &Table) {
    let back = drafted(&all(changed), &all(base));
    assert!(!back.is_empty(), "{back}");
}

#[test]
fn a_table_is_built_anew_in_twelve_steps() {
    let mut t = table("t", &["a TEXT", "old TEXT", "t_id INTEGER"]);
    t.columns[0].identity = Some(Identity::AutoIncrement);
    t.columns[0].ty = "INTEGER".to_owned();
    t.indexes.push(index("t_a_idx", &["a"]));
    t.foreign_keys.push(refers("t_t_id_fkey", "t_id", "t"));
    t.triggers
        .push(trigger("touch", "AFTER UPDATE ON t BEGIN SELECT 1; END"));
    let mut child = table("child", &["t_id INTEGER"]);
    child
        .foreign_keys
        .push(refers("child_t_id_fkey", "t_id", "t"));
    child.triggers.push(trigger(
        "count",
        "AFTER INSERT ON child BEGIN DELETE FROM t; END",
    ));
    child.triggers.push(trigger(
        "alone",
        "AFTER INSERT ON child BEGIN SELECT 1; END",
    ));
    let mut from = catalog(DIALECT, [t.clone(), child.clone()]);
    from.views.push(view("above", "SELECT id FROM below"));
    from.views.push(view("below", "SELECT id FROM t"));
    from.views.push(view("other", "SELECT id FROM child"));
    let mut to = from.clone();
    let new = to
        .tables
        .iter_mut()
        .find(|table| table.name == "t")
        .expect("there");
    new.columns[1].nullable = false;
    new.columns.remove(2);
    let draft = drafted(&from, &to);
    assert_eq!(draft.rebuilds, ["t"]);
    assert_eq!(
        lines(&draft),
        [
            "DROP TRIGGER \"count\"",
            "DROP TRIGGER \"touch\"",
            "DROP VIEW \"above\"",
            "DROP VIEW \"below\"",
            "CREATE TABLE \"_mainstay_rebuild_t\" (\"id\" INTEGER NOT NULL CONSTRAINT \"t_pkey\" \
             PRIMARY KEY AUTOINCREMENT, \"a\" TEXT NOT NULL, \"t_id\" INTEGER, CONSTRAINT \
             \"t_t_id_fkey\" FOREIGN KEY (\"t_id\") REFERENCES \"t\" (\"id\") ON DELETE CASCADE)",
            "INSERT INTO \"_mainstay_rebuild_t\" (\"id\", \"a\", \"t_id\") SELECT \"id\", \"a\", \
             \"t_id\" FROM \"t\"",
            "DELETE FROM sqlite_sequence WHERE name = '_mainstay_rebuild_t'",
            "INSERT INTO sqlite_sequence (name, seq) SELECT '_mainstay_rebuild_t', seq FROM \
             sqlite_sequence WHERE name = 't'",
            "DROP TABLE \"t\"",
            "ALTER TABLE \"_mainstay_rebuild_t\" RENAME TO \"t\"",
            "CREATE INDEX \"t_a_idx\" ON \"t\" (\"a\")",
            "CREATE VIEW below AS SELECT id FROM t",
            "CREATE VIEW above AS SELECT id FROM below",
            "CREATE TRIGGER count AFTER INSERT ON child BEGIN DELETE FROM t; END",
            "CREATE TRIGGER touch AFTER UPDATE ON t BEGIN SELECT 1; END",
        ]
    );
    let why: Vec<&str> = draft.destructive().collect();
    assert_eq!(
        why,
        ["fails where t.a holds NULL", "drops t.old and all it holds"]
    );
}

#[test]
fn values_become_bytes_and_back() {
    assert_eq!(converted("a", "TEXT", "BLOB"), "CAST(a AS BLOB)");
    assert_eq!(converted("a", "BLOB", "TEXT"), "CAST(a AS TEXT)");
    assert_eq!(converted("a", "TEXT", "INTEGER"), "a");
    assert_eq!(converted("a", "BLOB", "ANY"), "a");
}

#[test]
fn a_name_that_needs_quotes_is_quoted() {
    let rename = |after| Sqlite.rename_column("t", "a", after);
    assert_eq!(rename("b"), "ALTER TABLE \"t\" RENAME COLUMN \"a\" TO b");
    assert_eq!(
        rename("order"),
        "ALTER TABLE \"t\" RENAME COLUMN \"a\" TO \"order\""
    );
    assert_eq!(
        rename("B"),
        "ALTER TABLE \"t\" RENAME COLUMN \"a\" TO \"B\""
    );
}
