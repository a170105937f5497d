//! No file uses itself by way of others: which files use which, and the circles among them.
//!
//! A file uses another when it names something that the other one defines, wherever it finds the
//! name. Declaring a module is no use of it, nor is passing on what a module below defines. Methods
//! are not followed: the text does not say whose they are.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use super::modules::Module;
use super::text::{code, without_tests};
use crate::support::{files, read, relative};

/// The modules of a program or a library by their paths from its root, which is `[]`.
#[derive(Default)]
struct Crate {
    modules: BTreeMap<Vec<String>, Module>,
    files: BTreeMap<Vec<String>, String>,
}

/// Where a path leads.
enum Target {
    Module(Vec<String>),
    /// What a module defines, and its name.
    Item(Vec<String>, String),
}

/// The files that a file uses, each with the names it uses of it.
type Uses = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Folders that are not looked at yet, each with the reason.
const LEFT_OUT: &[&str] = &[
    // A handle starts transactions, and a transaction belongs to a handle: the types of both hold
    // each other.
    "crates/mainstay/src/database/",
    "crates/mainstay/src/transaction/",
    // The parts of a connection, and those of a pool, name the whole they belong to.
    "crates/mainstay/src/driver/",
    "crates/mainstay/src/pool/",
];

#[test]
fn files_do_not_use_themselves_by_way_of_others() {
    let mut found = Vec::new();
    for path in crate_roots() {
        let mut uses = Crate::read(&path).uses();
        uses.retain(|file, _| !LEFT_OUT.iter().any(|folder| file.starts_with(folder)));
        found.extend(circles(&uses));
    }
    assert!(
        found.is_empty(),
        "move what both sides use into a file of its own: {found:#?}"
    );
}

/// The file at the root of every library and program of the workspace.
fn crate_roots() -> Vec<PathBuf> {
    let mut roots = Vec::new();
    for folder in super::members() {
        for path in files(&folder.join("src"), &["rs"]) {
            let inside = path.strip_prefix(&folder).unwrap_or(&path);
            let is_root = inside == Path::new("src/lib.rs")
                || inside == Path::new("src/main.rs")
                || inside.parent() == Some(Path::new("src/bin"));
            if is_root {
                roots.push(path);
            }
        }
    }
    roots
}

impl Crate {
    /// Reads the file at the root and those of all modules that are declared from there on.
    fn read(root: &Path) -> Crate {
        let mut found = Crate::default();
        let mut waiting = vec![(Vec::new(), root.to_owned())];
        while let Some((module, path)) = waiting.pop() {
            let folder = path.parent().unwrap_or(&path);
            let stem = path.file_stem().unwrap_or_default();
            let folder = match stem.to_str() {
                Some("mod" | "lib" | "main") => folder.to_owned(),
                _ if module.is_empty() => folder.to_owned(),
                _ => folder.join(stem),
            };
            found.add(module.clone(), relative(&path), &read(&path));
            for child in &found.modules[&module].children {
                let mut path = folder.join(format!("{child}.rs"));
                if !path.exists() {
                    path = folder.join(child).join("mod.rs");
                }
                waiting.push((joined(&module, child), path));
            }
        }
        found
    }

    fn add(&mut self, module: Vec<String>, file: String, text: &str) {
        let code = without_tests(&code(text));
        self.modules.insert(module.clone(), Module::read(&code));
        self.files.insert(module, file);
    }

    fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for (place, module) in &self.modules {
            let mut add = |target: Target| {
                let (to, name) = match target {
                    Target::Item(to, name) => (to, name),
                    Target::Module(_) => return,
                };
                if to != *place {
                    let of = uses.entry(self.files[place].clone()).or_default();
                    of.entry(self.files[&to].clone()).or_default().insert(name);
                }
            };
            for import in &module.imports {
                match self.find(place, &import.path, 0) {
                    Some(Target::Module(to)) if import.name == "*" && !below(&to, place) => {
                        add(Target::Item(to, "*".to_owned()));
                    }
                    Some(Target::Item(to, _)) if import.public && below(&to, place) => {}
                    Some(target) => add(target),
                    None => {}
                }
            }
            for path in &module.paths {
                self.find(place, path, 0).map(&mut add);
            }
        }
        uses
    }

    /// Follows a path that is written in a module; `None` when it leads out of the crate.
    fn find(&self, place: &[String], path: &[String], depth: usize) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        let mut target = match first.as_str() {
            "crate" => Target::Module(Vec::new()),
            "self" => Target::Module(place.to_vec()),
            "super" => Target::Module(place[..place.len().checked_sub(1)?].to_vec()),
            _ => self.member(place, first, rest.is_empty(), depth)?,
        };
        for (at, name) in rest.iter().enumerate() {
            let Target::Module(module) = target else {
                // What is inside of an item comes with it.
                break;
            };
            let last = at + 1 == rest.len();
            target = match name.as_str() {
                "super" => Target::Module(module[..module.len().checked_sub(1)?].to_vec()),
                _ => match self.member(&module, name, last, depth) {
                    Some(target) => target,
                    None => return Some(Target::Item(module, name.clone())),
                },
            };
        }
        Some(target)
    }

    /// What a module calls by a name. A function and a module may share one: the last name of a
    /// path is the function, one before it the module.
    fn member(&self, place: &[String], name: &str, last: bool, depth: usize) -> Option<Target> {
        let module = self.modules.get(place)?;
        let item = || Target::Item(place.to_vec(), name.to_owned());
        let child = || Target::Module(joined(place, name));
        let is_child = module.children.contains(name);
        if is_child && !last {
            return Some(child());
        }
        if module.items.contains(name) {
            return Some(item());
        }
        // Imports of everything may lead round and round.
        let imports = module.imports.iter().filter(|_| depth < 8);
        for import in imports {
            if import.name == "*" {
                let found = self.find(place, &joined(&import.path, name), depth + 1);
                // What is not there is taken for an item that the text does not show.
                let is_there = |target: &Target| match target {
                    Target::Item(at, name) => self.modules[at].items.contains(name),
                    Target::Module(_) => true,
                };
                if found.as_ref().is_some_and(is_there) {
                    return found;
                }
            } else if import.name == name && !(is_child && import.path == [name]) {
                return self.find(place, &import.path, depth + 1);
            }
        }
        is_child.then(child)
    }
}

fn joined(module: &[String], name: &str) -> Vec<String> {
    let mut path = module.to_vec();
    path.push(name.to_owned());
    path
}

fn below(module: &[String], place: &[String]) -> bool {
    module.len() > place.len() && module.starts_with(place)
}

/// The shortest circle through each file that is on one, without doubles, as text.
fn circles(uses: &Uses) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut found = BTreeSet::new();
    for file in uses.keys() {
        let Some(circle) = shortest(uses, file) else {
            continue;
        };
        if seen.insert(circle.iter().cloned().collect::<BTreeSet<_>>()) {
            found.insert(told(uses, &circle));
        }
    }
    found
}

/// The files on the shortest way from a file to itself.
fn shortest(uses: &Uses, start: &str) -> Option<Vec<String>> {
    let mut waiting = VecDeque::from([vec![start.to_owned()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = waiting.pop_front() {
        for next in uses.get(way.last()?).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                return Some(way);
            }
            if seen.insert(next) {
                waiting.push_back(joined(&way, next));
            }
        }
    }
    None
}

/// `a.rs -> b.rs (What) -> a.rs (Other)`: each file with what the one before uses of it.
fn told(uses: &Uses, circle: &[String]) -> String {
    let mut text = circle[0].clone();
    for (at, file) in circle.iter().enumerate() {
        let next = &circle[(at + 1) % circle.len()];
        let names: Vec<_> = uses[file][next].iter().map(String::as_str).collect();
        text.push_str(&format!(" -> {next} ({})", names.join(", ")));
    }
    text
}

/// The circles among modules that are not there; the file of `a::b` is `a/b.rs`.
fn circles_among(modules: &[(&str, &str)]) -> Vec<String> {
    let mut made_up = Crate::default();
    for (path, text) in modules {
        let path: Vec<_> = path.split("::").filter(|part| !part.is_empty()).collect();
        let file = format!("{}.rs", path.join("/"));
        made_up.add(path.into_iter().map(str::to_owned).collect(), file, text);
    }
    circles(&made_up.uses()).into_iter().collect()
}

#[test]
fn circles_are_found() {
    // A child uses what its parent defines, and the parent the child.
    let found = circles_among(&[
        ("", "mod a;"),
        ("a", "mod b;\npub struct Part;\npub fn all() { b::one() }"),
        ("a::b", "use super::Part;\npub fn one() -> Part { Part }"),
    ]);
    assert_eq!(found, ["a.rs -> a/b.rs (one) -> a.rs (Part)"]);
    // Three files, by a name that is passed on, one with another name, and a path in the code.
    let found = circles_among(&[
        ("", "mod a; mod b; mod c;\npub use c::Third;"),
        (
            "a",
            "use crate::b::{self, Second as Other};\npub struct First(Other);",
        ),
        ("b", "pub struct Second(crate::Third);"),
        ("c", "use super::a;\npub struct Third(a::First);"),
    ]);
    assert_eq!(
        found,
        ["a.rs -> b.rs (Second) -> c.rs (Third) -> a.rs (First)"]
    );
    // By all names of a module, and by a function that is called like its module.
    let found = circles_among(&[
        ("", "mod a; mod b;"),
        ("a", "mod run;\npub use run::run;"),
        ("a::run", "use crate::b::*;\npub fn run() { stop() }"),
        ("b", "pub fn stop() { crate::a::run() }"),
    ]);
    assert_eq!(found, ["a/run.rs -> b.rs (*, stop) -> a/run.rs (run)"]);
}

#[test]
fn what_is_no_circle_is_let_pass() {
    let found = circles_among(&[
        ("", "mod a;\npub use a::{First, first};"),
        // The parent passes on what its children define, and they know each other by it.
        (
            "a",
            "mod b; mod c;\npub use b::{First, first};\npub(crate) use c::Second;",
        ),
        (
            "a::b",
            "use super::Second;\npub struct First(Second);\npub fn first() -> First { First(Second) }",
        ),
        (
            "a::c",
            "// use super::First;\npub struct Second;\nconst TEXT: &str = \"super::First\";\n\
             #[cfg(test)]\nmod tests { use super::super::First; }",
        ),
    ]);
    assert!(found.is_empty(), "{found:?}");
}
