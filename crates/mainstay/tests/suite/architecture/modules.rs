//! What a module defines, imports and names, read off its source text.

use std::collections::BTreeSet;

use super::text::is_word;

/// What the text of one module says, without its children.
#[derive(Default)]
pub(super) struct Module {
    /// The modules that have files of their own below this one.
    pub children: BTreeSet<String>,
    /// What the module defines itself, by name.
    pub items: BTreeSet<String>,
    pub imports: Vec<Import>,
    /// Every path outside `use`, such as `super::plan::Step` or `Step`.
    pub paths: BTreeSet<Vec<String>>,
}

/// One name of a `use`.
pub(super) struct Import {
    pub path: Vec<String>,
    /// What the module calls it; `*` for everything that is there.
    pub name: String,
    /// Whether others find it here too.
    pub public: bool,
}

/// The keywords before the name of an item.
const ITEMS: &[&str] = &[
    "fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod",
];

impl Module {
    /// Reads code without comments, literals and tests.
    pub(super) fn read(code: &str) -> Module {
        let tokens = tokens(code);
        let token = |at: usize| tokens.get(at).copied().unwrap_or_default();
        let mut module = Module::default();
        let mut depth = 0;
        let mut at = 0;
        while at < tokens.len() {
            match token(at) {
                "{" => depth += 1,
                "}" => depth -= 1,
                // `impl Trait + use<'a>` imports nothing.
                "use" if token(at + 1) != "<" => {
                    let end = (at..tokens.len()).find(|end| token(*end) == ";");
                    let end = end.unwrap_or(tokens.len());
                    let public = at > 0 && matches!(token(at - 1), "pub" | ")");
                    module.import(&tokens[at + 1..end], &[], public);
                    at = end;
                }
                "mod" if token(at + 2) == ";" => {
                    module.children.insert(token(at + 1).to_owned());
                    at += 2;
                }
                "macro_rules" => {
                    module.items.insert(token(at + 2).to_owned());
                }
                keyword if ITEMS.contains(&keyword) && depth == 0 => {
                    module.items.insert(token(at + 1).to_owned());
                }
                word if word.starts_with(is_word) && (at == 0 || token(at - 1) != ".") => {
                    let mut path = vec![word.to_owned()];
                    while token(at + 1) == "::" && token(at + 2).starts_with(is_word) {
                        path.push(token(at + 2).to_owned());
                        at += 2;
                    }
                    module.paths.insert(path);
                }
                _ => {}
            }
            at += 1;
        }
        module
    }

    /// Adds the names of `a::{b::C, d as e, self}`, which is below a prefix.
    fn import(&mut self, tree: &[&str], prefix: &[String], public: bool) {
        let mut path = prefix.to_vec();
        for (at, token) in tree.iter().enumerate() {
            match *token {
                "::" | "}" => {}
                "{" => {
                    for part in parts(&tree[at + 1..]) {
                        self.import(part, &path, public);
                    }
                    return;
                }
                "*" => return self.add(path, "*", public),
                "as" => return self.add(path, tree[at + 1], public),
                "self" if !path.is_empty() => {}
                name => path.push(name.to_owned()),
            }
        }
        if let Some(name) = path.last().cloned() {
            self.add(path, &name, public);
        }
    }

    fn add(&mut self, path: Vec<String>, name: &str, public: bool) {
        let name = name.to_owned();
        self.imports.push(Import { path, name, public });
    }
}

/// What stands between the commas up to the brace that closes the group.
fn parts<'a, 'b>(group: &'a [&'b str]) -> Vec<&'a [&'b str]> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, token) in group.iter().enumerate() {
        match *token {
            "{" => depth += 1,
            "}" if depth > 0 => depth -= 1,
            "}" | "," if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
                if *token == "}" {
                    break;
                }
            }
            _ => {}
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Words, `::`, and every other sign by itself.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

#[test]
fn a_module_is_read_right() {
    let module = Module::read(
        "mod a; pub use a::{b::C, self, D as E}; use super::*; pub struct F { a: a::G<H> }
         impl F { fn g(&self) -> impl Sized + use<'_> { self.h.i(crate::j::k::<L>) } }",
    );
    let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    assert_eq!(module.children, set(&["a"]));
    assert_eq!(module.items, set(&["F"]));
    let imports: Vec<_> = module
        .imports
        .iter()
        .map(|import| (import.path.join("::"), import.name.as_str(), import.public))
        .collect();
    let expected = [
        ("a::b::C", "C", true),
        ("a", "a", true),
        ("a::D", "E", true),
        ("super", "*", false),
    ];
    assert_eq!(
        imports,
        expected.map(|(path, name, public)| (path.to_owned(), name, public))
    );
    let paths: BTreeSet<_> = module.paths.iter().map(|path| path.join("::")).collect();
    for path in ["a::G", "H", "crate::j::k", "L", "self"] {
        assert!(paths.contains(path), "{path} is not in {paths:?}");
    }
    assert!(!paths.contains("h") && !paths.contains("i"));
}
