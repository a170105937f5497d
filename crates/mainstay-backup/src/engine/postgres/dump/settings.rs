//! The settings at the start of a dump.
//!
//! A newer `pg_dump` sets what an older server does not know, such as `transaction_timeout`. Those
//! lines are the same in every dump, and stand before anything else.

/// The start of a dump without the settings that a server does not know.
///
/// Only lines of the form `SET name = ...;` before the first other statement are looked at.
pub(in super::super) fn without_unknown(start: &[u8], knows: impl Fn(&str) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(start.len());
    let mut lines = start.split_inclusive(|byte| *byte == b'\n');
    let mut rest = start.len();
    for line in lines.by_ref() {
        let text = line.trim_ascii();
        let is_end = line.last() != Some(&b'\n');
        let is_aside = text.is_empty()
            || text.starts_with(b"--")
            || text.starts_with(b"\\")
            || text.starts_with(b"SELECT pg_catalog.set_config(");
        if is_end || !is_aside && !text.starts_with(b"SET ") {
            break;
        }
        rest -= line.len();
        if is_aside || setting(text).is_none_or(&knows) {
            out.extend_from_slice(line);
        }
    }
    out.extend_from_slice(&start[start.len() - rest..]);
    out
}

fn setting(line: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(line).ok()?;
    let (name, _) = text.strip_prefix("SET ")?.split_once(" = ")?;
    Some(name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_nobody_knows_are_left_out() {
        let dump = "--\n-- dump\n--\n\n\\restrict x\n\nSET statement_timeout = 0;\n\
                    SET transaction_timeout = 0;\n\
                    SELECT pg_catalog.set_config('search_path', '', false);\n\
                    SET row_security = off;\n\nCREATE TABLE t (a text);\n\
                    SET transaction_timeout = 0;\nCOPY t";
        let knows = |name: &str| name != "transaction_timeout";
        let expected = dump.replacen("SET transaction_timeout = 0;\n", "", 1);
        let out = without_unknown(dump.as_bytes(), knows);
        assert_eq!(String::from_utf8(out).expect("it was text"), expected);
        assert_eq!(without_unknown(dump.as_bytes(), |_| true), dump.as_bytes());
        assert_eq!(without_unknown(b"", knows), b"");
        // A line that is cut off is not judged.
        let cut = b"SET transaction_timeout = 0;";
        assert_eq!(without_unknown(cut, knows), cut);
    }
}
