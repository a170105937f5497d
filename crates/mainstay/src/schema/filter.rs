//! Conditions on an entity's columns.

use std::marker::PhantomData;

use crate::value::Value;

/// A condition on rows of `E`, made from its [columns](super::Column).
pub struct Filter<E> {
    pub(crate) condition: Condition,
    marker: PhantomData<fn() -> E>,
}

/// The condition itself, with columns as positions in the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare {
        column: usize,
        comparison: Comparison,
        value: Value,
    },
    /// Equality with a value that is in stored form already.
    Stored {
        column: usize,
        value: Value,
    },
    In {
        column: usize,
        values: Vec<Value>,
        negated: bool,
    },
    IsNull {
        column: usize,
        negated: bool,
    },
    Text {
        column: usize,
        matching: TextMatch,
        text: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextMatch {
    Contains,
    StartsWith,
    EndsWith,
}

impl<E> Filter<E> {
    pub(crate) fn new(condition: Condition) -> Self {
        Self {
            condition,
            marker: PhantomData,
        }
    }

    /// Every row.
    pub fn all() -> Self {
        Self::new(Condition::All(Vec::new()))
    }

    /// No row.
    pub fn none() -> Self {
        Self::new(Condition::Any(Vec::new()))
    }

    /// Rows for which both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self.condition {
            Condition::All(mut parts) => {
                parts.push(other.condition);
                Self::new(Condition::All(parts))
            }
            condition => Self::new(Condition::All(vec![condition, other.condition])),
        }
    }

    /// Rows for which at least one holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self.condition {
            Condition::Any(mut parts) => {
                parts.push(other.condition);
                Self::new(Condition::Any(parts))
            }
            condition => Self::new(Condition::Any(vec![condition, other.condition])),
        }
    }

    /// The negation. As in SQL, a comparison with NULL holds neither plainly nor negated.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "reads like the other methods"
    )]
    pub fn not(self) -> Self {
        Self::new(Condition::Not(Box::new(self.condition)))
    }
}

impl<E> Clone for Filter<E> {
    fn clone(&self) -> Self {
        Self::new(self.condition.clone())
    }
}

impl<E> std::fmt::Debug for Filter<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.condition.fmt(f)
    }
}
