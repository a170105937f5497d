//! What differs between the engines for the lint, beside the rules themselves.

use mainstay::schema::Dialect;

/// How long a name may be: the number, whether it counts bytes or characters, and what becomes of
/// a longer one.
pub(super) struct NameLimit {
    pub(super) length: usize,
    pub(super) in_bytes: bool,
    pub(super) beyond: &'static str,
}

impl NameLimit {
    /// The limit of a dialect, where there is one.
    pub(super) fn of(dialect: Dialect) -> Option<Self> {
        match dialect {
            Dialect::Sqlite => None,
            Dialect::Postgres => Some(Self {
                length: 63,
                in_bytes: true,
                beyond: "PostgreSQL cuts it off without an error",
            }),
            _ => Some(Self {
                length: 64,
                in_bytes: false,
                beyond: "the server refuses it",
            }),
        }
    }

    /// Whether a name is longer.
    pub(super) fn exceeded_by(&self, name: &str) -> bool {
        let length = if self.in_bytes {
            name.len()
        } else {
            name.chars().count()
        };
        length > self.length
    }
}
