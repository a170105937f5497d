//! Names are found and replaced where they are names.

use super::*;

#[test]
fn names_are_found_in_any_quotes_but_not_in_texts() {
    let mentions = |sql| mentions(Dialect::Sqlite, sql, "title");
    for sql in [
        "title <> ''",
        "length(\"title\") > 0",
        "goals.[title]",
        "`Title` = 1",
    ] {
        assert!(mentions(sql), "{sql}");
    }
    for sql in [
        "titles <> ''",
        "a = 'title'",
        "a /* title */ = 1",
        "subtitle = 1",
    ] {
        assert!(!mentions(sql), "{sql}");
    }
    assert!(mentions("a = 'does not end"), "to be safe");
}

#[test]
fn names_are_replaced_with_their_quotes() {
    let sql = "length(\"title\") > 0 AND title <> 'title' -- title";
    assert_eq!(
        replace(Dialect::Postgres, sql, "title", "name"),
        "length(\"name\") > 0 AND name <> 'title' -- title"
    );
    assert_eq!(
        replace(Dialect::Postgres, "a > 0", "a", "B c"),
        "\"B c\" > 0"
    );
    assert_eq!(replace(Dialect::MariaDb, "`a` > a", "a", "b"), "`b` > b");
}
