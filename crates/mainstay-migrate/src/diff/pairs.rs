//! Which object of one list is which of another: by name, and by content where there is none.

use crate::catalog::{Check, ForeignKey, Index, Key};

/// Two lists put side by side.
#[derive(Debug)]
pub(super) struct Pairs<'a, T> {
    /// Those that only the left list has, in its order.
    pub(super) left: Vec<&'a T>,
    /// Those that only the right list has, in its order.
    pub(super) right: Vec<&'a T>,
    /// Those that both have, in the order of the right list.
    pub(super) both: Vec<(&'a T, &'a T)>,
}

impl<'a, T> Pairs<'a, T> {
    /// Pairs by a rule: each of the right list with the first of the left that fits and is free.
    pub(super) fn by(left: &'a [T], right: &'a [T], same: impl Fn(&T, &T) -> bool) -> Self {
        let mut pairs = Self {
            left: left.iter().collect(),
            right: right.iter().collect(),
            both: Vec::new(),
        };
        pairs.match_up(same);
        pairs
    }

    /// Pairs what is left over by one more rule.
    pub(super) fn then(mut self, same: impl Fn(&T, &T) -> bool) -> Self {
        self.match_up(same);
        self
    }

    fn match_up(&mut self, same: impl Fn(&T, &T) -> bool) {
        let mut unmatched = Vec::new();
        for item in std::mem::take(&mut self.right) {
            match self.left.iter().position(|other| same(other, item)) {
                Some(at) => self.both.push((self.left.remove(at), item)),
                None => unmatched.push(item),
            }
        }
        self.right = unmatched;
    }
}

/// Keys, indexes and constraints: what may have a name and is otherwise known by its content.
pub(super) trait Constraint: Clone {
    /// Its name, if it has one.
    fn name(&self) -> Option<&str>;

    /// The same without a name.
    fn nameless(&self) -> Self;
}

/// Constraints are paired by name; nameless ones by content; and at last one with a name and one
/// without of the same content.
pub(super) fn constraints<'a, T: Constraint + PartialEq>(
    left: &'a [T],
    right: &'a [T],
) -> Pairs<'a, T> {
    Pairs::by(left, right, |a, b| {
        a.name().is_some() && a.name() == b.name()
    })
    .then(|a, b| a.name().is_none() && a == b)
    .then(|a, b| (a.name().is_none() || b.name().is_none()) && a.nameless() == b.nameless())
}

impl Constraint for Key {
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn nameless(&self) -> Self {
        Self {
            name: None,
            ..self.clone()
        }
    }
}

impl Constraint for ForeignKey {
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn nameless(&self) -> Self {
        Self {
            name: None,
            ..self.clone()
        }
    }
}

impl Constraint for Check {
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn nameless(&self) -> Self {
        Self {
            name: None,
            ..self.clone()
        }
    }
}

impl Constraint for Index {
    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn nameless(&self) -> Self {
        Self {
            name: String::new(),
            ..self.clone()
        }
    }
}
