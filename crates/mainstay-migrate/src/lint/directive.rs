//! The directives of a migration's text: line comments that begin with `-- mainstay:`.

use mainstay::schema::Dialect;

use crate::dialect::Syntax;
use crate::lexer::{Kind, tokens};

/// What a comment asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Directive {
    /// `no-transaction`: the statements run each by itself.
    NoTransaction,
    /// `lock-timeout 5s`.
    LockTimeout,
    /// `irreversible because REASON`: there is no way down.
    Irreversible,
    /// `rebuild TABLE`: SQLite makes the table anew, with foreign keys off meanwhile.
    Rebuild { table: String },
    /// `ignore RULE because REASON`.
    Ignore {
        rule: String,
        reason: Option<String>,
    },
    /// One that says nothing to the lint.
    Other,
}

/// A directive and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) directive: Directive,
    /// In bytes.
    pub(super) at: usize,
    /// Counted from 1.
    pub(super) line: usize,
}

/// All directives of a text that can be read; none of one that cannot.
pub(super) fn directives(dialect: Dialect, sql: &str) -> Vec<Placed> {
    let all = tokens(Syntax::of(dialect), sql).unwrap_or_default();
    all.iter()
        .filter(|token| token.kind == Kind::Comment)
        .filter_map(|token| {
            Some(Placed {
                directive: directive(token.text)?,
                at: token.at,
                line: sql[..token.at].matches('\n').count() + 1,
            })
        })
        .collect()
}

fn directive(comment: &str) -> Option<Directive> {
    let text = comment.strip_prefix("--")?.trim();
    let text = text.strip_prefix("mainstay:")?.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    Some(match word {
        "no-transaction" => Directive::NoTransaction,
        "lock-timeout" => Directive::LockTimeout,
        "irreversible" => Directive::Irreversible,
        "rebuild" => Directive::Rebuild {
            table: rest.trim().trim_matches('"').to_lowercase(),
        },
        "ignore" => ignore(rest),
        _ => Directive::Other,
    })
}

fn ignore(rest: &str) -> Directive {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let because = words.iter().position(|word| *word == "because");
    let (rule, reason) = match because {
        Some(at) => (words[..at].join(" "), words[at + 1..].join(" ")),
        None => (words.join(" "), String::new()),
    };
    Directive::Ignore {
        rule,
        reason: Some(reason).filter(|reason| !reason.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str) -> Vec<Directive> {
        let found = directives(Dialect::Postgres, sql);
        found.into_iter().map(|placed| placed.directive).collect()
    }

    #[test]
    fn directives_are_line_comments_with_the_name_in_front() {
        let sql = "-- mainstay: no-transaction\n--mainstay: lock-timeout 5s\n\
                   -- see mainstay: no-transaction\n/* mainstay: no-transaction */\n\
                   SELECT '-- mainstay: no-transaction' -- mainstay: irreversible because gone\n\
                   -- mainstay: rebuild \"Goals\"";
        let expected = [
            Directive::NoTransaction,
            Directive::LockTimeout,
            Directive::Irreversible,
            Directive::Rebuild {
                table: "goals".to_owned(),
            },
        ];
        assert_eq!(of(sql), expected);
        let placed = directives(Dialect::MariaDb, "SELECT 1;\n-- mainstay: later 1");
        assert_eq!(placed[0].line, 2);
        assert_eq!(placed[0].directive, Directive::Other);
    }

    #[test]
    fn an_ignore_has_a_rule_and_a_reason() {
        let ignore = |rule: &str, reason: Option<&str>| Directive::Ignore {
            rule: rule.to_owned(),
            reason: reason.map(str::to_owned),
        };
        let sql = "-- mainstay: ignore drop-table because nobody  reads it";
        assert_eq!(of(sql), [ignore("drop-table", Some("nobody reads it"))]);
        assert_eq!(of("-- mainstay: ignore a"), [ignore("a", None)]);
        assert_eq!(of("-- mainstay: ignore a because"), [ignore("a", None)]);
        assert_eq!(of("-- mainstay: ignore"), [ignore("", None)]);
    }
}
