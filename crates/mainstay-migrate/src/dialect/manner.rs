//! How a statement gets on with its record in the journal, and what can be told when that is lost.

/// How a statement gets on with its record in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Both can be one transaction.
    Shared,
    /// It is its own transaction.
    Alone(Effect),
}

/// What can be told of a statement whose record was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It changes the schema as a whole or not at all: whether it took effect can be seen.
    Visible,
    /// It can be run again without harm.
    Repeatable,
    /// Neither.
    Doubtful,
}
