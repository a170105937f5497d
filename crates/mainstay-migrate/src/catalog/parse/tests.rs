use mainstay::schema::Dialect::{self, Postgres, Sqlite};
use proptest::prelude::*;

use super::constraint::Constraint;
use super::rules::Rules;
use super::table::Parsed;
use super::text::{bare, canonical, of_type, spread_casts};
use super::*;
use crate::catalog::{Identity, postgres, sqlite};

fn table_of(sql: &str) -> Parsed {
    table::read(sqlite::RULES, sql).expect("the table is understood")
}

fn spaced(dialect: Dialect, sql: &str) -> String {
    canonical(&significant(dialect, sql).expect("tokens"))
}

#[test]
fn names_are_quoted_in_four_ways() {
    let table = table_of(
        "CREATE TABLE \"a b\" (plain INT, \"dou\"\"ble\" INT, `back``tick` INT, [brac ket] INT, \
         'single''s' INT)",
    );
    let names: Vec<_> = table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["plain", "dou\"ble", "back`tick", "brac ket", "single's"]
    );
}

#[test]
fn everything_a_column_can_say() {
    let table = table_of(
        "CREATE TABLE t (
            id INTEGER CONSTRAINT t_key PRIMARY KEY ON CONFLICT REPLACE AUTOINCREMENT NOT NULL,
            -- a comment, with a comma
            code VARCHAR ( 20 , 1 ) COLLATE nocase CONSTRAINT code_once UNIQUE ON CONFLICT IGNORE,
            at /* here ) too */ TEXT NOT NULL ON CONFLICT FAIL DEFAULT CURRENT_TIMESTAMP,
            low INT DEFAULT -5 CHECK(low<0) CHECK (low > (-10)),
            half REAL DEFAULT .5, word TEXT DEFAULT 'it''s', sum INT DEFAULT (1+ 2),
            nothing TEXT NULL DEFAULT NULL,
            parent INT CONSTRAINT up REFERENCES [the parent](id) ON DELETE SET NULL
                ON UPDATE CASCADE MATCH FULL DEFERRABLE INITIALLY DEFERRED,
            other INT REFERENCES other NOT DEFERRABLE,
            twice INT GENERATED ALWAYS AS (low*2) STORED, thrice AS (low * 3),
            key TEXT, untyped)",
    );
    let column = |name: &str| {
        let found = table.columns.iter().find(|column| column.name == name);
        found.expect("the column").clone()
    };
    assert_eq!(table.columns.len(), 14);
    let key = table.primary_key.as_ref().expect("a key");
    assert_eq!(key.name.as_deref(), Some("t_key"));
    assert_eq!(key.columns, ["id"]);
    assert_eq!(key.options, ["ON CONFLICT REPLACE"]);
    assert_eq!(column("id").identity, Some(Identity::AutoIncrement));
    assert!(!column("id").nullable);
    assert_eq!(column("code").ty, "VARCHAR(20,1)");
    assert_eq!(column("code").collation.as_deref(), Some("nocase"));
    assert_eq!(table.uniques[0].name.as_deref(), Some("code_once"));
    assert_eq!(table.uniques[0].options, ["ON CONFLICT IGNORE"]);
    assert_eq!(column("at").default.as_deref(), Some("CURRENT_TIMESTAMP"));
    assert!(!column("at").nullable);
    assert_eq!(column("low").default.as_deref(), Some("-5"));
    assert_eq!(column("half").default.as_deref(), Some(".5"));
    assert_eq!(column("word").default.as_deref(), Some("'it''s'"));
    assert_eq!(column("sum").default.as_deref(), Some("(1 + 2)"));
    assert_eq!(column("nothing").default, None);
    assert!(column("nothing").nullable);
    let conditions: Vec<_> = table
        .checks
        .iter()
        .map(|check| check.condition.as_str())
        .collect();
    assert_eq!(conditions, ["low < 0", "low > (-10)"]);
    let [up, other] = table.foreign_keys.as_slice() else {
        panic!("two foreign keys");
    };
    assert_eq!(
        (up.name.as_deref(), up.references.as_str()),
        (Some("up"), "the parent")
    );
    assert_eq!(
        (up.on_delete.as_str(), up.on_update.as_str()),
        ("SET NULL", "CASCADE")
    );
    assert_eq!(up.options, ["MATCH FULL", "DEFERRABLE INITIALLY DEFERRED"]);
    assert_eq!(
        (other.on_delete.as_str(), other.options.len()),
        ("NO ACTION", 0)
    );
    assert!(other.referenced_columns.is_empty());
    let twice = column("twice").generated.expect("computed");
    assert_eq!((twice.expression.as_str(), twice.stored), ("low * 2", true));
    let thrice = column("thrice").generated.expect("computed");
    assert_eq!(
        (thrice.expression.as_str(), thrice.stored),
        ("low * 3", false)
    );
    assert_eq!(
        (column("key").ty.as_str(), column("untyped").ty.as_str()),
        ("TEXT", "")
    );
}

#[test]
fn constraints_of_a_table_need_no_names_and_no_commas() {
    let table = table_of(
        "create table main.t(a,b,c,primary key(a,b desc),constraint u unique(b collate nocase)\
         constraint k check((a>0)and(b in(1,2)))constraint nothing,foreign key(a,b)references \
         p(x,y)on delete cascade on update no action deferrable initially immediate)\
         without rowid, strict",
    );
    let key = table.primary_key.expect("a key");
    assert_eq!(key.name, None);
    assert_eq!(key.columns, ["a", "b"]);
    assert_eq!(key.options, ["(\"a\", \"b\" DESC)"]);
    assert_eq!(table.uniques[0].options, ["(\"b\" COLLATE nocase)"]);
    assert_eq!(table.checks[0].condition, "(a > 0) and (b in (1, 2))");
    let foreign = &table.foreign_keys[0];
    assert_eq!(foreign.columns, ["a", "b"]);
    assert_eq!(foreign.referenced_columns, ["x", "y"]);
    assert_eq!(
        (foreign.on_delete.as_str(), foreign.on_update.as_str()),
        ("CASCADE", "NO ACTION")
    );
    assert_eq!(foreign.options, ["DEFERRABLE"]);
    assert_eq!(table.tail, "without rowid, strict");
}

#[test]
fn a_key_of_the_table_may_say_that_its_column_counts_up() {
    let table = table_of("CREATE TABLE t (\"Id\" INTEGER, PRIMARY KEY(\"id\" AUTOINCREMENT))");
    assert_eq!(table.columns[0].identity, Some(Identity::AutoIncrement));
    let key = table.primary_key.expect("a key");
    assert_eq!(
        (key.columns, key.options),
        (vec!["id".to_owned()], Vec::new())
    );
}

#[test]
fn indexes_of_sqlite() {
    let read = |sql: &str| index::read(sqlite::RULES, sql).expect("the index is understood");
    let index = read(
        "CREATE UNIQUE INDEX [an index] ON 't' (a COLLATE NOCASE DESC, lower(b) || 'x' ASC, \"c\", \
         (d + 1) DESC) WHERE (a IS NOT NULL AND b>0)",
    );
    assert!(index.unique && index.valid);
    assert_eq!(index.name, "an index");
    let parts: Vec<_> = index
        .parts
        .iter()
        .map(|part| (part.what.as_str(), part.is_column, part.suffix.as_deref()))
        .collect();
    assert_eq!(
        parts,
        [
            ("a", true, Some("COLLATE NOCASE DESC")),
            ("(lower(b) || 'x')", false, None),
            ("c", true, None),
            ("(d + 1)", false, Some("DESC")),
        ]
    );
    assert_eq!(index.condition.as_deref(), Some("a IS NOT NULL AND b > 0"));
    assert_eq!(index.method, None);
}

#[test]
fn indexes_of_postgres() {
    let read =
        |sql: &str| index::read(postgres::rules::RULES, sql).expect("the index is understood");
    let index = read(
        "CREATE UNIQUE INDEX i ON ONLY public.t USING btree (lower(a::text) COLLATE \"C\" \
         text_pattern_ops DESC NULLS LAST, \"B\", ((b + 1))) INCLUDE (c, \"d e\") NULLS NOT DISTINCT \
         WITH (fillfactor='70') WHERE b > 0",
    );
    assert_eq!(index.parts[0].what, "(lower(a::text))");
    assert_eq!(
        index.parts[0].suffix.as_deref(),
        Some("COLLATE \"C\" text_pattern_ops DESC NULLS LAST")
    );
    assert_eq!(
        (index.parts[1].what.as_str(), index.parts[1].is_column),
        ("B", true)
    );
    assert_eq!(index.parts[2].what, "(b + 1)");
    assert_eq!(index.include, ["c", "d e"]);
    assert_eq!(
        index.method.as_deref(),
        Some("btree NULLS NOT DISTINCT WITH (fillfactor = '70')")
    );
    assert_eq!(index.condition.as_deref(), Some("b > 0"));
    let index = read("CREATE INDEX i ON t USING gist (body tsvector_ops (siglen='32'), s.f(x))");
    assert_eq!(index.method.as_deref(), Some("gist"));
    assert_eq!(
        index.parts[0].suffix.as_deref(),
        Some("tsvector_ops (siglen='32')")
    );
    assert_eq!(index.parts[1].what, "(s.f(x))");
}

#[test]
fn constraints_of_postgres() {
    let read = |sql: &str| {
        let tokens = significant(Postgres, sql).expect("tokens");
        let mut cursor = Cursor::new(&tokens);
        let found = constraint::read(postgres::rules::RULES, &mut cursor).expect("understood");
        assert!(cursor.is_at_end(), "{sql}");
        found.expect("a constraint")
    };
    let Constraint::Unique(key) =
        read("UNIQUE NULLS NOT DISTINCT (a, \"B\") INCLUDE (c) DEFERRABLE INITIALLY DEFERRED")
    else {
        panic!("a unique constraint");
    };
    assert_eq!(key.columns, ["a", "B"]);
    assert_eq!(
        key.options,
        [
            "NULLS NOT DISTINCT",
            "INCLUDE (c)",
            "DEFERRABLE INITIALLY DEFERRED"
        ]
    );
    let Constraint::Foreign(key) = read(
        "FOREIGN KEY (a, b) REFERENCES other.t(x, y) MATCH FULL ON UPDATE CASCADE \
         ON DELETE SET NULL (a) NOT VALID",
    ) else {
        panic!("a foreign key");
    };
    assert_eq!(key.references, "t");
    assert_eq!(
        key.options,
        ["IN SCHEMA other", "MATCH FULL", "(a)", "NOT VALID"]
    );
    let Constraint::Check(check) = read("CHECK ((a > 0 AND b ~ '^x'::text)) NO INHERIT NOT VALID")
    else {
        panic!("a check");
    };
    assert_eq!(check.condition, "a > 0 AND b ~ '^x'::text");
    assert_eq!(check.options, ["NO INHERIT", "NOT VALID"]);
}

#[test]
fn what_is_not_understood_is_an_error_and_not_a_guess() {
    for sql in [
        "CREATE TABLE t",
        "CREATE TABLE t (a INT, CHECK)",
        "CREATE TABLE t (a INT, FOREIGN KEY (a))",
        "CREATE TABLE t (a INT, CONSTRAINT x UNIQUE (a) SOMEHOW)",
        "CREATE TABLE t (a INT REFERENCES b ON DELETE PERHAPS)",
        "CREATE TABLE t (a TEXT DEFAULT 'open)",
    ] {
        let error = table::read(sqlite::RULES, sql).expect_err(sql);
        let error = error.of("t");
        assert!(error.to_string().contains("the definition of t"), "{error}");
    }
}

#[test]
fn text_has_one_form() {
    for (dialect, sql, form) in [
        (Sqlite, "a>0   AND(b<-1)", "a > 0 AND (b < -1)"),
        (Sqlite, "- 1 + - 2-3", "-1 + -2 - 3"),
        (Sqlite, "length ( \"a\" )<=3", "length(\"a\") <= 3"),
        (Sqlite, "a IN(1,2 , -3)", "a IN (1, 2, -3)"),
        (Sqlite, "a . b || 'x  y' /* z */", "a.b || 'x  y'"),
        (Sqlite, "count( * )", "count(*)"),
        (
            Sqlite,
            "\"f\" (x) BETWEEN -1 AND 1",
            "\"f\"(x) BETWEEN -1 AND 1",
        ),
        (
            Postgres,
            "a :: text=ANY(ARRAY ['x' :: text , b [ 1 ]])",
            "a::text = ANY (ARRAY['x'::text, b[1]])",
        ),
        (Postgres, "a::numeric(10,2)", "a::numeric(10, 2)"),
        (
            Postgres,
            "CASE\n  WHEN a THEN -1\n END",
            "CASE WHEN a THEN -1 END",
        ),
    ] {
        assert_eq!(spaced(dialect, sql), form);
        assert_eq!(spaced(dialect, form), form, "again");
    }
}

#[test]
fn parentheses_around_all_of_it_go() {
    for (sql, form) in [
        ("((a > 0))", "a > 0"),
        ("(a) = (b)", "(a) = (b)"),
        ("(a) AND (b)", "(a) AND (b)"),
        ("()", "()"),
        ("(a", "(a"),
    ] {
        let tokens = significant(Sqlite, sql).expect("tokens");
        assert_eq!(canonical(bare(&tokens)), form);
    }
}

#[test]
fn types_are_written_closely() {
    for (sql, form) in [
        ("varchar ( 20 )", "varchar(20)"),
        ("decimal( 10 , 2 ) unsigned", "decimal(10,2) unsigned"),
        ("enum('a b' , 'c')", "enum('a b','c')"),
        ("double  precision", "double precision"),
    ] {
        assert_eq!(
            of_type(&significant(Dialect::MariaDb, sql).expect("tokens")),
            form
        );
    }
}

#[test]
fn the_cast_of_a_list_is_spread_over_its_elements() {
    for (sql, form) in [
        (
            "s::text = ANY (ARRAY['a'::character varying, 'b'::character varying]::text[])",
            "s::text = ANY (ARRAY['a'::character varying::text, 'b'::character varying::text])",
        ),
        (
            "ARRAY[a || 'x', f(b, c)]::varchar(3)[]",
            "ARRAY[(a || 'x')::varchar(3), f(b, c)::varchar(3)]",
        ),
        ("ARRAY['a'::text, 'b'::text]", "ARRAY['a'::text, 'b'::text]"),
        (
            "'ARRAY[1]::text[]' || $$ARRAY[1]::text[]$$",
            "'ARRAY[1]::text[]' || $$ARRAY[1]::text[]$$",
        ),
        (
            "ARRAY[1]::s.\"T\"[] , ARRAY[2]::int[]",
            "ARRAY[1::s.\"T\"] , ARRAY[2::int]",
        ),
        ("ARRAY[1]::int", "ARRAY[1]::int"),
    ] {
        assert_eq!(spread_casts(Postgres, sql), form);
        assert_eq!(spread_casts(Postgres, form), form, "again");
    }
}

/// Some expression that has every kind of token.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-e]",
        "[0-9]{1,3}",
        "'[a-z ()]{0,4}'",
        "\"[a-z )]{1,4}\"",
        Just("NULL".to_owned()),
        Just("-1".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), "[-+<>=*]|AND|OR|\\|\\|", inner.clone())
                .prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("coalesce( {a},{b} )")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("{a} IN({b} , 1)")),
        ]
    })
}

fn rules() -> Rules {
    sqlite::RULES
}

proptest! {
    #[test]
    fn any_expression_is_found_whole(expression in expression(), default in expression()) {
        let sql = format!(
            "CREATE TABLE t (a INT DEFAULT ({default}) CHECK ({expression}), b TEXT, \
             CONSTRAINT c CHECK ({expression}), FOREIGN KEY (a) REFERENCES u)"
        );
        let table = table::read(rules(), &sql).expect("understood");
        prop_assert_eq!(table.columns.len(), 2);
        prop_assert_eq!(table.checks.len(), 2);
        prop_assert_eq!(table.foreign_keys.len(), 1);
        let tokens = significant(Sqlite, &expression).expect("tokens");
        let form = canonical(bare(&tokens));
        prop_assert_eq!(&table.checks[0].condition, &form);
        // Nothing but space is lost, and the form is its own form.
        let texts = |tokens: &[Token<'_>]| -> Vec<String> { tokens.iter().map(|t| t.text.to_owned()).collect() };
        let again = significant(Sqlite, &form).expect("tokens");
        prop_assert_eq!(texts(bare(&tokens)), texts(&again));
        prop_assert_eq!(canonical(&again), form);
    }
}
