//! What the text of a dialect looks like.

use mainstay::schema::Dialect;

/// What a dialect's text looks like, for the lexer and the splitter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Syntax {
    /// Comments `/* */` nest.
    pub(crate) nested_comments: bool,
    /// `#` starts a comment.
    pub(crate) hash_comments: bool,
    /// `--` starts a comment only before white space.
    pub(crate) dashes_need_space: bool,
    /// `/*! */` is run, `/*+ */` steers the optimiser: they are no comments.
    pub(crate) executable_comments: bool,
    /// A backslash takes the next character of a quoted text as it is.
    pub(crate) backslash_escapes: bool,
    /// So it does in `E'...'`.
    pub(crate) escape_strings: bool,
    /// `$tag$ ... $tag$` is a text.
    pub(crate) dollar_quotes: bool,
    /// `[name]` is a quoted name.
    pub(crate) brackets: bool,
    /// Operators are made of any operator characters, by PostgreSQL's rule.
    pub(crate) free_operators: bool,
    /// A body with statements of its own starts at `BEGIN ATOMIC`, not at every `BEGIN`.
    pub(crate) atomic_bodies: bool,
    /// Names without quotes are read in lower case.
    pub(crate) folds_names: bool,
}

impl Syntax {
    pub(crate) fn of(dialect: Dialect) -> Self {
        let plain = Self {
            nested_comments: false,
            hash_comments: false,
            dashes_need_space: false,
            executable_comments: false,
            backslash_escapes: false,
            escape_strings: false,
            dollar_quotes: false,
            brackets: false,
            free_operators: false,
            atomic_bodies: false,
            folds_names: false,
        };
        match dialect {
            Dialect::Sqlite => Self {
                brackets: true,
                ..plain
            },
            Dialect::Postgres => Self {
                nested_comments: true,
                escape_strings: true,
                dollar_quotes: true,
                free_operators: true,
                atomic_bodies: true,
                folds_names: true,
                ..plain
            },
            _ => Self {
                hash_comments: true,
                dashes_need_space: true,
                executable_comments: true,
                backslash_escapes: true,
                ..plain
            },
        }
    }
}
