//! Objects beside tables.

use crate::catalog::Other;

/// The statement that makes an object of another kind, and one for when the tables are there, if
/// it needs that: the owner of a sequence.
pub fn other(other: &Other) -> (String, Option<String>) {
    const CREATE: &str = "CREATE SEQUENCE ";
    if let Some((create, owner)) = other.definition.rsplit_once(" OWNED BY ")
        && let Some(rest) = create.strip_prefix(CREATE)
    {
        let name = quoted_at(rest);
        let later = format!("ALTER SEQUENCE {name} OWNED BY {owner}");
        return (create.to_owned(), Some(later));
    }
    (other.definition.clone(), None)
}

/// The quoted name at the start of a text.
fn quoted_at(text: &str) -> &str {
    let mut quotes = text
        .char_indices()
        .skip(1)
        .filter(|(_, c)| *c == '"')
        .map(|(at, _)| at)
        .peekable();
    while let Some(at) = quotes.next() {
        if quotes.peek() == Some(&(at + 1)) {
            quotes.next();
        } else {
            return &text[..=at];
        }
    }
    text
}
