//! Placeholders of hand-written SQL.

/// Copies `sql`, replacing each `?` outside quotes and comments by `$1`, `$2`, ... when `numbered`,
/// and `??` by a literal `?`.
pub(super) fn number(sql: &str, numbered: bool) -> String {
    let mut out = String::with_capacity(sql.len() + 8);
    let mut next = 1_usize;
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let skipped = opaque_prefix(rest);
        if skipped > 0 {
            out.push_str(&rest[..skipped]);
            rest = &rest[skipped..];
        } else if let Some(tail) = rest.strip_prefix("??") {
            out.push('?');
            rest = tail;
        } else if c == '?' {
            if numbered {
                out.push('$');
                out.push_str(&next.to_string());
                next += 1;
            } else {
                out.push('?');
            }
            rest = &rest[1..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// The length of a quoted string, quoted name, comment or dollar quote at the start, or 0.
fn opaque_prefix(sql: &str) -> usize {
    let to_end = |found: Option<usize>| found.unwrap_or(sql.len());
    match sql.as_bytes()[0] {
        // A doubled quote inside reads as two quoted texts in a row, which is just as opaque.
        quote @ (b'\'' | b'"' | b'`') => {
            to_end(sql[1..].find(char::from(quote)).map(|end| end + 2))
        }
        b'-' if sql.starts_with("--") => to_end(sql.find('\n')),
        b'/' if sql.starts_with("/*") => to_end(sql[2..].find("*/").map(|end| end + 4)),
        b'$' => {
            let Some(tag_end) = sql[1..].find('$').map(|end| end + 2) else {
                return 0;
            };
            let tag = &sql[..tag_end];
            let inner = &tag[1..tag.len() - 1];
            if inner.starts_with(|c: char| c.is_ascii_digit())
                || !inner.chars().all(|c| c.is_alphanumeric() || c == '_')
            {
                return 0;
            }
            to_end(sql[tag_end..].find(tag).map(|end| end + 2 * tag.len()))
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn placeholders_are_numbered_outside_quotes_and_comments() {
        let sql =
            "SELECT '?', \"?\", `?` -- ?\n/* ? */ $a$ ? $a$ WHERE a = ? AND b = ? AND c ?? 'k'";
        assert_eq!(
            number(sql, true),
            "SELECT '?', \"?\", `?` -- ?\n/* ? */ $a$ ? $a$ WHERE a = $1 AND b = $2 AND c ? 'k'"
        );
        assert_eq!(
            number("a = ? AND b = 'it''s ?'", true),
            "a = $1 AND b = 'it''s ?'"
        );
        assert_eq!(number("a = ?", false), "a = ?");
    }

    #[test]
    fn unfinished_quotes_do_not_panic() {
        for sql in ["'", "\"a", "/*", "/* *", "--", "$", "$a$", "$1", "é?'é"] {
            assert!(!number(sql, true).is_empty());
        }
    }
}
