//! Problems of an input, each on its field.

use std::borrow::Cow;

use serde::Serialize;

/// One problem of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name as the caller knows it.
    pub field: Cow<'static, str>,
    /// What is wrong, in words fit for the public.
    pub message: Cow<'static, str>,
}

/// All problems of one input, in the order they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// No problems.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a problem.
    pub fn push(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) {
        self.0.push(FieldError {
            field: field.into(),
            message: message.into(),
        });
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The problems.
    pub fn iter(&self) -> std::slice::Iter<'_, FieldError> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds the problems of another input behind these.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether a field, or something inside it (`tags[0]` for `tags`), has a problem.
    pub fn names(&self, field: &str) -> bool {
        self.iter().any(|known| {
            let rest = known.field.strip_prefix(field);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// These problems, ordered by what `key` makes of their fields.
    pub(crate) fn sorted_by_key(mut self, key: impl Fn(&str) -> usize) -> Self {
        self.0.sort_by_key(|problem| key(&problem.field));
        self
    }

    /// The messages joined as the seed joins them: `a, b`.
    pub fn joined(&self) -> String {
        self.0
            .iter()
            .map(|e| e.message.as_ref())
            .collect::<Vec<_>>()
            .join(", ")
    }
}

impl<'a> IntoIterator for &'a FieldErrors {
    type Item = &'a FieldError;
    type IntoIter = std::slice::Iter<'a, FieldError>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
