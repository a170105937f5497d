//! PostgreSQL's objects beside tables: how each kind is dropped, and how sequences and types of
//! words are changed.

use super::names::quote;
use crate::catalog::{Other, render};
use crate::dialect::Syntax;
use crate::diff::compare::same_other;
use crate::diff::draft::Step;
use crate::diff::engine::OtherSteps;
use crate::diff::pairs::Pairs;
use crate::diff::reason::NARROWS;
use crate::diff::work::Work;
use crate::lexer::{Kind, tokens};

/// What belongs to a table, a column or a view may have gone with it.
pub(super) fn drop(other: &Other) -> String {
    let Other { kind, name, .. } = other;
    if let Some((name, table)) = name.split_once(" ON ") {
        return format!("DROP {kind} IF EXISTS {} ON {}", quote(name), quote(table));
    }
    match (kind.as_str(), name.split_once(['(', '.'])) {
        ("CONSTRAINT", Some((table, name))) => {
            let (table, name) = (quote(table), quote(name));
            format!("ALTER TABLE IF EXISTS {table} DROP CONSTRAINT IF EXISTS {name}")
        }
        ("AGGREGATE", Some((name, ")"))) => {
            format!("DROP AGGREGATE IF EXISTS {}(*)", quote(name))
        }
        ("FUNCTION" | "PROCEDURE" | "AGGREGATE", Some((name, parameters))) => {
            format!("DROP {kind} IF EXISTS {}({parameters}", quote(name))
        }
        _ => format!("DROP {kind} IF EXISTS {}", quote(name)),
    }
}

/// Changes a sequence; what its definition leaves out is set to what it is by itself.
pub(super) fn sequence(new: &Other) -> OtherSteps {
    let (create, owner) = render::other(new);
    let mut sql = create.replacen("CREATE", "ALTER", 1);
    for (word, usual) in [
        (
            " START WITH ",
            " START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE",
        ),
        (" CACHE ", " CACHE 1"),
        (" CYCLE", " NO CYCLE"),
    ] {
        if !create.contains(word) {
            sql.push_str(usual);
        }
    }
    let unowned = || format!("ALTER SEQUENCE {} OWNED BY NONE", quote(&new.name));
    OtherSteps {
        now: vec![Step::new(sql)],
        late: vec![Step::new(owner.unwrap_or_else(unowned))],
    }
}

/// Changes a type `CREATE TYPE name AS ENUM (...)`. `None` for a type of another sort.
pub(super) fn change_words(work: &Work<'_>, old: &Other, new: &Other) -> Option<OtherSteps> {
    let dialect = work.dialect;
    let syntax = Syntax::of(dialect);
    let (before, after) = (words(syntax, old)?, words(syntax, new)?);
    let name = dialect.quote(&new.name);
    if is_part(&before, &after) {
        let added = after
            .iter()
            .enumerate()
            .filter(|(_, word)| !before.contains(word));
        let steps = added.map(|(at, word)| {
            let place = match at {
                0 => before.first().map(|first| format!(" BEFORE {first}")),
                at => Some(format!(" AFTER {}", after[at - 1])),
            };
            let place = place.unwrap_or_default();
            Step::new(format!("ALTER TYPE {name} ADD VALUE {word}{place}"))
                .note("the new word can be used after the end of the transaction".to_owned())
        });
        return Some(OtherSteps {
            now: steps.collect(),
            late: Vec::new(),
        });
    }
    let aside = dialect.quote(&format!("{}_before", new.name));
    Some(OtherSteps {
        now: vec![
            Step::new(format!("ALTER TYPE {name} RENAME TO {aside}")),
            Step::new(&new.definition),
        ],
        late: vec![Step::new(format!("DROP TYPE {aside}"))],
    })
}

/// A type of words that is made anew: columns have to be moved from the old to the new.
#[derive(Debug)]
pub(super) struct Anew {
    name: String,
    /// The quoted words that it does not have any more.
    lost: Vec<String>,
}

impl Anew {
    /// Whether a column's type is this one, or a list of it.
    pub(super) fn is(&self, ty: &str) -> bool {
        ty.trim_end_matches("[]").trim_matches('"') == self.name
    }

    /// Why moving a column is destructive.
    pub(super) fn narrows(&self, table: &str, column: &str) -> Option<String> {
        let lost = self.lost.join(" or ");
        (!lost.is_empty())
            .then(|| format!("{NARROWS} {table}.{column}: it fails where it holds {lost}"))
    }
}

/// The types of words that are made anew, because words are taken away or change places.
pub(super) fn made_anew(work: &Work<'_>) -> Vec<Anew> {
    let syntax = Syntax::of(work.dialect);
    let pairs = Pairs::by(&work.original.others, &work.to.others, same_other);
    let types = pairs.both.into_iter().filter(|(_, new)| new.kind == "TYPE");
    types
        .filter_map(|(old, new)| {
            let (before, after) = (words(syntax, old)?, words(syntax, new)?);
            (!is_part(&before, &after)).then(|| Anew {
                name: new.name.clone(),
                lost: before
                    .into_iter()
                    .filter(|word| !after.contains(word))
                    .collect(),
            })
        })
        .collect()
}

/// Whether the words of the one stand in the other in the same order.
fn is_part(part: &[String], whole: &[String]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|word| rest.any(|other| other == word))
}

/// The quoted words of the type, if it is one of words.
fn words(syntax: Syntax, ty: &Other) -> Option<Vec<String>> {
    let all = tokens(syntax, &ty.definition).ok()?;
    let is_enum = |text: &str| text.eq_ignore_ascii_case("enum");
    let start = all
        .iter()
        .position(|t| t.kind == Kind::Word && is_enum(t.text))?;
    let quoted = all[start..]
        .iter()
        .filter(|token| token.text.starts_with('\''));
    Some(quoted.map(|token| token.text.to_owned()).collect())
}
