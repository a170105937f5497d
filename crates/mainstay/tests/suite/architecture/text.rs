//! Source text without what is no code: comments, literals and tests.

pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A file without comments and without what stands in quotes.
pub(super) fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = raw_text(rest).filter(|_| !out.ends_with(is_word)) {
            length
        } else if c == '"' {
            quoted(rest)
        } else if let Some(length) = one_sign(rest) {
            length
        } else {
            out.push(c);
            c.len_utf8()
        };
        rest = &rest[taken..];
    }
    out
}

/// The length of a literal such as `'a'` or `'\n'` at the start; a lifetime is none.
fn one_sign(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let escape = inside.starts_with('\\');
    let first = inside.chars().next()?.len_utf8();
    let from = if escape { 2 } else { first };
    let end = from + inside.get(from..)?.find('\'')?;
    (escape || end == first).then_some(end + 2)
}

/// The length of a literal in double quotes at the start.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a raw literal at the start, if there is one.
fn raw_text(text: &str) -> Option<usize> {
    let after = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let marks = after.chars().take_while(|c| *c == '#').count();
    if !after[marks..].starts_with('"') {
        return None;
    }
    let close = format!("\"{}", "#".repeat(marks));
    let start = text.len() - after.len() + marks + 1;
    let end = text[start..].find(&close)?;
    Some(start + end + close.len())
}

/// Leaves out every item that only tests compile.
pub(super) fn without_tests(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        out.push_str(&rest[..at]);
        rest = item_end(&rest[at + "#[cfg(test)]".len()..]);
    }
    out.push_str(rest);
    out
}

/// What follows the item at the start: behind its semicolon or its closing brace.
fn item_end(code: &str) -> &str {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return &code[at + 1..],
            '}' => depth -= 1,
            ';' if depth == 0 => return &code[at + 1..],
            _ => {}
        }
    }
    ""
}
