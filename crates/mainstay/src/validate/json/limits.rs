//! How much of a document is read, and how much is told of what is wrong with it.

/// The field under which a problem of the whole document is reported.
pub const DOCUMENT: &str = "$";

/// The deepest nesting that is read. A document for a JSON column may be less deep still: see
/// [`JSON_DEPTH`](crate::value::check::JSON_DEPTH).
pub const MAX_DEPTH: usize = 64;

/// No more problems than this are looked for in a document, so that a hostile one costs little.
pub const MAX_PROBLEMS: usize = 32;

/// A name from the input, fit for messages: on one line and not long.
pub(super) fn printable(name: &str) -> String {
    const LONGEST: usize = 64;
    let mut out: String = name
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect();
    if name.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}
