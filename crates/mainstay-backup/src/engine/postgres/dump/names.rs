//! The table of a COPY statement.

/// The table in `COPY public.users (id, name) FROM stdin`, as it is called in a manifest: with its
/// schema in front unless that is `public`, and in quotes only where that is needed to read it.
pub(super) fn copied_table(statement: &[u8]) -> Option<String> {
    let rest = std::str::from_utf8(statement.strip_prefix(b"COPY ")?).ok()?;
    let (schema, rest) = identifier(rest)?;
    let (table, rest) = identifier(rest.strip_prefix('.')?)?;
    if !rest.starts_with(' ') {
        return None;
    }
    if schema == "public" {
        return Some(shown(&table));
    }
    Some(format!("{}.{}", shown(&schema), shown(&table)))
}

/// An identifier at the start of a text, and what follows.
fn identifier(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([' ', '.', '(']).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, rest)),
        }
    }
}

fn shown(name: &str) -> String {
    if name.contains(['.', '"', '(']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_named_as_people_call_them() {
        for (statement, name) in [
            ("COPY public.users (id, name) FROM stdin", Some("users")),
            ("COPY shop.\"Order\" (id) FROM stdin", Some("shop.Order")),
            (
                "COPY public.\"a \"\"b\"\".c\" (x) FROM stdin",
                Some("\"a \"\"b\"\".c\""),
            ),
            ("COPY public.nothing  FROM stdin", Some("nothing")),
            (
                "COPY \"Two\".\"FROM stdin\" (a) FROM stdin",
                Some("Two.FROM stdin"),
            ),
            ("COPY users FROM stdin", None),
            ("COPY \"users", None),
        ] {
            assert_eq!(
                copied_table(statement.as_bytes()).as_deref(),
                name,
                "{statement}"
            );
        }
    }
}
