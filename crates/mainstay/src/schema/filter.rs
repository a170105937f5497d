//! Conditions on an entity's columns.

use std::marker::PhantomData;

use crate::value::Value;

/// A condition on rows of `E`, made from its [columns](super::Column).
///
/// Filters nest up to a hundred levels; one that goes deeper is refused when it is used.
pub struct Filter<E> {
    pub(crate) condition: Condition,
    depth: u32,
    marker: PhantomData<fn() -> E>,
}

/// The condition itself, with columns as positions in the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    /// Nested too deep. Stands for what was dropped, because a tree without a bound would overflow
    /// the stack of whoever renders, clones or drops it.
    TooDeep,
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

/// How deep filters nest. More than anybody writes, less than any stack holds.
pub(crate) const DEEPEST: u32 = 100;

impl Condition {
    /// The levels of nesting.
    fn depth(&self) -> u32 {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                1 + parts.iter().map(Self::depth).max().unwrap_or(0)
            }
            Self::Not(inner) => 1 + inner.depth(),
            _ => 1,
        }
    }
}

impl<E> Filter<E> {
    pub(crate) fn new(condition: Condition) -> Self {
        let depth = condition.depth();
        Self::of_depth(condition, depth)
    }

    fn of_depth(condition: Condition, depth: u32) -> Self {
        let (condition, depth) = if depth > DEEPEST {
            (Condition::TooDeep, 1)
        } else {
            (condition, depth)
        };
        Self {
            condition,
            depth,
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
                let depth = self.depth.max(other.depth + 1);
                Self::of_depth(Condition::All(parts), depth)
            }
            condition => Self::of_depth(
                Condition::All(vec![condition, other.condition]),
                self.depth.max(other.depth) + 1,
            ),
        }
    }

    /// Rows for which at least one holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self.condition {
            Condition::Any(mut parts) => {
                parts.push(other.condition);
                let depth = self.depth.max(other.depth + 1);
                Self::of_depth(Condition::Any(parts), depth)
            }
            condition => Self::of_depth(
                Condition::Any(vec![condition, other.condition]),
                self.depth.max(other.depth) + 1,
            ),
        }
    }

    /// The negation. As in SQL, a comparison with NULL holds neither plainly nor negated.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "reads like the other methods"
    )]
    pub fn not(self) -> Self {
        match self.condition {
            Condition::Not(inner) => Self::of_depth(*inner, self.depth - 1),
            condition => Self::of_depth(Condition::Not(Box::new(condition)), self.depth + 1),
        }
    }
}

impl<E> Clone for Filter<E> {
    fn clone(&self) -> Self {
        Self::of_depth(self.condition.clone(), self.depth)
    }
}

/// Without its values, which may be anybody's data.
impl<E> std::fmt::Debug for Filter<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filter")
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf() -> Filter<()> {
        Filter::new(Condition::Compare {
            column: 0,
            comparison: Comparison::Equal,
            value: Value::Text("secret".into()),
        })
    }

    #[test]
    fn a_tree_without_end_becomes_a_refusal_instead_of_a_stack_overflow() {
        let mut filter = leaf();
        for _ in 0..100_000 {
            filter = filter.and(leaf()).or(leaf()).not();
        }
        assert!(filter.depth <= DEEPEST);
        let mut negated = leaf();
        for _ in 0..100_001 {
            negated = negated.not();
        }
        assert_eq!(
            negated.condition,
            Condition::Not(Box::new(leaf().condition))
        );
    }

    #[test]
    fn the_depth_is_that_of_the_tree() {
        let filters = [
            leaf(),
            leaf().and(leaf()),
            leaf().and(leaf()).and(leaf().or(leaf()).not()),
            leaf().or(leaf().and(leaf())).not().not(),
            Filter::all().and(leaf().not()),
        ];
        for filter in filters {
            assert_eq!(filter.depth, filter.condition.depth());
            assert_eq!(filter.clone().depth, filter.depth);
            assert!(!format!("{filter:?}").contains("secret"));
        }
    }
}
