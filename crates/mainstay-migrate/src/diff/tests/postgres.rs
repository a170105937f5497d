//! PostgreSQL's statements.

use super::*;
use crate::catalog::{Catalog, Table};
use crate::diff::testing::{catalog, check, drafted, index, key, lines, refers, table, view};

/// What is drafted between two forms of the table `t`, beside a table `p` that stays.
fn between(from: Table, to: Table) -> Vec<String> {
    let all = |t: Table| catalog(DIALECT, [t, table("p", &[])]);
    lines(&drafted(&all(from), &all(to)))
}

fn with_column(line: &str) -> Table {
    table("t", &[line])
}

#[test]
fn columns_are_changed_step_by_step() {
    assert_eq!(
        between(
            with_column("a integer DEFAULT 0"),
            with_column("a bigint NOT NULL DEFAULT 1")
        ),
        [
            "ALTER TABLE \"t\" ALTER COLUMN \"a\" DROP DEFAULT",
            "ALTER TABLE \"t\" ALTER COLUMN \"a\" TYPE bigint",
            "ALTER TABLE \"t\" ALTER COLUMN \"a\" SET NOT NULL",
            "ALTER TABLE \"t\" ALTER COLUMN \"a\" SET DEFAULT 1",
        ]
    );
    assert_eq!(
        between(
            with_column("a text NOT NULL DEFAULT '1'"),
            with_column("a text")
        ),
        [
            "ALTER TABLE \"t\" ALTER COLUMN \"a\" DROP DEFAULT",
            "ALTER TABLE \"t\" ALTER COLUMN \"a\" DROP NOT NULL",
        ]
    );
    let mut collated = with_column("a text");
    collated.columns[1].collation = Some("\"C\"".to_owned());
    assert_eq!(
        between(with_column("a text"), collated),
        ["ALTER TABLE \"t\" ALTER COLUMN \"a\" TYPE text COLLATE \"C\""]
    );
}

#[test]
fn values_are_turned_into_the_other_type() {
    for (from, to, expected) in [
        ("text", "integer", " USING \"a\"::text::integer"),
        ("integer", "boolean", " USING \"a\" <> 0"),
        ("boolean", "bigint", " USING \"a\"::integer::bigint"),
        ("integer", "text", ""),
        ("timestamp", "date", ""),
        ("varchar(200)", "varchar(100)", ""),
        ("text", "uuid", " USING \"a\"::text::uuid"),
    ] {
        assert_eq!(
            between(
                with_column(&format!("a {from}")),
                with_column(&format!("a {to}"))
            ),
            [format!(
                "ALTER TABLE \"t\" ALTER COLUMN \"a\" TYPE {to}{expected}"
            )]
        );
    }
}

#[test]
fn what_stands_on_a_column_that_changes_its_type_goes_and_comes_back() {
    let full = |ty: &str| {
        let mut t = table("t", &[&format!("a {ty}"), "p_id bigint"]);
        t.checks.push(check("t_a_check", "a > 0"));
        t.indexes.push(index("t_a_idx", &["a"]));
        t.foreign_keys.push(refers("t_a_fkey", "a", "p"));
        t.foreign_keys.push(refers("t_p_id_fkey", "p_id", "p"));
        let mut all = catalog(DIALECT, [t, table("p", &[])]);
        all.views.push(view("v", "SELECT a FROM t"));
        all
    };
    assert_eq!(
        lines(&drafted(&full("integer"), &full("bigint"))),
        [
            "DROP VIEW \"v\"",
            "ALTER TABLE \"t\" DROP CONSTRAINT \"t_a_fkey\"",
            "ALTER TABLE \"t\" DROP CONSTRAINT \"t_a_check\"",
            "ALTER TABLE \"t\" ALTER COLUMN \"a\" TYPE bigint",
            "ALTER TABLE \"t\" ADD CONSTRAINT \"t_a_check\" CHECK (a > 0)",
            "ALTER TABLE \"t\" ADD CONSTRAINT \"t_a_fkey\" FOREIGN KEY (\"a\") REFERENCES \"p\" \
             (\"id\") ON DELETE CASCADE",
            "CREATE VIEW v AS SELECT a FROM t",
        ]
    );
}

#[test]
fn constraints_are_renamed_where_only_the_name_differs() {
    let mut from = table("t", &["a text"]);
    from.uniques.push(key("one", &["a"]));
    from.indexes.push(index("old", &["a"]));
    let mut to = from.clone();
    to.uniques[0].name = Some("two".to_owned());
    to.indexes[0].name = "new".to_owned();
    to.primary_key = Some(key("other", &["id"]));
    assert_eq!(
        between(from, to),
        [
            "ALTER INDEX \"old\" RENAME TO \"new\"",
            "ALTER TABLE \"t\" RENAME CONSTRAINT \"t_pkey\" TO \"other\"",
            "ALTER TABLE \"t\" RENAME CONSTRAINT \"one\" TO \"two\"",
        ]
    );
}

#[test]
fn a_key_that_goes_takes_the_foreign_keys_to_it_along() {
    let mut p = table("p", &["code text"]);
    p.uniques.push(key("p_code_key", &["code"]));
    let mut t = table("t", &["p_code text"]);
    t.foreign_keys.push(ForeignKey {
        referenced_columns: vec!["code".to_owned()],
        ..refers("t_fkey", "p_code", "p")
    });
    let from = catalog(DIALECT, [p, t]);
    let mut to = from.clone();
    to.tables[0].uniques[0].options = vec!["INCLUDE (\"id\")".to_owned()];
    let drafted = lines(&drafted(&from, &to));
    assert_eq!(drafted[0], "ALTER TABLE \"t\" DROP CONSTRAINT \"t_fkey\"");
    assert!(drafted[3].starts_with("ALTER TABLE \"t\" ADD CONSTRAINT \"t_fkey\""));
    assert_eq!(drafted.len(), 4);
}

#[test]
fn identities_comments_and_options() {
    let mut to = with_column("a integer NOT NULL");
    to.columns[0].identity = Some(Identity::ByDefault);
    to.columns[1].comment = Some("it's".to_owned());
    to.comment = Some("so".to_owned());
    to.options = vec![
        "WITH (fillfactor=70)".to_owned(),
        "PARTITION BY RANGE (a)".to_owned(),
    ];
    let from = with_column("a integer NOT NULL");
    let all = |t: Table| catalog(DIALECT, [t]);
    let draft = drafted(&all(from.clone()), &all(to.clone()));
    assert_eq!(
        lines(&draft),
        [
            "ALTER TABLE \"t\" ALTER COLUMN \"id\" ADD GENERATED BY DEFAULT AS IDENTITY",
            "SELECT setval(pg_get_serial_sequence('\"t\"', 'id'), coalesce(max(\"id\"), 0) + 1, \
             false) FROM \"t\"",
            "ALTER TABLE \"t\" SET (fillfactor=70)",
            "COMMENT ON TABLE \"t\" IS 'so'",
            "COMMENT ON COLUMN \"t\".\"a\" IS 'it''s'",
        ]
    );
    assert_eq!(draft.remarks.len(), 1);
    assert!(
        draft.remarks[0].contains("PARTITION BY RANGE (a)"),
        "{:?}",
        draft.remarks
    );
    let back = lines(&drafted(&all(to), &all(from)));
    assert!(
        back.contains(&"ALTER TABLE \"t\" RESET (fillfactor)".to_owned()),
        "{back:?}"
    );
    assert!(
        back.contains(&"COMMENT ON TABLE \"t\" IS NULL".to_owned()),
        "{back:?}"
    );
}

fn with_other(kind: &str, definition: &str) -> Catalog {
    let t = table("t", &["a mood DEFAULT 'ok'::mood"]);
    let mut all = catalog(DIALECT, [t]);
    all.others.push(Other {
        kind: kind.to_owned(),
        name: "mood".to_owned(),
        definition: definition.to_owned(),
    });
    all
}

#[test]
fn words_are_added_to_a_type_and_taken_away() {
    let short = with_other("TYPE", "CREATE TYPE mood AS ENUM ('ok', 'sad')");
    let long = with_other(
        "TYPE",
        "CREATE TYPE mood AS ENUM ('top', 'ok', 'so', 'sad')",
    );
    assert_eq!(
        lines(&drafted(&short, &long)),
        [
            "ALTER TYPE \"mood\" ADD VALUE 'top' BEFORE 'ok'",
            "ALTER TYPE \"mood\" ADD VALUE 'so' AFTER 'ok'",
        ]
    );
    let back = drafted(&long, &short);
    assert_eq!(
        lines(&back),
        [
            "ALTER TYPE \"mood\" RENAME TO \"mood_before\"",
            "CREATE TYPE mood AS ENUM ('ok', 'sad')",
            "ALTER TABLE \"t\" ALTER COLUMN \"a\" DROP DEFAULT",
            "ALTER TABLE \"t\" ALTER COLUMN \"a\" TYPE mood USING \"a\"::text::mood",
            "ALTER TABLE \"t\" ALTER COLUMN \"a\" SET DEFAULT 'ok'::mood",
            "DROP TYPE \"mood_before\"",
        ]
    );
    let why = "narrows t.a: it fails where it holds 'top' or 'so'";
    assert_eq!(back.destructive().collect::<Vec<_>>(), [why]);
}

#[test]
fn sequences_and_functions_are_changed_in_place() {
    let from = with_other("SEQUENCE", "CREATE SEQUENCE \"mood\" AS bigint CACHE 5");
    let to = with_other(
        "SEQUENCE",
        "CREATE SEQUENCE \"mood\" AS integer CYCLE OWNED BY t.a",
    );
    assert_eq!(
        lines(&drafted(&from, &to)),
        [
            "ALTER SEQUENCE \"mood\" AS integer CYCLE START WITH 1 INCREMENT BY 1 NO MINVALUE NO \
             MAXVALUE CACHE 1",
            "ALTER SEQUENCE \"mood\" OWNED BY t.a",
        ]
    );
    let from = with_other("FUNCTION", "CREATE OR REPLACE FUNCTION mood() ...");
    let to = with_other("FUNCTION", "CREATE OR REPLACE FUNCTION mood() !!!");
    assert_eq!(
        lines(&drafted(&from, &to)),
        ["CREATE OR REPLACE FUNCTION mood() !!!"]
    );
}

#[test]
fn what_stands_beside_tables_is_dropped_by_its_kind() {
    let drop = |kind: &str, name: &str| {
        others::drop(&Other {
            kind: kind.to_owned(),
            name: name.to_owned(),
            definition: String::new(),
        })
    };
    assert_eq!(drop("TYPE", "mood"), "DROP TYPE IF EXISTS \"mood\"");
    assert_eq!(
        drop("FUNCTION", "f(a integer)"),
        "DROP FUNCTION IF EXISTS \"f\"(a integer)"
    );
    assert_eq!(
        drop("AGGREGATE", "f()"),
        "DROP AGGREGATE IF EXISTS \"f\"(*)"
    );
    assert_eq!(
        drop("POLICY", "own ON t"),
        "DROP POLICY IF EXISTS \"own\" ON \"t\""
    );
    assert_eq!(
        drop("CONSTRAINT", "t.c"),
        "ALTER TABLE IF EXISTS \"t\" DROP CONSTRAINT IF EXISTS \"c\""
    );
}
