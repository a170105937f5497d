//! What a migration says of itself, in comments: `-- mainstay: no-transaction`.
//!
//! Each stands on a line of its own, or behind code, and holds for the whole text:
//!
//! | Directive | Meaning |
//! |---|---|
//! | `no-transaction` | statement by statement, for what cannot run in a transaction |
//! | `lock-timeout 5s` | the longest a statement may wait for a lock |
//! | `statement-timeout 30s` | the longest a statement may take |
//! | `irreversible because REASON` | it cannot be undone |
//! | `rebuild TABLE` | SQLite: a table is made anew, with foreign keys off meanwhile |
//! | `replaces FIRST..LAST` | it stands for the migrations of these versions |
//! | `ignore RULE because REASON` | for the lint; means nothing here |

use std::fmt;
use std::time::Duration;

use mainstay::schema::Dialect;
use serde::Serialize;

use crate::dialect::Syntax;
use crate::lexer::{Kind, tokens};
use crate::split::{SplitError, line_of};

/// The word that every directive starts with.
const MARK: &str = "mainstay";

const NAMES: [&str; 7] = [
    "no-transaction",
    "lock-timeout",
    "statement-timeout",
    "irreversible",
    "rebuild",
    "replaces",
    "ignore",
];

/// All that a text says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Directives {
    /// It must not run in a transaction.
    pub no_transaction: bool,
    /// The longest one of its statements may wait for a lock.
    pub lock_timeout: Option<Duration>,
    /// The longest one of its statements may take.
    pub statement_timeout: Option<Duration>,
    /// Why it cannot be undone.
    pub irreversible: Option<String>,
    /// The tables it makes anew.
    pub rebuild: Vec<String>,
    /// The migrations it stands for.
    pub replaces: Option<Replaces>,
    /// What the lint is to pass over.
    pub ignores: Vec<Ignore>,
}

/// The migrations that another one stands for: those of these versions and between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replaces {
    /// The oldest.
    pub first: String,
    /// The newest.
    pub last: String,
}

impl Replaces {
    /// Whether it stands for the migration of a version.
    pub fn covers(&self, version: &str) -> bool {
        self.first.as_str() <= version && version <= self.last.as_str()
    }
}

/// A rule that the lint is to pass over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ignore {
    /// The rule.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// The line it stands on, counted from 1.
    pub line: usize,
}

/// What is wrong with a migration's text, and on which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for TextError {}

impl From<SplitError> for TextError {
    fn from(error: SplitError) -> Self {
        Self {
            line: error.line,
            what: error.what.to_owned(),
        }
    }
}

/// Reads the directives of a text.
///
/// # Errors
/// When one is misspelt, says something that cannot be, or stands twice; when a quote or a comment
/// does not end.
///
/// ```
/// use mainstay::schema::Dialect;
/// use mainstay_migrate::directive::directives;
///
/// let text = "-- mainstay: lock-timeout 5s\nALTER TABLE goals ADD COLUMN note TEXT";
/// let found = directives(Dialect::Postgres, text)?;
/// assert_eq!(found.lock_timeout, Some(std::time::Duration::from_secs(5)));
/// assert!(directives(Dialect::Postgres, "-- mainstay: lock-timout 5s").is_err());
/// # Ok::<(), mainstay_migrate::directive::TextError>(())
/// ```
pub fn directives(dialect: Dialect, sql: &str) -> Result<Directives, TextError> {
    let mut out = Directives::default();
    let all = tokens(Syntax::of(dialect), sql).map_err(|unclosed| TextError {
        line: line_of(sql, unclosed.at),
        what: unclosed.what.to_owned(),
    })?;
    for token in all.iter().filter(|token| token.kind == Kind::Comment) {
        let line = line_of(sql, token.at);
        if let Err(what) = note(&mut out, token.text, line) {
            return Err(TextError { line, what });
        }
    }
    Ok(out)
}

/// Reads one comment.
fn note(out: &mut Directives, comment: &str, line: usize) -> Result<(), String> {
    let (inner, is_line) = match comment.strip_prefix("--") {
        Some(inner) => (inner, true),
        None => (comment.trim_start_matches(['#', '/', '*']), false),
    };
    let Some(said) = after_mark(inner.trim()) else {
        return Ok(());
    };
    if !is_line {
        return Err(format!("a directive is written as -- {MARK}: ..."));
    }
    let Some(said) = said.strip_prefix(':') else {
        // Prose may begin with the word, too.
        let next = said.split_whitespace().next().unwrap_or_default();
        return match NAMES.contains(&next) {
            true => Err(format!("write -- {MARK}: {next}, with a colon")),
            false => Ok(()),
        };
    };
    let (name, rest) = match said.trim().split_once(char::is_whitespace) {
        Some((name, rest)) => (name, rest.trim()),
        None => (said.trim(), ""),
    };
    let once = |is_there: bool| match is_there {
        true => Err(format!("the directive {name} stands twice")),
        false => Ok(()),
    };
    match name {
        "no-transaction" => {
            if !rest.is_empty() {
                return Err(format!("{name} stands alone, without {rest:?}"));
            }
            once(out.no_transaction)?;
            out.no_transaction = true;
        }
        "lock-timeout" => {
            once(out.lock_timeout.is_some())?;
            out.lock_timeout = Some(duration(name, rest)?);
        }
        "statement-timeout" => {
            once(out.statement_timeout.is_some())?;
            out.statement_timeout = Some(duration(name, rest)?);
        }
        "irreversible" => {
            once(out.irreversible.is_some())?;
            let reason = because(name, rest.strip_prefix("because"))?;
            out.irreversible = Some(reason);
        }
        "rebuild" => {
            let table = rest.trim_matches('"').to_owned();
            if table.is_empty() || rest.split_whitespace().count() != 1 {
                return Err(format!("{name} names one table: {name} TABLE"));
            }
            once(out.rebuild.contains(&table))?;
            out.rebuild.push(table);
        }
        "replaces" => {
            once(out.replaces.is_some())?;
            out.replaces = Some(range(rest)?);
        }
        "ignore" => {
            let (rule, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            if rule.is_empty() || rule == "because" {
                return Err("ignore names a rule: ignore RULE because REASON".to_owned());
            }
            let reason = because("ignore RULE", rest.trim().strip_prefix("because"))?;
            out.ignores.push(Ignore {
                rule: rule.to_owned(),
                reason,
                line,
            });
        }
        _ => {
            return Err(format!(
                "there is no directive {name:?}; there are {}",
                NAMES.join(", ")
            ));
        }
    }
    Ok(())
}

/// What follows the mark, if the text begins with it as a word.
fn after_mark(text: &str) -> Option<&str> {
    let head = text.get(..MARK.len())?;
    let rest = &text[MARK.len()..];
    let ends = rest.starts_with(':') || rest.starts_with(char::is_whitespace);
    (head.eq_ignore_ascii_case(MARK) && ends).then(|| rest.trim_start())
}

fn because(name: &str, rest: Option<&str>) -> Result<String, String> {
    let words: Vec<&str> = rest.unwrap_or_default().split_whitespace().collect();
    if words.is_empty() {
        return Err(format!("{name} needs a reason: {name} because REASON"));
    }
    Ok(words.join(" "))
}

/// `500ms`, `5s`, `2min`, `1h`.
fn duration(name: &str, text: &str) -> Result<Duration, String> {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let (number, unit) = text.split_at(text.len() - digits.len());
    let factor = match unit.trim() {
        "ms" => Some(1),
        "s" => Some(1000),
        "min" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let millis = number.parse::<u64>().ok().zip(factor);
    let millis = millis.and_then(|(number, factor)| number.checked_mul(factor));
    // What fits the servers' own settings.
    match millis {
        Some(millis @ 1..=86_400_000) => Ok(Duration::from_millis(millis)),
        _ => Err(format!(
            "{name} takes a time such as 500ms, 5s, 2min or 1h, a day at most, not {text:?}"
        )),
    }
}

fn range(text: &str) -> Result<Replaces, String> {
    let is_version = |text: &str| text.len() == 14 && text.bytes().all(|b| b.is_ascii_digit());
    match text.split_once("..") {
        Some((first, last)) if is_version(first) && is_version(last) && first <= last => {
            Ok(Replaces {
                first: first.to_owned(),
                last: last.to_owned(),
            })
        }
        _ => Err(format!(
            "replaces takes the oldest and the newest version it stands for, FIRST..LAST, not \
             {text:?}"
        )),
    }
}

impl Directives {
    /// What counts in a fingerprint: all that changes how the text is run.
    pub(crate) fn in_checksum(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.no_transaction {
            out.push("no-transaction".to_owned());
        }
        for (name, limit) in [
            ("lock-timeout", self.lock_timeout),
            ("statement-timeout", self.statement_timeout),
        ] {
            if let Some(limit) = limit {
                out.push(format!("{name} {}ms", limit.as_millis()));
            }
        }
        if let Some(reason) = &self.irreversible {
            out.push(format!("irreversible because {reason}"));
        }
        let mut tables = self.rebuild.clone();
        tables.sort();
        out.extend(tables.iter().map(|table| format!("rebuild {table}")));
        if let Some(Replaces { first, last }) = &self.replaces {
            out.push(format!("replaces {first}..{last}"));
        }
        out
    }
}

#[cfg(test)]
#[path = "tests/directive.rs"]
mod tests;
