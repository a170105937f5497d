//! The fingerprint of a migration: over its tokens and directives, so that comments and white
//! space may change and meaning may not.

use mainstay::schema::Dialect;

use crate::directive::{TextError, directives};
use crate::split::{SplitError, statements};

/// The version of the way in which fingerprints are made: tokens and directives. A new way gets a
/// new one, and old fingerprints are still compared in theirs.
const VERSION: &str = "v2:";

/// The way before: tokens alone.
const TOKENS_ONLY: &str = "v1:";

/// The fingerprint of a text: `v2:` and a BLAKE3 hash of its tokens, statement by statement, and
/// of its [directives](crate::directive), but for those that only the lint reads.
///
/// Upper and lower case count, because names may depend on them. Comments that a server runs
/// (`/*! */`) count too.
///
/// # Errors
/// When a quote, a comment or a body does not end, or a directive is wrong.
pub fn checksum(dialect: Dialect, sql: &str) -> Result<String, TextError> {
    let mut hasher = of_tokens(dialect, sql)?;
    for directive in directives(dialect, sql)?.in_checksum() {
        hasher.update(&(directive.len() as u64).to_le_bytes());
        hasher.update(directive.as_bytes());
    }
    Ok(format!("{VERSION}{}", hasher.finalize().to_hex()))
}

/// The fingerprint of one statement, or of a text without regard to its directives.
pub(crate) fn of_statements(dialect: Dialect, sql: &str) -> Result<String, SplitError> {
    let hasher = of_tokens(dialect, sql)?;
    Ok(format!("{TOKENS_ONLY}{}", hasher.finalize().to_hex()))
}

fn of_tokens(dialect: Dialect, sql: &str) -> Result<blake3::Hasher, SplitError> {
    let mut hasher = blake3::Hasher::new();
    for statement in statements(dialect, sql)? {
        // Lengths in front, so that no two lists of tokens read as the same bytes.
        hasher.update(&(statement.len() as u64).to_le_bytes());
        for token in statement {
            hasher.update(&(token.text.len() as u64).to_le_bytes());
            hasher.update(token.text.as_bytes());
        }
    }
    Ok(hasher)
}

/// What comparing a text with a recorded fingerprint gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// The text is the one that was recorded.
    Same,
    /// It is another one.
    Differs,
    /// The fingerprint was made in a way that this version does not know.
    Unknown,
}

/// Compares a text with a recorded fingerprint, in the way in which that was made.
pub(crate) fn compare(
    recorded: &str,
    dialect: Dialect,
    sql: &str,
) -> Result<Comparison, TextError> {
    let current = if recorded.starts_with(VERSION) {
        checksum(dialect, sql)?
    } else if recorded.starts_with(TOKENS_ONLY) {
        of_statements(dialect, sql)?
    } else {
        return Ok(Comparison::Unknown);
    };
    Ok(match recorded == current {
        true => Comparison::Same,
        false => Comparison::Differs,
    })
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
            assert!(of(dialect, a).starts_with("v2:"));
        }
        assert_eq!(of(Postgres, "SELECT a=-1"), of(Postgres, "SELECT a = - 1"));
        assert_eq!(of(Sqlite, "SELECT a=-1"), of(Sqlite, "SELECT a = - 1"));
    }

    #[test]
    fn directives_count_but_for_those_of_the_lint() {
        let plain = of(Postgres, "SELECT 1");
        let with = |directive: &str| of(Postgres, &format!("-- mainstay: {directive}\nSELECT 1"));
        assert_ne!(plain, with("no-transaction"));
        assert_ne!(with("lock-timeout 1s"), with("lock-timeout 2s"));
        assert_eq!(with("lock-timeout 1s"), with("lock-timeout  1000ms"));
        assert_eq!(plain, with("ignore a-rule because it is known"));
    }

    #[test]
    fn a_fingerprint_is_compared_in_the_way_it_was_made() {
        let text = "-- mainstay: no-transaction\nSELECT 1";
        let older = of_statements(Postgres, "SELECT 1").expect("valid");
        let same = |recorded: &str| compare(recorded, Postgres, text).expect("valid");
        assert_eq!(same(&older), Comparison::Same);
        assert_eq!(same(&of(Postgres, text)), Comparison::Same);
        assert_eq!(same(&of(Postgres, "SELECT 1")), Comparison::Differs);
        assert_eq!(same("v1:other"), Comparison::Differs);
        assert_eq!(same("v9:later"), Comparison::Unknown);
        assert_eq!(same(""), Comparison::Unknown);
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
