//! The rules of ARCHITECTURE.md that can be read off the source text: imports run one way, engines
//! are told apart in few places, files stay small and say what they are.
//!
//! - `circles`: no file uses itself by way of others
//! - `modules`: what a module defines, imports and names
//! - `text`: source text without what is no code

mod circles;
mod modules;
mod text;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::{files, read, relative, root};
use modules::Module;
use text::{code, is_word, without_tests};

/// The modules of the crate from the bottom up. A module imports from those of earlier lines and
/// from itself; those of one line know each other only if the line says so.
const ORDER: &[(&[&str], bool)] = &[
    (&["config", "clock", "entropy"], false),
    (&["error"], false),
    (&["value"], false),
    (&["schema"], false),
    (&["validate"], false),
    (&["driver"], false),
    (&["resilience"], false),
    (&["pool"], false),
    (&["observe"], false),
    // A handle starts transactions, and a transaction belongs to a handle.
    (&["database", "transaction"], true),
    (&["repository"], false),
];

/// Where one engine may be told from another.
const ENGINE_PLACES: &[&str] = &[
    "crates/mainstay/src/config/",
    "crates/mainstay/src/driver/",
    "crates/mainstay/src/schema/dialect.rs",
    "crates/mainstay/src/schema/ddl/",
    "crates/mainstay-migrate/src/dialect/",
    // What turns one schema into another has little in common from engine to engine: SQLite builds
    // tables anew, PostgreSQL alters piece by piece, MariaDB all at once.
    "crates/mainstay-migrate/src/diff/engines.rs",
    "crates/mainstay-migrate/src/diff/sqlite/",
    "crates/mainstay-migrate/src/diff/postgres/",
    "crates/mainstay-migrate/src/diff/mysql.rs",
    // A catalog is read in a way of its own from each engine: one file says how they differ, the
    // others speak to one engine each.
    "crates/mainstay-migrate/src/catalog/engine.rs",
    "crates/mainstay-migrate/src/catalog/sqlite.rs",
    "crates/mainstay-migrate/src/catalog/postgres/",
    "crates/mainstay-migrate/src/catalog/mysql/",
    // How engines are filled, measured and watched: each has statements of its own for it.
    "crates/mainstay-migrate/src/rehearse/engine.rs",
    // A backup is taken in a way of its own from each engine.
    "crates/mainstay-backup/src/engine/",
    // Values go into each engine in a way of its own, and its foreign keys are put aside in one.
    "crates/mainstay-backup/src/copy/engine/",
    // What an archive calls the engines.
    "crates/mainstay-backup/src/archive/manifest.rs",
    // The rules are about how engines differ.
    "crates/mainstay-migrate/src/lint/dialect.rs",
    "crates/mainstay-migrate/src/lint/rules/",
];

/// Lines a file should stay under, and lines it must stay under.
const AIM: usize = 400;
const LIMIT: usize = 450;

#[test]
fn imports_run_one_way() {
    let mut wrong = BTreeSet::new();
    for (path, code) in source_of("crates/mainstay/src") {
        let Some(module) = top_module(&path) else {
            continue;
        };
        for used in modules_used(&path, &code) {
            if may_use(&module, &used) {
                continue;
            }
            let path = relative(&path);
            wrong.insert(format!("{path}: {module} must not use {used}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_has_its_place_in_the_order() {
    let declared = top_modules();
    let ordered: BTreeSet<_> = ORDER
        .iter()
        .flat_map(|(modules, _)| modules.iter().map(|name| (*name).to_owned()))
        .collect();
    assert_eq!(declared, ordered);
}

#[test]
fn engines_are_told_apart_in_few_places() {
    let mut wrong = Vec::new();
    for folder in [
        "crates/mainstay/src",
        "crates/mainstay-migrate/src",
        "crates/mainstay-backup/src",
        "crates/mainstay-cli/src",
        "apps",
    ] {
        for (path, code) in source_of(folder) {
            let path = relative(&path);
            if ENGINE_PLACES.iter().any(|place| path.starts_with(place)) {
                continue;
            }
            for engine in [
                "Dialect::Sqlite",
                "Dialect::Postgres",
                "Dialect::MariaDb",
                "Dialect::MySql",
                "EngineKind::Sqlite",
                "EngineKind::Postgres",
                "EngineKind::MySql",
            ] {
                if code.contains(engine) {
                    wrong.push(format!("{path} names {engine}"));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "ask a capability or add a method to the dialect instead: {wrong:#?}"
    );
}

#[test]
fn files_stay_small() {
    let mut long = Vec::new();
    for folder in ["crates", "apps", "xtask"] {
        for path in files(&root().join(folder), &["rs"]) {
            let lines = read(&path).lines().count();
            if lines > LIMIT {
                long.push(format!("{} has {lines} lines", relative(&path)));
            }
        }
    }
    assert!(
        long.is_empty(),
        "aim for {AIM} lines, at most {LIMIT}: {long:#?}"
    );
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<_> = ["crates", "apps", "xtask"]
        .into_iter()
        .flat_map(|folder| files(&root().join(folder), &["rs"]))
        .filter(|path| !is_test(path) && !read(path).trim_start().starts_with("//!"))
        .map(|path| relative(&path))
        .collect();
    assert!(silent.is_empty(), "no //! at the top: {silent:#?}");
}

#[test]
fn every_folder_says_what_is_in_it() {
    let mut unsaid = Vec::new();
    for path in files(&root().join("crates"), &["rs"]) {
        let name = path.file_name().unwrap_or_default();
        if is_test(&path) || (name != "mod.rs" && name != "lib.rs") {
            continue;
        }
        let text = read(&path);
        let told: String = text.lines().filter(|l| l.starts_with("//!")).collect();
        let words: BTreeSet<_> = told.split(|c: char| !is_word(c)).collect();
        for module in Module::read(&without_tests(&code(&text))).children {
            if !words.contains(module.as_str()) {
                unsaid.push(format!("{} does not mention {module}", relative(&path)));
            }
        }
    }
    assert!(unsaid.is_empty(), "{unsaid:#?}");
}

/// The folders of the workspace's crates.
fn members() -> Vec<PathBuf> {
    let mut members = vec![root().join("xtask")];
    for folder in ["crates", "apps"] {
        let folder = root().join(folder);
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{folder:?}: {e}"));
        members.extend(entries.map(|entry| entry.expect("a readable entry").path()));
    }
    members.retain(|folder| folder.join("Cargo.toml").exists());
    members.sort();
    members
}

/// The source files of a folder without tests, each with its code: no comments, no text literals.
fn source_of(folder: &str) -> Vec<(PathBuf, String)> {
    files(&root().join(folder), &["rs"])
        .into_iter()
        .filter(|path| !is_test(path))
        .map(|path| {
            let code = without_tests(&code(&read(&path)));
            (path, code)
        })
        .collect()
}

fn is_test(path: &Path) -> bool {
    let path = relative(path);
    path.split('/').any(|part| part == "tests")
        || path.ends_with("/tests.rs")
        || path.ends_with("/testing.rs")
        || path.ends_with("_tests.rs")
}

/// The modules that the crate's root declares.
fn top_modules() -> BTreeSet<String> {
    let lib = read(&root().join("crates/mainstay/src/lib.rs"));
    Module::read(&without_tests(&code(&lib))).children
}

/// The module of a name that the crate's root re-exports: `Error` is of `error`.
fn home_of(name: &str) -> Option<String> {
    let lib = code(&read(&root().join("crates/mainstay/src/lib.rs")));
    lib.split(';').find_map(|item| {
        let (module, names) = item.trim().strip_prefix("pub use ")?.split_once("::")?;
        let mut names = names.split(|c: char| !is_word(c));
        names.any(|n| n == name).then(|| module.to_owned())
    })
}

fn top_module(path: &Path) -> Option<String> {
    let inside = relative(path);
    let inside = inside.strip_prefix("crates/mainstay/src/")?;
    let first = inside.split(['/', '.']).next()?;
    (first != "lib").then(|| first.to_owned())
}

fn may_use(module: &str, used: &str) -> bool {
    let place = |name: &str| ORDER.iter().position(|(names, _)| names.contains(&name));
    match (place(module), place(used)) {
        (Some(at), Some(of)) => of < at || module == used || (of == at && ORDER[at].1),
        _ => false,
    }
}

/// The top-level modules that a file names, by `crate::` or by climbing up with `super::`.
fn modules_used(path: &Path, code: &str) -> BTreeSet<String> {
    let modules = top_modules();
    let inside = relative(path);
    let inside = inside.trim_start_matches("crates/mainstay/src/");
    let depth = inside.trim_end_matches("/mod.rs").split('/').count();
    let climb = "super::".repeat(depth);
    let mut names = Vec::new();
    for root in ["crate::", &climb] {
        for (at, _) in code.match_indices(root) {
            if !code[..at].ends_with(|c: char| is_word(c) || c == ':' || c == '$') {
                names.extend(first_names(&code[at + root.len()..]));
            }
        }
    }
    names
        .into_iter()
        .filter_map(|name| {
            if modules.contains(&name) {
                return Some(name);
            }
            home_of(&name)
        })
        .collect()
}

/// `error::Error` gives `error`; `{error::Error, value::{A, B}}` gives `error` and `value`.
fn first_names(path: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| is_word(*c)).collect::<String>();
    let Some(group) = path.strip_prefix('{') else {
        return vec![word(path)];
    };
    let mut depth = 0;
    let mut names = vec![word(group.trim_start())];
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(word(group[at + 1..].trim_start())),
            _ => {}
        }
    }
    names
}

#[test]
fn the_reader_of_source_text_reads_it_right() {
    let text = "use crate::{error::Error, value::{A, B}, pool};\n// crate::database\n\
                let a = \"crate::transaction \\\" {\"; let b = r#\"\" crate::observe\"#; let c = '\"';\n\
                #[cfg(test)]\nmod tests { use crate::repository; fn f() {} }\nuse super::super::driver;";
    let code = without_tests(&code(text));
    let path = root().join("crates/mainstay/src/schema/ddl/column.rs");
    let used = modules_used(&path, &code);
    assert_eq!(used, ["error", "pool", "value"].map(str::to_owned).into());
    let path = root().join("crates/mainstay/src/schema/column.rs");
    assert!(modules_used(&path, &code).contains("driver"));
    assert!(modules_used(&path, "crate::ErrorKind::Decode").contains("error"));
    assert!(may_use("pool", "driver") && !may_use("driver", "pool"));
    assert!(may_use("database", "transaction") && !may_use("resilience", "pool"));
}
