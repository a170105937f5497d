//! Results in `docs/performance.md`, between two markers; the rest of the page is written by hand.

use std::fmt::Write;

use super::files::write;
use super::results::Results;
use super::{chart, tables, targets};
use crate::process::root;

const FROM: &str = "<!-- results: written by `cargo xtask bench --write-docs` -->";
const TO: &str = "<!-- end of the results -->";

/// Replaces what is between the markers, and the picture.
pub(super) fn update(results: &Results) -> Result<(), String> {
    let file = root().join("docs/performance.md");
    let page = std::fs::read_to_string(&file)
        .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    write(&file, &replaced(&page, &section(results))?)?;
    write(&root().join("docs/performance.svg"), &chart::svg(results))?;
    println!("docs/performance.md and docs/performance.svg have the results now");
    Ok(())
}

/// The page with another section of results.
pub(super) fn replaced(page: &str, section: &str) -> Result<String, String> {
    let missing =
        || format!("docs/performance.md must have the lines {FROM} and {TO}, in this order");
    let (before, rest) = page.split_once(FROM).ok_or_else(missing)?;
    let (_, after) = rest.split_once(TO).ok_or_else(missing)?;
    Ok(format!("{before}{FROM}\n{section}\n{TO}{after}"))
}

/// All tables, in Markdown.
pub(super) fn section(results: &Results) -> String {
    let mut text = String::from("\n![Operations per second of all candidates](performance.svg)\n");
    text.push_str("\n### The machine\n\n");
    for (name, value) in tables::machine(&results.machine) {
        let _ = writeln!(text, "- {name}: {value}");
    }
    let targets = targets::table(results);
    let _ = write!(text, "\n### {}\n\n{}", targets.title, targets.markdown());
    for table in tables::tables(results) {
        let _ = write!(text, "\n### {}\n\n{}", table.title, table.markdown());
    }
    text
}
