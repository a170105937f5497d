//! The recipes as they are printed.

use std::fs;
use std::path::PathBuf;

/// The root of the repository.
pub(super) fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The section of the guide that the recipes stand in.
pub(super) fn section() -> String {
    let guide = fs::read_to_string(root().join("docs/migrations.md")).unwrap();
    let parts = guide.split("\n## ");
    let mut parts = parts.filter_map(|part| part.strip_prefix("In continuous integration\n"));
    parts.next().expect("the section is there").to_owned()
}

/// The only block of a language in the section.
pub(super) fn block(language: &str) -> String {
    let section = section();
    let fence = format!("\n```{language}\n");
    let mut blocks = section.split(&fence).skip(1);
    let block = blocks.next().unwrap_or_else(|| panic!("no {language}"));
    assert!(blocks.next().is_none(), "several blocks of {language}");
    let (block, _) = block.split_once("\n```").expect("it ends");
    format!("{block}\n")
}

/// The addresses a text names, in their order.
pub(super) fn addresses(text: &str) -> Vec<String> {
    let schemes = ["postgres:", "mysql:", "sqlite:"];
    let words = text.split(|c: char| c.is_whitespace() || "=,`".contains(c));
    let found = words.filter(|word| schemes.iter().any(|scheme| word.starts_with(scheme)));
    found.map(str::to_owned).collect()
}
