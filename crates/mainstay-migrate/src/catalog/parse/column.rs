//! The definition of a column, with the constraints that stand in it.

use super::constraint::{self, Constraint, is_clause};
use super::rules::Rules;
use super::text::{bare, canonical, of_type};
use super::{Cursor, Malformed, is_symbol, unquoted};
use crate::catalog::{Column, Generated, Identity, Key};
use crate::lexer::Kind;

/// A column and what else its definition says of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::catalog) struct Defined {
    pub(in crate::catalog) column: Column,
    pub(in crate::catalog) constraints: Vec<Constraint>,
}

pub(super) fn read(rules: Rules, cursor: &mut Cursor<'_, '_>) -> Result<Defined, Malformed> {
    let name = cursor.needs_name("a column")?;
    let column = Column {
        name,
        ty: type_of(cursor),
        collation: None,
        nullable: true,
        default: None,
        identity: None,
        generated: None,
        on_update: None,
        comment: None,
    };
    let mut defined = Defined {
        column,
        constraints: Vec::new(),
    };
    let mut character_set = None;
    let mut name = None;
    while !cursor.is_at_end() {
        if cursor.takes(&["CONSTRAINT"]) {
            name = Some(cursor.needs_name("a constraint")?);
        } else if cursor.takes(&["CHARACTER", "SET"]) {
            character_set = cursor.name();
        } else {
            clause(rules, cursor, &mut defined, name.take())?;
        }
    }
    // A collation says the character set too.
    if let (Some(set), None) = (character_set, &defined.column.collation) {
        defined.column.ty.push_str(&format!(" CHARACTER SET {set}"));
    }
    Ok(defined)
}

fn type_of(cursor: &mut Cursor<'_, '_>) -> String {
    let tokens = cursor.rest();
    while !cursor.is_at_end() && !is_clause(cursor.rest()) {
        if cursor.group().is_none() {
            cursor.next();
        }
    }
    of_type(&tokens[..tokens.len() - cursor.rest().len()])
}

/// One clause behind the type.
fn clause(
    rules: Rules,
    cursor: &mut Cursor<'_, '_>,
    defined: &mut Defined,
    name: Option<String>,
) -> Result<(), Malformed> {
    let column = &mut defined.column;
    let own = vec![column.name.clone()];
    if cursor.takes(&["NOT", "NULL"]) {
        column.nullable = false;
        conflict(cursor);
    } else if cursor.takes(&["NULL"]) {
        conflict(cursor);
    } else if cursor.takes(&["PRIMARY", "KEY"]) {
        // Ascending or descending is the same for the one column of a key.
        let _ = cursor.takes(&["ASC"]) || cursor.takes(&["DESC"]);
        let options = constraint::tail(cursor);
        if cursor.takes(&["AUTOINCREMENT"]) {
            column.identity = Some(Identity::AutoIncrement);
        }
        defined.constraints.push(Constraint::Primary(Key {
            name,
            columns: own,
            options,
        }));
    } else if cursor.takes(&["UNIQUE"]) {
        let options = constraint::tail(cursor);
        defined.constraints.push(Constraint::Unique(Key {
            name,
            columns: own,
            options,
        }));
    } else if cursor.takes(&["CHECK"]) {
        let check = constraint::check(cursor, name)?;
        defined.constraints.push(Constraint::Check(check));
    } else if cursor.sees(&["REFERENCES"]) {
        let key = constraint::foreign(rules, cursor, name, own)?;
        defined.constraints.push(Constraint::Foreign(key));
    } else if cursor.takes(&["DEFAULT"]) {
        column.default = Some(value(cursor)?).filter(|value| !value.eq_ignore_ascii_case("NULL"));
    } else if cursor.takes(&["COLLATE"]) {
        column.collation = Some(cursor.needs_name("a collation")?);
    } else if cursor.sees(&["GENERATED"]) || cursor.sees(&["AS"]) {
        column.generated = Some(generated(cursor)?);
    } else if cursor.takes(&["AUTO_INCREMENT"]) {
        column.identity = Some(Identity::AutoIncrement);
    } else if cursor.takes(&["ON", "UPDATE"]) {
        column.on_update = Some(value(cursor)?);
    } else if cursor.takes(&["COMMENT"]) {
        column.comment = cursor.next().and_then(|token| comment(token.text));
    } else if let Some(token) = cursor.next() {
        // What else there is, as INVISIBLE, is understood behind the type.
        column.ty.push(' ');
        column.ty.push_str(token.text);
    }
    Ok(())
}

/// What SQLite does with a row that it would refuse.
fn conflict(cursor: &mut Cursor<'_, '_>) {
    if cursor.takes(&["ON", "CONFLICT"]) {
        cursor.next();
    }
}

fn generated(cursor: &mut Cursor<'_, '_>) -> Result<Generated, Malformed> {
    cursor.takes(&["GENERATED"]);
    cursor.takes(&["ALWAYS"]);
    cursor.takes(&["AS"]);
    let expression = canonical(bare(cursor.needs_group("a computed column")?));
    let stored = cursor.takes(&["STORED"]) || cursor.takes(&["PERSISTENT"]);
    cursor.takes(&["VIRTUAL"]);
    Ok(Generated { expression, stored })
}

/// A literal with its sign, a word, a call, or an expression in parentheses, which it keeps.
fn value(cursor: &mut Cursor<'_, '_>) -> Result<String, Malformed> {
    let tokens = cursor.rest();
    if cursor.group().is_none() {
        let sign = cursor.takes_symbol("-") || cursor.takes_symbol("+");
        // A number may begin with its point.
        cursor.takes_symbol(".");
        let first = cursor
            .next()
            .ok_or_else(|| Malformed("a default of nothing".to_owned()))?;
        if !sign && first.kind == Kind::Word {
            cursor.group();
        }
    }
    let taken = &tokens[..tokens.len() - cursor.rest().len()];
    let in_parentheses = taken.first().is_some_and(|first| is_symbol(first, "("));
    if in_parentheses {
        return Ok(format!("({})", canonical(bare(taken))));
    }
    Ok(canonical(taken))
}

/// The text of a comment, which MySQL writes with backslashes.
pub(in crate::catalog) fn comment(text: &str) -> Option<String> {
    let inner = unquoted(text)?;
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                other => other,
            },
            c => c,
        });
    }
    (!out.is_empty()).then_some(out)
}
