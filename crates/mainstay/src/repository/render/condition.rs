//! Filters as expressions.

use sea_query::{Expr, ExprTrait, SimpleExpr};

use super::table::Table;
use crate::driver::statement::to_sea_query;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::filter::{Comparison, Condition, DEEPEST, TextMatch};
use crate::validate;
use crate::value::Value;

/// The condition that every column equals its value.
pub(super) fn equal_all(pairs: impl IntoIterator<Item = (usize, Value)>) -> Condition {
    Condition::All(
        pairs
            .into_iter()
            .map(|(column, value)| Condition::Compare {
                column,
                comparison: Comparison::Equal,
                value,
            })
            .collect(),
    )
}

/// The most conditions of one statement. SQLite takes expressions nested up to a thousand levels,
/// and a chain of AND or OR counts as nested.
const MOST: usize = 800;

/// How many conditions there are; lists of values count once.
fn count(condition: &Condition) -> usize {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => 1 + parts.iter().map(count).sum::<usize>(),
        Condition::Not(inner) => 1 + count(inner),
        _ => 1,
    }
}

fn too_large(detail: String) -> Error {
    Error::new(ErrorKind::Unsupported, detail)
        .with_hint("give many values of one column as a list (is_in), or ask in several statements")
}

impl Table<'_> {
    /// A filter as an expression, its values checked and in stored form.
    ///
    /// # Errors
    /// `UNSUPPORTED` for a filter beyond what all engines take, and those of its values.
    pub(super) fn condition(&self, condition: &Condition) -> Result<Expr> {
        let conditions = count(condition);
        if conditions > MOST {
            return Err(too_large(format!(
                "the filter has {conditions} conditions; {MOST} are the most"
            ))
            .with_table(self.model.name));
        }
        self.part(condition)
    }

    fn part(&self, condition: &Condition) -> Result<Expr> {
        Ok(match condition {
            Condition::TooDeep => {
                let detail = format!("the filter is nested deeper than {DEEPEST} levels");
                return Err(too_large(detail).with_table(self.model.name));
            }
            Condition::All(parts) => self.join(parts, "1 = 1", SimpleExpr::and)?,
            Condition::Any(parts) => self.join(parts, "1 = 0", SimpleExpr::or)?,
            Condition::Not(inner) => self.part(inner)?.not(),
            Condition::Compare {
                column,
                comparison,
                value,
            } => {
                if !matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
                    self.check_order(*column)?;
                }
                let left = Expr::col(self.name(*column));
                let right = self.checked(*column, value)?;
                match comparison {
                    Comparison::Equal => left.eq(right),
                    Comparison::NotEqual => left.ne(right),
                    Comparison::Less => left.lt(right),
                    Comparison::LessOrEqual => left.lte(right),
                    Comparison::Greater => left.gt(right),
                    Comparison::GreaterOrEqual => left.gte(right),
                }
            }
            Condition::Stored { column, value } => {
                Expr::col(self.name(*column)).eq(Expr::value(to_sea_query(value.clone())))
            }
            Condition::In {
                column,
                values,
                negated,
            } => {
                let constant = if *negated { "1 = 1" } else { "1 = 0" };
                if values.is_empty() {
                    return Ok(Expr::cust(constant));
                }
                let values = values
                    .iter()
                    .map(|value| self.checked(*column, value))
                    .collect::<Result<Vec<_>>>()?;
                let left = Expr::col(self.name(*column));
                if *negated {
                    left.is_not_in(values)
                } else {
                    left.is_in(values)
                }
            }
            Condition::IsNull { column, negated } => {
                let left = Expr::col(self.name(*column));
                if *negated {
                    left.is_not_null()
                } else {
                    left.is_null()
                }
            }
            Condition::Text {
                column,
                matching,
                text,
            } => self.text(*column, *matching, text)?,
        })
    }

    fn join(
        &self,
        parts: &[Condition],
        empty: &'static str,
        combine: impl Fn(Expr, Expr) -> Expr,
    ) -> Result<Expr> {
        let mut joined: Option<Expr> = None;
        for part in parts {
            let next = self.part(part)?;
            joined = Some(match joined {
                Some(before) => combine(before, next),
                None => next,
            });
        }
        Ok(joined.unwrap_or_else(|| Expr::cust(empty)))
    }

    fn checked(&self, column: usize, value: &Value) -> Result<Expr> {
        validate::filter_value(self.model, column, value)?;
        Ok(self.value(column, value.clone()))
    }

    /// Text matching by functions and ranges rather than LIKE: LIKE has wildcards to escape, and
    /// on SQLite it ignores case.
    fn text(&self, column: usize, matching: TextMatch, text: &str) -> Result<Expr> {
        let value = Value::Text(text.to_owned());
        validate::filter_value(self.model, column, &value)?;
        let name = self.name(column);
        if text.is_empty() {
            // True for every text and unknown for NULL, so that the negation is unknown as well.
            return Ok(Expr::col(name).gte(text));
        }
        Ok(match matching {
            TextMatch::Contains => {
                let position = self.dialect.text_position(Expr::col(name), Expr::val(text));
                position.gt(0)
            }
            // A range in code point order, which an index can serve.
            TextMatch::StartsWith => {
                let from = Expr::col(name).gte(text);
                match successor(text) {
                    Some(end) => from.and(Expr::col(name).lt(end)),
                    None => from,
                }
            }
            TextMatch::EndsWith => {
                let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
                self.dialect.text_tail(Expr::col(name), length).eq(text)
            }
        })
    }
}

/// The smallest text that is greater than every text starting with `text`, if there is one.
fn successor(text: &str) -> Option<String> {
    let mut chars: Vec<char> = text.chars().collect();
    while let Some(last) = chars.pop() {
        let next = match last {
            // Surrogates are no characters.
            '\u{D7FF}' => Some('\u{E000}'),
            last => char::from_u32(last as u32 + 1),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::successor;
    use proptest::prelude::*;

    #[test]
    fn the_successor_steps_over_what_is_no_character() {
        assert_eq!(successor("ab").as_deref(), Some("ac"));
        assert_eq!(successor("a\u{D7FF}").as_deref(), Some("a\u{E000}"));
        assert_eq!(successor("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(successor("\u{10FFFF}"), None);
    }

    proptest! {
        #[test]
        fn it_bounds_exactly_the_texts_that_start_so(start in ".{1,4}", rest in ".{0,4}", other in ".{0,6}") {
            let Some(end) = successor(&start) else { return Ok(()) };
            let with_start = format!("{start}{rest}");
            prop_assert!(start <= with_start && with_start < end);
            let in_range = start <= other && other < end;
            prop_assert_eq!(in_range, other.starts_with(&start));
        }
    }
}
