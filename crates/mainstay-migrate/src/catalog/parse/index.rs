//! CREATE INDEX, and the list of what an index orders by.

use super::rules::{PartRule, Rules};
use super::text::{bare, canonical};
use super::{Cursor, Malformed, is_symbol, is_word, name_of, names, significant, split_at_commas};
use crate::catalog::{Index, IndexPart};
use crate::lexer::{Kind, Token};
use mainstay::schema::Dialect;

/// One part of an index or a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) what: String,
    pub(super) is_column: bool,
    pub(super) suffix: Option<String>,
}

impl Part {
    pub(super) fn into_model(self) -> IndexPart {
        IndexPart {
            what: self.what,
            is_column: self.is_column,
            suffix: self.suffix,
        }
    }

    /// As it stands in a definition.
    pub(super) fn written(&self, dialect: Dialect) -> String {
        let what = if self.is_column {
            dialect.quote(&self.what)
        } else {
            self.what.clone()
        };
        match self.suffix.as_deref() {
            Some(length) if length.starts_with('(') => format!("{what}{length}"),
            Some(suffix) => format!("{what} {suffix}"),
            None => what,
        }
    }
}

/// What stands in the parentheses of an index or a key.
pub(super) fn parts(rules: Rules, tokens: &[Token<'_>]) -> Result<Vec<Part>, Malformed> {
    split_at_commas(tokens)
        .into_iter()
        .map(|one| part(rules, one))
        .collect()
}

fn part(rules: Rules, tokens: &[Token<'_>]) -> Result<Part, Malformed> {
    let what = match rules.parts {
        PartRule::Expression => without_order(tokens),
        PartRule::Call => first_operand(tokens),
        PartRule::Length if tokens.first().is_some_and(|first| is_symbol(first, "(")) => {
            first_operand(tokens)
        }
        PartRule::Length => 1.min(tokens.len()),
    };
    let (what, suffix) = tokens.split_at(what);
    let suffix = suffix_text(suffix);
    let name = match what {
        [one] => name_of(one),
        [] => return Err(Malformed("an index with an empty part".to_owned())),
        _ => None,
    };
    Ok(match name {
        Some(name) => Part {
            what: name,
            is_column: true,
            suffix,
        },
        None => Part {
            what: format!("({})", canonical(bare(what))),
            is_column: false,
            suffix,
        },
    })
}

/// The tokens in front of `COLLATE name`, ASC and DESC.
fn without_order(tokens: &[Token<'_>]) -> usize {
    let mut end = tokens.len();
    if end > 1 && (is_word(&tokens[end - 1], "ASC") || is_word(&tokens[end - 1], "DESC")) {
        end -= 1;
    }
    if end > 2 && is_word(&tokens[end - 2], "COLLATE") {
        end -= 2;
    }
    end
}

/// The tokens of a column, of a call, or of an expression in parentheses.
fn first_operand(tokens: &[Token<'_>]) -> usize {
    let mut cursor = Cursor::new(tokens);
    if cursor.group().is_none() {
        cursor.next();
        while cursor.takes_symbol(".") {
            cursor.next();
        }
        cursor.group();
    }
    tokens.len() - cursor.rest().len()
}

/// What follows a part. The usual order goes without saying.
fn suffix_text(tokens: &[Token<'_>]) -> Option<String> {
    let tokens = match tokens {
        [rest @ .., last] if is_word(last, "ASC") => rest,
        all => all,
    };
    let mut words = Vec::new();
    for token in tokens {
        let known = ["COLLATE", "DESC", "NULLS", "FIRST", "LAST"];
        let upper = token.kind == Kind::Word && known.iter().any(|word| is_word(token, word));
        let text = if upper {
            token.text.to_ascii_uppercase()
        } else {
            token.text.to_owned()
        };
        words.push((token, text));
    }
    let mut out = String::new();
    for (at, (token, text)) in words.iter().enumerate() {
        let close = is_symbol(token, ")")
            || is_symbol(token, ",")
            || is_symbol(token, "=")
            || is_symbol(token, ".");
        let open = at.checked_sub(1).is_some_and(|before| {
            let before = words[before].0;
            is_symbol(before, "(") || is_symbol(before, "=") || is_symbol(before, ".")
        });
        if at > 0 && !close && !open {
            out.push(' ');
        }
        out.push_str(text);
    }
    (!out.is_empty()).then_some(out)
}

/// Reads CREATE INDEX.
pub(in crate::catalog) fn read(rules: Rules, sql: &str) -> Result<Index, Malformed> {
    let tokens = significant(rules.dialect, sql)?;
    let mut cursor = Cursor::new(&tokens);
    cursor.takes(&["CREATE"]);
    let unique = cursor.takes(&["UNIQUE"]);
    if !cursor.takes(&["INDEX"]) {
        return Err(Malformed("it does not begin as an index does".to_owned()));
    }
    cursor.takes(&["IF", "NOT", "EXISTS"]);
    let (_, name) = cursor.qualified("an index")?;
    if !cursor.takes(&["ON"]) {
        return Err(Malformed("an index of no table".to_owned()));
    }
    cursor.takes(&["ONLY"]);
    cursor.qualified("the table of an index")?;
    let usual = "btree";
    let mut method = usual.to_owned();
    if cursor.takes(&["USING"]) {
        method = cursor.needs_name("the method of an index")?;
    }
    let parts = parts(rules, cursor.needs_group("an index")?)?;
    let mut index = Index {
        name,
        unique,
        method: None,
        parts: parts.into_iter().map(Part::into_model).collect(),
        include: Vec::new(),
        condition: None,
        valid: true,
    };
    if cursor.takes(&["INCLUDE"]) {
        index.include = names(cursor.needs_group("INCLUDE")?)?;
    }
    if cursor.takes(&["NULLS", "NOT", "DISTINCT"]) {
        method.push_str(" NULLS NOT DISTINCT");
    }
    if cursor.takes(&["WITH"]) {
        method.push_str(&format!(
            " WITH ({})",
            canonical(cursor.needs_group("WITH")?)
        ));
    }
    if cursor.takes(&["WHERE"]) {
        index.condition = Some(canonical(bare(cursor.take_rest())));
    }
    if !cursor.is_at_end() {
        return Err(Malformed(format!(
            "what does {} mean",
            canonical(cursor.rest())
        )));
    }
    index.method = (method != usual).then_some(method);
    Ok(index)
}
