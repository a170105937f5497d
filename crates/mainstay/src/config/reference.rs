//! The table of keys as Markdown, for the README and the application's own documentation.

use super::keys::{KEYS, KeyDef};
use super::{Kind, Profile, REDACTED};

/// The reference of the database layer's keys: a Markdown table with one row per key.
pub fn reference_markdown() -> String {
    reference_markdown_of(KEYS)
}

/// The same table for other keys, such as [`ConfigLoader::keys`](super::ConfigLoader::keys) of an
/// application.
pub fn reference_markdown_of(keys: &[KeyDef]) -> String {
    let mut table = String::from(
        "| Key | Environment | Allowed | Default | Meaning |\n|---|---|---|---|---|\n",
    );
    for def in keys {
        let secret = match def.kind {
            _ if def.secret => " Secret: never shown.",
            Kind::Url => " The password is never shown.",
            _ => "",
        };
        let row = format!(
            "| `{}` | `{}` | {} | {} | {}{secret} |\n",
            def.key,
            def.env,
            cell(&allowed(&def.kind)),
            cell(&default(def)),
            cell(def.doc),
        );
        table.push_str(&row);
    }
    table
}

fn allowed(kind: &Kind) -> String {
    match kind {
        Kind::Choice(words) => words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", "),
        Kind::Url => "`sqlite:PATH`, `postgres://...`, `mysql://...`".to_owned(),
        kind => kind.allowed(),
    }
}

fn default(def: &KeyDef) -> String {
    if let Some(note) = def.default_note {
        return note.to_owned();
    }
    let of = |profile| match def.default_of(profile) {
        Some(_) if def.secret => REDACTED.to_owned(),
        Some(text) => format!("`{text}`"),
        None => "none".to_owned(),
    };
    let [first, others @ ..] = Profile::ALL.map(of);
    if others.iter().all(|other| *other == first) {
        return first;
    }
    Profile::ALL
        .map(|profile| format!("{profile}: {}", of(profile)))
        .join(", ")
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
