//! Conditions of checks, read from their text. Pure.

use mainstay::schema::Dialect;
use mainstay::value::Value;

use super::condition::{Comparison, Condition};
use super::words::{Cursor, Piece};

/// Reads a condition. `None` when it is not understood.
pub(super) fn read(dialect: Dialect, text: &str) -> Option<Condition> {
    let mut cursor = Cursor::of(dialect, text)?;
    let condition = either(&mut cursor)?;
    cursor.is_at_end().then_some(condition)
}

fn either(cursor: &mut Cursor<'_>) -> Option<Condition> {
    let mut all = vec![both(cursor)?];
    while cursor.take_word("OR") {
        all.push(both(cursor)?);
    }
    Some(match all.len() {
        1 => all.remove(0),
        _ => Condition::Or(all),
    })
}

fn both(cursor: &mut Cursor<'_>) -> Option<Condition> {
    let mut all = vec![negated(cursor)?];
    while cursor.take_word("AND") {
        all.push(negated(cursor)?);
    }
    Some(match all.len() {
        1 => all.remove(0),
        _ => Condition::And(all),
    })
}

fn negated(cursor: &mut Cursor<'_>) -> Option<Condition> {
    if cursor.take_word("NOT") {
        return Some(not(negated(cursor)?));
    }
    predicate(cursor)
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

fn predicate(cursor: &mut Cursor<'_>) -> Option<Condition> {
    let left = operand(cursor)?;
    if let Some(comparison) = cursor.peek_symbol().and_then(Comparison::of) {
        cursor.skip();
        // PostgreSQL writes lists so.
        for (word, wanted) in [("ANY", Comparison::Equal), ("ALL", Comparison::NotEqual)] {
            if cursor.take_word(word) {
                let inside = Condition::In(Box::new(left), array(cursor)?);
                return Some(match comparison == wanted {
                    true if wanted == Comparison::Equal => inside,
                    true => not(inside),
                    false => Condition::Unknown,
                });
            }
        }
        let right = operand(cursor)?;
        return Some(Condition::Compare(
            Box::new(left),
            comparison,
            Box::new(right),
        ));
    }
    if cursor.take_word("IS") {
        let negative = cursor.take_word("NOT");
        if !cursor.take_word("NULL") {
            return None;
        }
        let is_null = Condition::IsNull(Box::new(left));
        return Some(if negative { not(is_null) } else { is_null });
    }
    let negative = cursor.take_word("NOT");
    let found = if cursor.take_word("IN") {
        cursor.expect_symbol("(")?;
        Condition::In(Box::new(left), list(cursor, ")")?)
    } else if cursor.take_word("BETWEEN") {
        let low = operand(cursor)?;
        if !cursor.take_word("AND") {
            return None;
        }
        let high = operand(cursor)?;
        let side = |comparison, bound| {
            Condition::Compare(Box::new(left.clone()), comparison, Box::new(bound))
        };
        Condition::And(vec![
            side(Comparison::GreaterOrEqual, low),
            side(Comparison::LessOrEqual, high),
        ])
    } else if negative {
        return None;
    } else {
        return Some(left);
    };
    Some(if negative { not(found) } else { found })
}

/// `(ARRAY['a'::text, 'b'::text])`, with casts around.
fn array(cursor: &mut Cursor<'_>) -> Option<Vec<Condition>> {
    let mut open = 0;
    while cursor.take_symbol("(") {
        open += 1;
    }
    if !cursor.take_word("ARRAY") {
        return None;
    }
    cursor.expect_symbol("[")?;
    let all = list(cursor, "]")?;
    for _ in 0..open {
        cursor.skip_casts();
        cursor.expect_symbol(")")?;
    }
    Some(all)
}

/// What stands between commas, up to an end.
fn list(cursor: &mut Cursor<'_>, end: &str) -> Option<Vec<Condition>> {
    let mut all = Vec::new();
    if cursor.take_symbol(end) {
        return Some(all);
    }
    loop {
        all.push(either(cursor)?);
        if cursor.take_symbol(end) {
            return Some(all);
        }
        cursor.expect_symbol(",")?;
    }
}

fn operand(cursor: &mut Cursor<'_>) -> Option<Condition> {
    let value = match cursor.next()? {
        Piece::Symbol("(") => {
            let inner = either(cursor)?;
            cursor.expect_symbol(")")?;
            inner
        }
        Piece::Symbol("-") => match cursor.next()? {
            Piece::Number(text) => Condition::Value(number(&format!("-{text}"))?),
            _ => return None,
        },
        Piece::Number(text) => Condition::Value(number(text)?),
        Piece::Text(text) => Condition::Value(Value::Text(text)),
        Piece::Name(name) => Condition::Column(name),
        Piece::Word(word) => match word.to_ascii_uppercase().as_str() {
            "TRUE" => Condition::Value(Value::Bool(true)),
            "FALSE" => Condition::Value(Value::Bool(false)),
            "NULL" => Condition::Value(Value::Null),
            "CASE" | "EXISTS" | "SELECT" | "CAST" => return None,
            _ if cursor.take_symbol("(") => {
                let mut given = list(cursor, ")")?;
                let lengths = ["length", "char_length", "character_length"];
                let is_length = lengths.iter().any(|name| word.eq_ignore_ascii_case(name));
                match given.len() {
                    1 if word.eq_ignore_ascii_case("json_valid") => {
                        Condition::IsJson(Box::new(given.remove(0)))
                    }
                    1 if is_length => Condition::Length(Box::new(given.remove(0))),
                    _ => Condition::Unknown,
                }
            }
            _ => Condition::Column(word.to_owned()),
        },
        Piece::Symbol(_) => return None,
    };
    cursor.skip_casts();
    // Arithmetic, patterns and the like.
    if cursor.take_operator() {
        operand(cursor)?;
        return Some(Condition::Unknown);
    }
    Some(value)
}

fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse() {
        return Some(Value::I64(whole));
    }
    text.parse().ok().map(Value::F64)
}
