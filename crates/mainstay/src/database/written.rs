//! What the text of hand-written SQL says of what it does.

use crate::driver::statement::begins_with;

/// Whether hand-written SQL that returns rows only reads, as far as its first word tells.
pub(crate) fn only_reads(text: &str) -> bool {
    begins_with(
        text,
        &["SELECT", "VALUES", "SHOW", "EXPLAIN", "DESCRIBE", "TABLE"],
    )
}

/// Whether a text says which tables it changes: other statements, CALL for one, may change any.
pub(super) fn names_its_tables(text: &str) -> bool {
    begins_with(
        text,
        &[
            "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "MERGE", "TRUNCATE",
        ],
    )
}

/// Whether a name stands in a text as a word of its own.
pub(super) fn mentions(text: &str, name: &str) -> bool {
    let part = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let (text, name) = (text.as_bytes(), name.as_bytes());
    text.windows(name.len().max(1))
        .enumerate()
        .filter(|(_, window)| window.eq_ignore_ascii_case(name))
        .any(|(at, _)| {
            let before = at.checked_sub(1).and_then(|at| text.get(at));
            !part(before) && !part(text.get(at + name.len()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_of_their_own() {
        for (text, found) in [
            ("UPDATE users SET name = ?", true),
            ("update \"USERS\" set name = ?", true),
            ("DELETE FROM app.users", true),
            ("UPDATE users_old SET name = ?", false),
            ("UPDATE superusers SET name = ?", false),
            ("users", true),
            ("", false),
        ] {
            assert_eq!(mentions(text, "users"), found, "{text}");
        }
    }

    #[test]
    fn statements_are_told_apart_by_their_first_word() {
        assert!(only_reads("  select 1"));
        for text in [
            "WITH a AS (DELETE FROM t RETURNING 1) SELECT 1",
            "CALL p()",
            "INSERT",
        ] {
            assert!(!only_reads(text), "{text}");
        }
        assert!(names_its_tables("with a as (select 1) delete from t"));
        for text in ["CALL p()", "DO $$ BEGIN END $$", "DROP TABLE t", ""] {
            assert!(!names_its_tables(text), "{text}");
        }
    }
}
