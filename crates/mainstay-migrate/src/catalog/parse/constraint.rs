//! Keys, foreign keys and checks as lines of CREATE TABLE; MySQL has its indexes there too.

use super::index::{self, Part};
use super::rules::Rules;
use super::text::{bare, canonical};
use super::{Cursor, Malformed, is_word, names};
use crate::catalog::{Check, ForeignKey, Index, Key};
use crate::lexer::{Kind, Token};

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::catalog) enum Constraint {
    Primary(Key),
    Unique(Key),
    Foreign(ForeignKey),
    Check(Check),
    Index(Index),
}

/// What SQLite lets stand in the parentheses of a primary key.
pub(super) const AUTOINCREMENT: &str = "AUTOINCREMENT";

/// Whether a constraint of a table starts here, and not a column.
pub(super) fn starts(rules: Rules, cursor: &Cursor<'_, '_>) -> bool {
    let words: &[&[&str]] = &[
        &["CONSTRAINT"],
        &["PRIMARY", "KEY"],
        &["UNIQUE"],
        &["CHECK"],
        &["FOREIGN", "KEY"],
    ];
    let of_indexes: &[&[&str]] = &[&["KEY"], &["INDEX"], &["FULLTEXT"], &["SPATIAL"]];
    words.iter().any(|words| cursor.sees(words))
        || rules.indexes_inside && of_indexes.iter().any(|words| cursor.sees(words))
}

/// Reads a constraint of a table. None for a name that nothing follows, which SQLite lets pass.
pub(in crate::catalog) fn read(
    rules: Rules,
    cursor: &mut Cursor<'_, '_>,
) -> Result<Option<Constraint>, Malformed> {
    let mut name = None;
    while cursor.takes(&["CONSTRAINT"]) {
        let unnamed = ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"]
            .iter()
            .any(|word| cursor.sees(&[*word]));
        if !unnamed {
            name = Some(cursor.needs_name("a constraint")?);
        }
    }
    if cursor.is_at_end() {
        return Ok(None);
    }
    if cursor.takes(&["PRIMARY", "KEY"]) {
        return key(rules, cursor, name).map(|key| Some(Constraint::Primary(key)));
    }
    if cursor.takes(&["UNIQUE"]) {
        return unique(rules, cursor, name).map(Some);
    }
    if cursor.takes(&["CHECK"]) {
        return check(cursor, name).map(|check| Some(Constraint::Check(check)));
    }
    if cursor.takes(&["FOREIGN", "KEY"]) {
        let columns = names(cursor.needs_group("a foreign key")?)?;
        return foreign(rules, cursor, name, columns).map(|key| Some(Constraint::Foreign(key)));
    }
    if rules.indexes_inside {
        return inner_index(rules, cursor).map(|index| Some(Constraint::Index(index)));
    }
    Err(Malformed("a constraint of an unknown kind".to_owned()))
}

fn key(rules: Rules, cursor: &mut Cursor<'_, '_>, name: Option<String>) -> Result<Key, Malformed> {
    let mut options = Vec::new();
    if cursor.takes(&["NULLS", "NOT", "DISTINCT"]) {
        options.push("NULLS NOT DISTINCT".to_owned());
    }
    let mut inside = cursor.needs_group("a key")?;
    if let [columns @ .., last] = inside
        && is_word(last, AUTOINCREMENT)
    {
        inside = columns;
        options.push(AUTOINCREMENT.to_owned());
    }
    let parts = index::parts(rules, inside)?;
    if parts
        .iter()
        .any(|part| part.suffix.is_some() || !part.is_column)
    {
        let written: Vec<_> = parts
            .iter()
            .map(|part| part.written(rules.dialect))
            .collect();
        options.push(format!("({})", written.join(", ")));
    }
    options.extend(tail(cursor));
    let columns = parts.into_iter().map(|part| part.what).collect();
    Ok(Key {
        name,
        columns,
        options,
    })
}

/// A unique constraint. MySQL names it behind KEY, and where it is more than columns it is an
/// index.
fn unique(
    rules: Rules,
    cursor: &mut Cursor<'_, '_>,
    name: Option<String>,
) -> Result<Constraint, Malformed> {
    if !rules.indexes_inside {
        return key(rules, cursor, name).map(Constraint::Unique);
    }
    let _ = cursor.takes(&["KEY"]) || cursor.takes(&["INDEX"]);
    let own = cursor.needs_name("a unique key")?;
    let mut ahead = *cursor;
    let plain = key(rules, &mut ahead, Some(own.clone()))?;
    if plain.options.iter().any(|option| option.starts_with('(')) {
        let mut index = index_of(rules, cursor, own, Vec::new())?;
        index.unique = true;
        return Ok(Constraint::Index(index));
    }
    *cursor = ahead;
    Ok(Constraint::Unique(plain))
}

fn inner_index(rules: Rules, cursor: &mut Cursor<'_, '_>) -> Result<Index, Malformed> {
    let mut method = Vec::new();
    for kind in ["FULLTEXT", "SPATIAL"] {
        if cursor.takes(&[kind]) {
            method.push(kind.to_owned());
        }
    }
    if !cursor.takes(&["KEY"]) && !cursor.takes(&["INDEX"]) {
        return Err(Malformed("a line of an unknown kind".to_owned()));
    }
    let name = cursor.needs_name("an index")?;
    index_of(rules, cursor, name, method)
}

/// An index from its columns on.
fn index_of(
    rules: Rules,
    cursor: &mut Cursor<'_, '_>,
    name: String,
    mut method: Vec<String>,
) -> Result<Index, Malformed> {
    let parts = index::parts(rules, cursor.needs_group("an index")?)?;
    for option in tail(cursor) {
        match option.strip_prefix("USING ") {
            Some(how) => method.insert(0, how.to_owned()),
            // Some other word has to be the method in front of what is to be said besides.
            None if method.is_empty() => method.extend(["BTREE".to_owned(), option]),
            None => method.push(option),
        }
    }
    Ok(Index {
        name,
        unique: false,
        method: (!method.is_empty()).then(|| method.join(" ")),
        parts: parts.into_iter().map(Part::into_model).collect(),
        include: Vec::new(),
        condition: None,
        valid: true,
    })
}

/// A check, from its parentheses on.
pub(super) fn check(cursor: &mut Cursor<'_, '_>, name: Option<String>) -> Result<Check, Malformed> {
    let condition = canonical(bare(cursor.needs_group("a check")?));
    Ok(Check {
        name,
        condition,
        options: tail(cursor),
    })
}

/// A foreign key, from REFERENCES on.
pub(super) fn foreign(
    rules: Rules,
    cursor: &mut Cursor<'_, '_>,
    name: Option<String>,
    columns: Vec<String>,
) -> Result<ForeignKey, Malformed> {
    if !cursor.takes(&["REFERENCES"]) {
        return Err(Malformed("a foreign key without REFERENCES".to_owned()));
    }
    let (schema, references) = cursor.qualified("the table of a foreign key")?;
    let referenced_columns = cursor.group().map(names).transpose()?.unwrap_or_default();
    let mut key = ForeignKey {
        name,
        columns,
        references,
        referenced_columns,
        on_delete: rules.usual_action.to_owned(),
        on_update: rules.usual_action.to_owned(),
        options: Vec::new(),
    };
    if let Some(schema) = schema {
        key.options.push(format!("IN SCHEMA {schema}"));
    }
    loop {
        if cursor.takes(&["ON", "DELETE"]) {
            key.on_delete = action(rules, cursor)?;
            if let Some(some) = cursor.group() {
                key.options.push(format!("({})", canonical(some)));
            }
        } else if cursor.takes(&["ON", "UPDATE"]) {
            key.on_update = action(rules, cursor)?;
        } else if cursor.takes(&["MATCH"]) {
            let how = cursor.needs_name("MATCH")?.to_ascii_uppercase();
            if how != "SIMPLE" {
                key.options.push(format!("MATCH {how}"));
            }
        } else if let Some(said) = option(cursor) {
            key.options.extend(said);
        } else {
            return Ok(key);
        }
    }
}

fn action(rules: Rules, cursor: &mut Cursor<'_, '_>) -> Result<String, Malformed> {
    let known: &[&[&str]] = &[
        &["NO", "ACTION"],
        &["RESTRICT"],
        &["CASCADE"],
        &["SET", "NULL"],
        &["SET", "DEFAULT"],
    ];
    let found = known.iter().find(|words| cursor.takes(words));
    match found.map(|words| words.join(" ")) {
        // Where not to act is to refuse, it is one and the same.
        Some(same) if same == "NO ACTION" => Ok(rules.usual_action.to_owned()),
        Some(action) => Ok(action),
        None => Err(Malformed("a foreign key with an unknown action".to_owned())),
    }
}

/// Everything that is said behind a constraint.
pub(super) fn tail(cursor: &mut Cursor<'_, '_>) -> Vec<String> {
    let mut options = Vec::new();
    while let Some(said) = option(cursor) {
        options.extend(said);
    }
    options
}

/// One thing that is said behind a constraint. `Some(None)` is one that goes without saying.
#[allow(
    clippy::option_option,
    reason = "there is none, or there is one that says nothing"
)]
fn option(cursor: &mut Cursor<'_, '_>) -> Option<Option<String>> {
    let silent: &[&[&str]] = &[
        &["NOT", "DEFERRABLE"],
        &["INITIALLY", "IMMEDIATE"],
        &["ON", "CONFLICT", "ABORT"],
    ];
    let plain: &[&[&str]] = &[
        &["NOT", "VALID"],
        &["NOT", "ENFORCED"],
        &["NO", "INHERIT"],
        &["INITIALLY", "DEFERRED"],
        &["INVISIBLE"],
        &["IGNORED"],
    ];
    if silent.iter().any(|words| cursor.takes(words)) || cursor.takes(&["ENFORCED"]) {
        return Some(None);
    }
    if cursor.takes(&["DEFERRABLE"]) {
        let deferred = cursor.takes(&["INITIALLY", "DEFERRED"]);
        let words = if deferred {
            "DEFERRABLE INITIALLY DEFERRED"
        } else {
            "DEFERRABLE"
        };
        return Some(Some(words.to_owned()));
    }
    if let Some(words) = plain.iter().find(|words| cursor.takes(words)) {
        return Some(Some(words.join(" ")));
    }
    for start in [
        &["ON", "CONFLICT"][..],
        &["USING"],
        &["COMMENT"],
        &["WITH", "PARSER"],
    ] {
        if cursor.takes(start) {
            let what = cursor.next()?;
            let what = match what.kind {
                Kind::Word => what.text.to_ascii_uppercase(),
                _ => what.text.to_owned(),
            };
            return Some(Some(format!("{} {what}", start.join(" "))));
        }
    }
    if cursor.takes(&["INCLUDE"]) {
        let columns = cursor.group().map(canonical).unwrap_or_default();
        return Some(Some(format!("INCLUDE ({columns})")));
    }
    // The size of a block means nothing where the engine has blocks of one size.
    if cursor.takes(&["KEY_BLOCK_SIZE"]) {
        cursor.takes_symbol("=");
        cursor.next()?;
        return Some(None);
    }
    None
}

/// Whether a word ends what is said of a column's type.
pub(super) fn is_clause(tokens: &[Token<'_>]) -> bool {
    const CLAUSES: &[&str] = &[
        "CONSTRAINT",
        "PRIMARY",
        "NOT",
        "NULL",
        "UNIQUE",
        "CHECK",
        "DEFAULT",
        "COLLATE",
        "REFERENCES",
        "GENERATED",
        "AS",
        "AUTO_INCREMENT",
        "ON",
        "COMMENT",
        "INVISIBLE",
    ];
    let Some(first) = tokens.first() else {
        return false;
    };
    let cursor = Cursor::new(tokens);
    cursor.sees(&["CHARACTER", "SET"]) || CLAUSES.iter().any(|word| is_word(first, word))
}
