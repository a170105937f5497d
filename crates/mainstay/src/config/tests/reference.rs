//! The generated table of keys.

use crate::config::{ConfigLoader, KeyDef, Kind, reference_markdown, reference_markdown_of};

#[test]
fn the_reference_lists_every_key_with_its_variable_and_sentence() {
    let table = reference_markdown();
    let loader = ConfigLoader::new();
    assert_eq!(table.lines().count(), loader.keys().len() + 2);
    for def in loader.keys() {
        let start = format!("| `{}` | `{}` | ", def.key, def.env);
        let row = table
            .lines()
            .find(|line| line.starts_with(&start))
            .expect(def.key);
        assert!(row.contains(def.doc), "{row}");
        assert!(def.doc.ends_with('.'), "{}", def.key);
    }
}

#[test]
fn defaults_are_one_value_or_one_per_profile() {
    let table = reference_markdown();
    let row = |key: &str| {
        let start = format!("| `{key}` |");
        table
            .lines()
            .find(|line| line.starts_with(&start))
            .unwrap_or_default()
    };
    assert!(row("timeouts.acquire").contains("| `5s` |"));
    assert!(row("pool.max").contains("| development: `10`, test: `5`, production: `20` |"));
    assert!(row("url").contains("test: `sqlite:test.db`, production: none |"));
    assert!(row("tls_ca_file").contains("| none |"));
    assert!(row("tls").contains("`require` in production"));
}

#[test]
fn every_row_has_the_same_cells_and_secrets_are_marked() {
    const OWN: &[KeyDef] = &[KeyDef::new("a.b", "A", Kind::Text, "One | two.")
        .secret()
        .default("x")];
    let table = reference_markdown() + &reference_markdown_of(OWN);
    for line in table.lines().filter(|line| !line.starts_with("|---")) {
        let bars = line.matches('|').count() - line.matches("\\|").count();
        assert_eq!(bars, 6, "{line}");
    }
    assert!(table.contains("One \\| two. Secret: never shown. |"));
    assert!(
        !table.contains(" | `x` | One"),
        "a secret's default is not printed"
    );
}
