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

use mainstay::config::parse_duration;
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

/// One directive, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Directive {
    NoTransaction,
    LockTimeout(Duration),
    StatementTimeout(Duration),
    Irreversible(String),
    Rebuild(String),
    Replaces(Replaces),
    /// Both parts may be missing, which the lint says in its own way.
    Ignore {
        rule: String,
        reason: Option<String>,
    },
}

/// A directive, or what is wrong with it, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) directive: Result<Directive, String>,
    /// In bytes.
    pub(crate) at: usize,
    /// Counted from 1.
    pub(crate) line: usize,
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
    for Placed {
        directive, line, ..
    } in placed(dialect, sql)?
    {
        let noted = directive.and_then(|directive| note(&mut out, directive, line));
        noted.map_err(|what| TextError { line, what })?;
    }
    Ok(out)
}

/// Each directive of a text, also those that are wrong.
///
/// # Errors
/// When a quote or a comment does not end.
pub(crate) fn placed(dialect: Dialect, sql: &str) -> Result<Vec<Placed>, TextError> {
    let all = tokens(Syntax::of(dialect), sql).map_err(|unclosed| TextError {
        line: line_of(sql, unclosed.at),
        what: unclosed.what.to_owned(),
    })?;
    let mut out: Vec<Placed> = Vec::new();
    for token in all.iter().filter(|token| token.kind == Kind::Comment) {
        let read = match said(token.text) {
            Ok(None) => continue,
            Ok(Some(said)) => directive(said),
            Err(what) => Err(what),
        };
        let before = out
            .iter()
            .filter_map(|placed| placed.directive.as_ref().ok());
        let directive = read.and_then(|read| once(before, read));
        out.push(Placed {
            directive,
            at: token.at,
            line: line_of(sql, token.at),
        });
    }
    Ok(out)
}

/// What a comment says behind the mark, if it is a directive.
fn said(comment: &str) -> Result<Option<&str>, String> {
    let (inner, is_line) = match comment.strip_prefix("--") {
        Some(inner) => (inner, true),
        None => (comment.trim_start_matches(['#', '/', '*']), false),
    };
    let Some(said) = after_mark(inner.trim()) else {
        return Ok(None);
    };
    if !is_line {
        return Err(format!("a directive is written as -- {MARK}: ..."));
    }
    let Some(said) = said.strip_prefix(':') else {
        // Prose may begin with the word, too.
        let next = said.split_whitespace().next().unwrap_or_default();
        return match NAMES.contains(&next) {
            true => Err(format!("write -- {MARK}: {next}, with a colon")),
            false => Ok(None),
        };
    };
    Ok(Some(said.trim()))
}

fn directive(said: &str) -> Result<Directive, String> {
    let (name, rest) = match said.split_once(char::is_whitespace) {
        Some((name, rest)) => (name, rest.trim()),
        None => (said, ""),
    };
    Ok(match name {
        "no-transaction" if rest.is_empty() => Directive::NoTransaction,
        "no-transaction" => return Err(format!("{name} stands alone, without {rest:?}")),
        "lock-timeout" => Directive::LockTimeout(duration(name, rest)?),
        "statement-timeout" => Directive::StatementTimeout(duration(name, rest)?),
        "irreversible" => Directive::Irreversible(because(name, rest.strip_prefix("because"))?),
        "rebuild" => {
            let table = rest.trim_matches('"');
            if table.is_empty() || rest.split_whitespace().count() != 1 {
                return Err(format!("{name} names one table: {name} TABLE"));
            }
            Directive::Rebuild(table.to_owned())
        }
        "replaces" => Directive::Replaces(range(rest)?),
        "ignore" => {
            let words: Vec<&str> = rest.split_whitespace().collect();
            let because = words.iter().position(|word| *word == "because");
            let (rule, reason) = match because {
                Some(at) => (words[..at].join(" "), words[at + 1..].join(" ")),
                None => (words.join(" "), String::new()),
            };
            let reason = Some(reason).filter(|reason| !reason.is_empty());
            Directive::Ignore { rule, reason }
        }
        _ => {
            return Err(format!(
                "there is no directive {name:?}; there are {}",
                NAMES.join(", ")
            ));
        }
    })
}

/// Refuses a directive that an earlier one has said already.
fn once<'a>(
    before: impl Iterator<Item = &'a Directive>,
    read: Directive,
) -> Result<Directive, String> {
    use Directive::{
        Ignore, Irreversible, LockTimeout, NoTransaction, Rebuild, Replaces, StatementTimeout,
    };
    let mut before = before;
    let again = before.any(|earlier| match (earlier, &read) {
        (Rebuild(earlier), Rebuild(read)) => earlier == read,
        (Ignore { .. }, _) => false,
        (earlier, read) => std::mem::discriminant(earlier) == std::mem::discriminant(read),
    });
    let name = match read {
        _ if !again => return Ok(read),
        NoTransaction => "no-transaction",
        LockTimeout(_) => "lock-timeout",
        StatementTimeout(_) => "statement-timeout",
        Irreversible(_) => "irreversible",
        Rebuild(_) => "rebuild",
        Replaces(_) => "replaces",
        Ignore { .. } => "ignore",
    };
    Err(format!("the directive {name} stands twice"))
}

/// Puts a directive among all that a text says of itself.
fn note(out: &mut Directives, directive: Directive, line: usize) -> Result<(), String> {
    match directive {
        Directive::NoTransaction => out.no_transaction = true,
        Directive::LockTimeout(limit) => out.lock_timeout = Some(limit),
        Directive::StatementTimeout(limit) => out.statement_timeout = Some(limit),
        Directive::Irreversible(reason) => out.irreversible = Some(reason),
        Directive::Rebuild(table) => out.rebuild.push(table),
        Directive::Replaces(replaces) => out.replaces = Some(replaces),
        Directive::Ignore { rule, .. } if rule.is_empty() || rule.contains(' ') => {
            return Err("ignore names a rule: ignore RULE because REASON".to_owned());
        }
        Directive::Ignore { rule, reason } => {
            let reason = because("ignore RULE", reason.as_deref())?;
            out.ignores.push(Ignore { rule, reason, line });
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

/// `500ms`, `5s`, `2m`, `1h`, as in the configuration; minutes may be `min`, too.
fn duration(name: &str, text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(86_400);
    // `m` is said of metres and months elsewhere: whoever avoids it is understood.
    let read = match text.strip_suffix("min") {
        Some(number) => parse_duration(&format!("{}m", number.trim_end())),
        None => parse_duration(text),
    };
    match read {
        // What fits the servers' own settings.
        Ok(limit) if !limit.is_zero() && limit <= LONGEST => Ok(limit),
        _ => Err(format!(
            "{name} takes a time such as 500ms, 5s, 2m or 1h, a day at most, not {text:?}"
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
