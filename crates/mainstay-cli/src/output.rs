//! Tables, pairs and JSON as text.

use std::time::Duration;

use serde::Serialize;

/// How wide the labels of [`pair`] are.
const LABEL: usize = 11;

/// A label and its value.
pub(crate) fn pair(label: &str, value: &str) -> String {
    let indent = format!("\n{}", " ".repeat(LABEL + 1));
    format!("{label:<LABEL$} {}\n", value.replace('\n', &indent))
}

/// Columns aligned to the left, two spaces apart.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|name| name.to_uppercase()).collect();
    let all = || std::iter::once(&head).chain(rows);
    let width = |column: usize| {
        all()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut out = String::new();
    for row in all() {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A value as JSON over several lines.
pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value)
        .expect("what is printed has only text keys and no failing serialiser")
}

/// A short time for people.
pub(crate) fn short(duration: Duration) -> String {
    format!("{duration:.1?}")
}

/// "1 row", "2 rows".
pub(crate) fn counted(count: u64, one: &str) -> String {
    if count == 1 {
        format!("{count} {one}")
    } else {
        format!("{count} {one}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_without_trailing_space() {
        let rows = [
            vec!["a".to_owned(), "long value".to_owned()],
            vec!["bcdé".to_owned(), String::new()],
        ];
        assert_eq!(
            table(&["k", "value"], &rows),
            "K     VALUE\na     long value\nbcdé\n"
        );
    }

    #[test]
    fn labels_align_also_over_several_lines() {
        assert_eq!(pair("pool", "a\nb"), "pool        a\n            b\n");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(0, "row"), "0 rows");
        assert_eq!(short(Duration::from_micros(1234)), "1.2ms");
    }
}
