//! What the guides promise of the code beyond its paths: the names of the design the project started
//! from are aliases, questlog's routes are described, and the examples in the code are compiled.

use crate::support::{files, read, relative, root};

/// The names of the design the project started from, as `docs/coming-from-prisma.md` has them.
const SEED_NAMES: &[&str] = &[
    "getDatabaseConfig",
    "createPrismaClient",
    "PrismaClient",
    "globalThis.prisma",
    "DatabaseError",
    "handlePrismaError",
    "userCreateSchema",
    "goalCreateSchema",
    "validateInput",
    "BaseRepository",
    "findById",
    "findMany",
    "$transaction",
    "$disconnect",
];

#[test]
fn the_seeds_names_lead_to_ours() {
    let mut source = String::new();
    for folder in ["crates", "apps"] {
        for file in files(&root().join(folder), &["rs"]) {
            source.push_str(&read(&file));
        }
    }
    let missing: Vec<_> = SEED_NAMES
        .iter()
        .filter(|name| !source.contains(&format!("#[doc(alias = \"{name}\")]")))
        .collect();
    assert!(missing.is_empty(), "no item has the alias: {missing:?}");
}

#[test]
fn the_guide_to_questlog_has_its_routes_filters_and_codes() {
    let guide = read(&root().join("docs/questlog.md"));
    let http = root().join("apps/questlog/src/http");
    let routes = read(&http.join("mod.rs"));
    let mut names: Vec<String> = between(&routes, "\"/", "\"")
        .into_iter()
        .filter(|path| *path != "api/v1")
        .map(|path| format!("/{path}"))
        .collect();
    assert!(names.len() > 10, "the routes are gone: {names:?}");
    for file in ["users.rs", "modules.rs", "goals.rs", "progress.rs"] {
        let source = read(&http.join(file));
        let compact: String = source.split_whitespace().collect();
        for reader in ["uuid(\"", "text(\"", "flag(\"", ">(\""] {
            names.extend(
                between(&compact, reader, "\"")
                    .into_iter()
                    .map(str::to_owned),
            );
        }
    }
    assert!(names.iter().any(|name| name == "moduleId"), "{names:?}");
    let refusals = read(&http.join("refusal.rs"));
    let codes = between(&refusals, "\"", "\"")
        .into_iter()
        .filter(|text| text.len() > 3 && text.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
    names.extend(codes.map(str::to_owned));
    assert!(names.iter().any(|name| name == "UNAUTHORIZED"), "{names:?}");
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !guide.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "docs/questlog.md lacks {missing:?}");
}

/// What stands between two marks, wherever it does.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    let parts = text.match_indices(start).map(|(at, _)| {
        let rest = &text[at + start.len()..];
        &rest[..rest.find(end).unwrap_or(0)]
    });
    parts.collect()
}

#[test]
fn no_example_of_the_api_documentation_is_left_out() {
    let mut wrong = Vec::new();
    for folder in ["crates", "apps", "xtask"] {
        for file in files(&root().join(folder), &["rs"]) {
            let ignored = ["//! ```ignore", "/// ```ignore"];
            // At the start of a line, so that this list is not found.
            let has = |line: &str| ignored.iter().any(|text| line.trim().starts_with(text));
            if read(&file).lines().any(has) {
                wrong.push(relative(&file));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "examples that are not compiled: {wrong:?}"
    );
}
