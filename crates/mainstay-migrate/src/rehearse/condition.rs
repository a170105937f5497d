//! Conditions of checks, asked of a row, and of what they leave a column. Pure.
//!
//! Only what checks are mostly made of is understood: comparisons, lists, ranges, NULL, lengths,
//! AND, OR and NOT. Anything else makes the condition, or the part of it where that can be told,
//! unknown; and as in SQL, a check that is unknown holds.

use std::cmp::Ordering;

use mainstay::value::Value;

/// A condition, or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    Value(Value),
    Column(String),
    Length(Box<Condition>),
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Compare(Box<Condition>, Comparison, Box<Condition>),
    In(Box<Condition>, Vec<Condition>),
    IsNull(Box<Condition>),
    /// That a text is JSON, which is not looked at.
    IsJson(Box<Condition>),
    /// What is not understood.
    Unknown,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(super) fn of(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "=" | "==" => Self::Equal,
            "<>" | "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }

    /// The same with the sides changed.
    fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }
}

impl Condition {
    /// Whether a row may have these values: whether the condition is not false for it. A column
    /// that is not given is unknown.
    pub(super) fn allows(&self, row: &dyn Fn(&str) -> Option<Value>) -> bool {
        self.truth(row) != Some(false)
    }

    fn truth(&self, row: &dyn Fn(&str) -> Option<Value>) -> Option<bool> {
        match self {
            Self::Not(inner) => inner.truth(row).map(|truth| !truth),
            Self::And(all) => {
                let truths = all.iter().map(|one| one.truth(row));
                fold(truths, false)
            }
            Self::Or(all) => {
                let truths = all.iter().map(|one| one.truth(row));
                fold(truths, true)
            }
            Self::Compare(left, comparison, right) => {
                let ordering = compare(&left.value(row)?, &right.value(row)?)?;
                Some(comparison.holds(ordering))
            }
            Self::In(left, all) => {
                let left = left.value(row)?;
                let truths = all.iter().map(|one| {
                    let ordering = compare(&left, &one.value(row)?)?;
                    Some(ordering.is_eq())
                });
                fold(truths, true)
            }
            Self::IsNull(inner) => match (&**inner, inner.value(row)) {
                (Self::Column(_) | Self::Value(_), Some(value)) => Some(value.is_null()),
                _ => None,
            },
            Self::IsJson(_) | Self::Unknown => None,
            Self::Value(_) | Self::Column(_) | Self::Length(_) => match self.value(row)? {
                Value::Bool(truth) => Some(truth),
                Value::I64(number) => Some(number != 0),
                _ => None,
            },
        }
    }

    fn value(&self, row: &dyn Fn(&str) -> Option<Value>) -> Option<Value> {
        match self {
            Self::Value(value) => Some(value.clone()),
            Self::Column(name) => row(name),
            Self::Length(inner) => match inner.value(row)? {
                Value::Null => Some(Value::Null),
                Value::Text(text) => i64::try_from(text.chars().count()).ok().map(Value::I64),
                _ => None,
            },
            Self::Unknown => None,
            other => other.truth(row).map(Value::Bool),
        }
    }

    /// The least and the largest number that a column may be, as far as this says so wherever it
    /// holds.
    pub(super) fn bounds(&self, column: &str) -> (Option<i64>, Option<i64>) {
        let mut found = (None, None);
        match self {
            Self::And(all) => {
                for one in all {
                    let (low, high) = one.bounds(column);
                    found = (found.0.max(low), least(found.1, high));
                }
            }
            Self::Compare(left, comparison, right) => {
                let (comparison, bound) = match (&**left, &**right) {
                    (Self::Column(name), bound) if same(name, column) => (*comparison, bound),
                    (bound, Self::Column(name)) if same(name, column) => {
                        (comparison.mirrored(), bound)
                    }
                    _ => return found,
                };
                let Some(bound) = bound.as_whole_number() else {
                    return found;
                };
                found = match comparison {
                    Comparison::Equal => (Some(bound), Some(bound)),
                    Comparison::NotEqual => found,
                    Comparison::Less => (None, bound.checked_sub(1)),
                    Comparison::LessOrEqual => (None, Some(bound)),
                    Comparison::Greater => (bound.checked_add(1), None),
                    Comparison::GreaterOrEqual => (Some(bound), None),
                };
            }
            Self::In(left, all) if left.is_column(column) => {
                let numbers: Option<Vec<i64>> = all.iter().map(Self::as_whole_number).collect();
                if let Some(numbers) = numbers {
                    found = (numbers.iter().min().copied(), numbers.iter().max().copied());
                }
            }
            _ => {}
        }
        found
    }

    /// The texts that a column may be, where this lists them.
    pub(super) fn words(&self, column: &str) -> Option<Vec<String>> {
        match self {
            Self::And(all) => all.iter().find_map(|one| one.words(column)),
            // A check that allows NULL besides says so in words.
            Self::Or(all) => match all.as_slice() {
                [null, other] | [other, null] if is_null(null, column) => other.words(column),
                _ => None,
            },
            Self::In(left, all) if left.is_column(column) => all
                .iter()
                .map(|one| match one {
                    Self::Value(Value::Text(text)) => Some(text.clone()),
                    _ => None,
                })
                .collect(),
            Self::Compare(left, Comparison::Equal, right) if left.is_column(column) => {
                match &**right {
                    Self::Value(Value::Text(text)) => Some(vec![text.clone()]),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether a column must be JSON wherever this holds.
    pub(super) fn wants_json(&self, column: &str) -> bool {
        match self {
            Self::And(all) => all.iter().any(|one| one.wants_json(column)),
            Self::Or(all) => match all.as_slice() {
                [null, other] | [other, null] if is_null(null, column) => other.wants_json(column),
                _ => false,
            },
            Self::IsJson(inner) => inner.is_column(column),
            _ => false,
        }
    }

    /// The most characters that a column may have, where this says so.
    pub(super) fn longest(&self, column: &str) -> Option<i64> {
        match self {
            Self::And(all) => all.iter().filter_map(|one| one.longest(column)).min(),
            Self::Compare(left, comparison, right) => match &**left {
                Self::Length(inner) if inner.is_column(column) => {
                    let bound = right.as_whole_number()?;
                    match comparison {
                        Comparison::Less => bound.checked_sub(1),
                        Comparison::LessOrEqual | Comparison::Equal => Some(bound),
                        _ => None,
                    }
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn is_column(&self, column: &str) -> bool {
        matches!(self, Self::Column(name) if same(name, column))
    }

    fn as_whole_number(&self) -> Option<i64> {
        match self {
            Self::Value(Value::I64(number)) => Some(*number),
            // PostgreSQL writes negative numbers so: '-1'::integer.
            Self::Value(Value::Text(text)) => text.parse().ok(),
            _ => None,
        }
    }
}

fn is_null(condition: &Condition, column: &str) -> bool {
    matches!(condition, Condition::IsNull(inner) if inner.is_column(column))
}

fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

fn least(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// AND and OR of SQL: one that is `decisive` decides, else one that is unknown.
fn fold(truths: impl Iterator<Item = Option<bool>>, decisive: bool) -> Option<bool> {
    let mut out = Some(!decisive);
    for truth in truths {
        match truth {
            Some(truth) if truth == decisive => return Some(decisive),
            Some(_) => {}
            None => out = None,
        }
    }
    out
}

/// How two values compare. `None` for NULL, and for what cannot be compared here.
fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::I64(a), Value::I64(b)) => Some(a.cmp(b)),
        (a, b) => as_double(a)?.partial_cmp(&as_double(b)?),
    }
}

fn as_double(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(truth) => Some(f64::from(u8::from(*truth))),
        Value::I32(number) => Some(f64::from(*number)),
        // Exact below 2^53, which is more than what is generated.
        Value::I64(number) => Some(*number as f64),
        Value::F64(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
#[path = "tests/condition.rs"]
mod tests;
