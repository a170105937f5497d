//! The fingerprint of a migration: over its tokens, so that comments and white space may change
//! and meaning may not.

use mainstay::schema::Dialect;

use crate::split::{SplitError, statements};

/// The version of the way in which fingerprints are made. A new way gets a new one, and old
/// fingerprints are still compared in theirs.
const VERSION: &str = "v1:";

/// The fingerprint of a text: `v1:` and a BLAKE3 hash of its tokens, statement by statement.
///
/// Upper and lower case count, because names may depend on them. Comments that a server runs
/// (`/*! */`) count too.
///
/// # Errors
/// When a quote, a comment or a body does not end.
pub fn checksum(dialect: Dialect, sql: &str) -> Result<String, SplitError> {
    let mut hasher = blake3::Hasher::new();
    for statement in statements(dialect, sql)? {
        // Lengths in front, so that no two lists of tokens read as the same bytes.
        hasher.update(&(statement.len() as u64).to_le_bytes());
        for token in statement {
            hasher.update(&(token.text.len() as u64).to_le_bytes());
            hasher.update(token.text.as_bytes());
        }
    }
    Ok(format!("{VERSION}{}", hasher.finalize().to_hex()))
}

/// Whether a recorded fingerprint was made in a way this version knows.
pub(crate) fn is_known(recorded: &str) -> bool {
    recorded.starts_with(VERSION)
}

#[cfg(test)]
mod tests {
    use mainstay::schema::Dialect::{MariaDb, Postgres, Sqlite};
    use proptest::prelude::*;

    use super::*;

    fn of(dialect: Dialect, sql: &str) -> String {
        checksum(dialect, sql).expect("the text can be split")
    }

    #[test]
    fn comments_space_and_the_last_semicolon_do_not_matter() {
        let a = "CREATE TABLE a (b INT);\nINSERT INTO a VALUES (-1)";
        let b = "-- first\nCREATE  TABLE a(b INT) ;; /* then */ INSERT INTO a VALUES ( - 1 );\n";
        for dialect in Dialect::ALL {
            assert_eq!(of(dialect, a), of(dialect, b));
            assert!(of(dialect, a).starts_with("v1:"));
        }
        assert_eq!(of(Postgres, "SELECT a=-1"), of(Postgres, "SELECT a = - 1"));
        assert_eq!(of(Sqlite, "SELECT a=-1"), of(Sqlite, "SELECT a = - 1"));
    }

    #[test]
    fn meaning_matters() {
        let different = [
            "SELECT a b",
            "SELECT ab",
            "SELECT 'a b'",
            "SELECT 'a  b'",
            "SELECT 'a' 'b'",
            "SELECT 'a''b'",
            "SELECT a; SELECT b",
            "SELECT a SELECT b",
            "SELECT A b",
            "SELECT a < = b",
            "SELECT a <= b",
            "SELECT 1.5",
            "SELECT 1 .5",
        ];
        for dialect in Dialect::ALL {
            let mut sums: Vec<_> = different.iter().map(|sql| of(dialect, sql)).collect();
            sums.sort();
            sums.dedup();
            assert_eq!(sums.len(), different.len(), "{dialect:?}");
        }
    }

    #[test]
    fn a_comment_that_is_run_counts() {
        assert_ne!(
            of(MariaDb, "SELECT 1 /*! + 1 */"),
            of(MariaDb, "SELECT 1 /*! + 2 */")
        );
        assert_eq!(
            of(Sqlite, "SELECT 1 /*! + 1 */"),
            of(Sqlite, "SELECT 1 /*! + 2 */")
        );
    }

    proptest! {
        #[test]
        fn only_tokens_count(words in proptest::collection::vec("[a-z]{1,4}|'[a-z; -]{0,5}'|[(),]", 1..12),
                             change in 0_usize..12) {
            let plain = words.join(" ");
            let commented = words.join(" /* x; */\n-- y\n");
            let mut other = words.clone();
            let at = change % other.len();
            other[at] = "changed_".to_owned();
            for dialect in Dialect::ALL {
                prop_assert_eq!(of(dialect, &plain), of(dialect, &commented));
                prop_assert_ne!(of(dialect, &plain), of(dialect, &other.join(" ")));
            }
        }
    }
}
