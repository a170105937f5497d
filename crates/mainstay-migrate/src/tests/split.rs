use mainstay::schema::Dialect::{self, MariaDb, Postgres, Sqlite};
use proptest::prelude::*;

use super::{split, statements};
use crate::dialect::Syntax;
use crate::lexer::tokens;

fn texts(dialect: Dialect, sql: &str) -> Vec<&str> {
    split(dialect, sql)
        .unwrap_or_else(|error| panic!("{error}: {sql}"))
        .into_iter()
        .map(|statement| statement.text)
        .collect()
}

#[test]
fn semicolons_end_statements_and_empty_ones_vanish() {
    let found = split(
        Sqlite,
        ";; SELECT 1 ;\n-- nothing;\n ; \n/* no; */ SELECT 2",
    )
    .expect("valid");
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].text, found[0].line), ("SELECT 1", 1));
    assert_eq!((found[1].text, found[1].line), ("SELECT 2", 4));
    assert_eq!(found[1].words, ["SELECT"]);
    assert!(split(Postgres, " -- only this").expect("valid").is_empty());
}

#[test]
fn quotes_hide_semicolons() {
    for dialect in Dialect::ALL {
        let sql = "INSERT INTO a VALUES ('it''s; fine', \"b;\"\";\"); SELECT ';'";
        assert_eq!(texts(dialect, sql).len(), 2, "{dialect:?}");
    }
    assert_eq!(texts(MariaDb, r"SELECT 'a\';', `b;`; SELECT 2").len(), 2);
    assert_eq!(texts(Sqlite, r"SELECT '\'; SELECT [a;b]").len(), 2);
    assert_eq!(
        texts(Postgres, r"SELECT E'\';'; SELECT '\'; SELECT 3").len(),
        3
    );
    assert_eq!(
        texts(Postgres, "SELECT a[1]; SELECT $1; SELECT a$b$c").len(),
        3
    );
}

#[test]
fn comments_are_each_dialects_own() {
    assert_eq!(
        texts(Postgres, "/* a /* b; */ c; */ SELECT 1; SELECT 2").len(),
        2
    );
    assert_eq!(texts(Sqlite, "/* a /* b; */ SELECT 1; SELECT 2").len(), 2);
    assert_eq!(texts(MariaDb, "# a; b\nSELECT 1").len(), 1);
    assert_eq!(texts(Postgres, "SELECT 1 # 2; SELECT 3").len(), 2);
    assert_eq!(texts(MariaDb, "SELECT 5--3; SELECT 2 -- ;").len(), 2);
    assert_eq!(texts(MariaDb, "/*!40101 SET x = 1; */; SELECT 2").len(), 2);
}

#[test]
fn dollar_quotes_hide_everything_up_to_the_same_tag() {
    let sql =
        "CREATE FUNCTION f() RETURNS int AS $b$ BEGIN; $$ ; $c$ ; END; $b$ LANGUAGE sql; SELECT 1";
    assert_eq!(texts(Postgres, sql).len(), 2);
}

#[test]
fn bodies_keep_their_semicolons() {
    let trigger = "CREATE TEMP TRIGGER t AFTER INSERT ON a WHEN CASE 1 WHEN 1 THEN 1 END BEGIN \
                   UPDATE a SET b = CASE WHEN 1 THEN 2 ELSE 3 END; DELETE FROM c; END";
    let two = format!("{trigger}; SELECT 1");
    assert_eq!(texts(Sqlite, &two), [trigger, "SELECT 1"]);
    let procedure = "CREATE PROCEDURE p() BEGIN IF a THEN BEGIN SELECT 1; END; END IF; \
                     WHILE b DO SELECT 2; END WHILE; CASE x WHEN 1 THEN SELECT 3; END CASE; \
                     SELECT CASE 1 WHEN 1 THEN 2 END; END";
    let two = format!("{procedure}; SELECT 1");
    assert_eq!(texts(MariaDb, &two), [procedure, "SELECT 1"]);
    let block = "BEGIN NOT ATOMIC SELECT 1; SELECT 2; END";
    assert_eq!(
        texts(MariaDb, &format!("{block}; SELECT 3")),
        [block, "SELECT 3"]
    );
    let atomic = "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END";
    assert_eq!(
        texts(Postgres, &format!("{atomic}; SELECT 3")),
        [atomic, "SELECT 3"]
    );
}

#[test]
fn words_that_are_names_start_no_body() {
    let sql = "CREATE TABLE event (begin INT, trigger INT); SELECT 1";
    for dialect in Dialect::ALL {
        assert_eq!(texts(dialect, sql).len(), 2, "{dialect:?}");
    }
}

#[test]
fn what_does_not_end_is_named_with_its_line() {
    let error = split(Sqlite, "SELECT 1;\n\nSELECT 'a").expect_err("open quote");
    assert_eq!(error.to_string(), "line 3: a quoted text does not end");
    let error = split(Postgres, "\n/* /* */").expect_err("open comment");
    assert_eq!(error.line, 2);
    let error = split(Postgres, "SELECT $a$ $$").expect_err("open dollar quote");
    assert!(error.what.contains("dollar"));
    let sql = "SELECT 1;\nCREATE TRIGGER t BEGIN SELECT 1;";
    let error = split(Sqlite, sql).expect_err("open body");
    assert_eq!(error.line, 2);
}

#[test]
fn a_statement_is_shown_on_one_line_and_cut() {
    let found = split(Sqlite, "SELECT\n   1,\n   2").expect("valid");
    assert_eq!(found[0].shown(), "SELECT 1, 2");
    let long = format!("SELECT {}", "column, ".repeat(50));
    assert!(split(Sqlite, &long).expect("valid")[0].shown().len() < 90);
}

/// A piece of a statement that every dialect reads as one, whatever is in it.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-dA-D_][a-d0-9_]{0,6}",
        "[0-9]{1,5}",
        "[(),.=<+]",
        "[a-z; é?]{0,8}".prop_map(|inner| format!("'{}'", inner.replace('\'', "''"))),
        "[a-z;' ]{0,8}".prop_map(|inner| format!("\"{inner}\"")),
        "[a-z; ']{0,8}".prop_map(|inner| format!("/* {inner} */")),
        "[a-z; ']{0,8}".prop_map(|inner| format!("-- {inner}\n")),
    ]
}

fn statement() -> impl Strategy<Value = String> {
    proptest::collection::vec(fragment(), 0..8).prop_map(|mut pieces| {
        pieces.insert(0, "SELECT".to_owned());
        pieces.push("END_".to_owned());
        pieces.join(" ")
    })
}

proptest! {
    #[test]
    fn statements_joined_by_semicolons_come_back(parts in proptest::collection::vec(statement(), 0..6)) {
        let sql = parts.join(" ;\n");
        for dialect in Dialect::ALL {
            prop_assert_eq!(texts(dialect, &sql), parts.clone());
        }
    }

    #[test]
    fn any_text_is_read_without_panic_and_without_loss(sql in "[-a-eE'\"`;$/*#\\[\\]\\\\(é \n]{0,40}") {
        for dialect in Dialect::ALL {
            if let Ok(found) = tokens(Syntax::of(dialect), &sql) {
                let joined: String = found.iter().map(|token| token.text).collect();
                prop_assert_eq!(joined, sql.clone());
                prop_assert!(found.iter().all(|token| !token.text.is_empty()));
            }
            let _ = statements(dialect, &sql);
        }
    }
}
