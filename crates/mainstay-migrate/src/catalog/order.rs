//! The order in which objects can be made: what one needs comes before it.
//!
//! What an object needs is found in its definition: the names of others. That may find too much, a
//! column with the name of a view, and never too little; where names lead in a circle, the kinds
//! of the objects decide.

use std::collections::BTreeSet;

use mainstay::schema::Dialect;

use super::parse::{name_of, significant, unquoted};
use super::{Catalog, Other, Table, View};
use crate::lexer::Kind;

/// Something to be made.
#[derive(Debug, Clone, Copy)]
pub(super) enum What<'a> {
    Other(&'a Other),
    Table(&'a Table),
    View(&'a View),
}

impl<'a> What<'a> {
    /// The name by which others mention it: without the types of parameters.
    fn name(self) -> &'a str {
        match self {
            Self::Table(table) => &table.name,
            Self::View(view) => &view.name,
            Self::Other(other) => match other.kind.as_str() {
                "FUNCTION" | "PROCEDURE" | "AGGREGATE" => {
                    other.name.split('(').next().unwrap_or(&other.name)
                }
                _ => &other.name,
            },
        }
    }

    /// What is made first if nothing else decides.
    fn rank(self) -> usize {
        const ORDER: &[&str] = &[
            "EXTENSION",
            "TYPE",
            "DOMAIN",
            "SEQUENCE",
            "FUNCTION",
            "PROCEDURE",
            "AGGREGATE",
            "TABLE",
            "VIRTUAL TABLE",
            "VIEW",
            "MATERIALIZED VIEW",
            "INDEX",
            "CONSTRAINT",
            "TRIGGER",
            "RULE",
            "POLICY",
            "EVENT",
        ];
        let kind = match self {
            Self::Table(_) => "TABLE",
            Self::View(_) => "VIEW",
            Self::Other(other) => &other.kind,
        };
        ORDER
            .iter()
            .position(|known| *known == kind)
            .unwrap_or(ORDER.len())
    }
}

/// An object with what it needs.
#[derive(Debug)]
struct Object<'a> {
    what: What<'a>,
    /// Objects that have to be there.
    needs: BTreeSet<usize>,
    /// Objects that had better be there: tables that a foreign key refers to.
    likes: BTreeSet<usize>,
}

/// Everything in a catalog but triggers, in an order in which it can be made.
pub(super) fn in_order(catalog: &Catalog) -> Vec<What<'_>> {
    let objects = objects(catalog);
    let circles: Vec<bool> = (0..objects.len())
        .map(|at| is_in_circle(&objects, at))
        .collect();
    let mut waiting: BTreeSet<usize> = (0..objects.len()).collect();
    let mut done = BTreeSet::new();
    let mut order = Vec::with_capacity(objects.len());
    while let Some(best) = waiting.iter().copied().min_by_key(|at| {
        let object = &objects[*at];
        let blocked = !object.needs.is_subset(&done);
        let early = !object.likes.is_subset(&done);
        // A circle is opened at one of its own, not at a table that only refers to it.
        (
            blocked,
            object.what.rank(),
            early,
            !circles[*at],
            object.what.name(),
        )
    }) {
        waiting.remove(&best);
        done.insert(best);
        order.push(objects[best].what);
    }
    order
}

/// Whether a table refers to itself by way of others.
fn is_in_circle(objects: &[Object<'_>], start: usize) -> bool {
    let mut seen = BTreeSet::new();
    let mut next: Vec<usize> = objects[start].likes.iter().copied().collect();
    while let Some(at) = next.pop() {
        if at == start {
            return true;
        }
        if seen.insert(at) {
            next.extend(&objects[at].likes);
        }
    }
    false
}

fn objects(catalog: &Catalog) -> Vec<Object<'_>> {
    let others = catalog.others.iter().map(What::Other);
    let tables = catalog.tables.iter().map(What::Table);
    let views = catalog.views.iter().map(What::View);
    let all: Vec<What<'_>> = others.chain(tables).chain(views).collect();
    let names: Vec<String> = all.iter().map(|what| what.name().to_lowercase()).collect();
    let find = |wanted: &dyn Fn(usize) -> bool, but: usize| -> BTreeSet<usize> {
        (0..all.len())
            .filter(|at| *at != but && wanted(*at))
            .collect()
    };
    all.iter()
        .enumerate()
        .map(|(own, what)| {
            let mentioned = mentioned(catalog.dialect, *what);
            let What::Table(table) = what else {
                let needs = find(&|at| mentioned.contains(&names[at]), own);
                return Object {
                    what: *what,
                    needs,
                    likes: BTreeSet::new(),
                };
            };
            // A table's expressions name its own columns, and no other table; what it is a part
            // of is among its options.
            let options = table.options.iter();
            let parents: BTreeSet<String> = options
                .flat_map(|option| words(catalog.dialect, option))
                .collect();
            let needs = find(
                &|at| match all[at] {
                    What::Other(_) => mentioned.contains(&names[at]),
                    _ => parents.contains(&names[at]),
                },
                own,
            );
            let referred = |at: usize| {
                let mut keys = table.foreign_keys.iter();
                matches!(all[at], What::Table(_))
                    && keys.any(|key| key.references.to_lowercase() == names[at])
            };
            Object {
                what: *what,
                needs,
                likes: find(&referred, own),
            }
        })
        .collect()
}

/// The words in what makes an object, in lower case: among them the names of all that it needs.
fn mentioned(dialect: Dialect, what: What<'_>) -> BTreeSet<String> {
    match what {
        What::View(view) => words(dialect, &view.definition),
        What::Other(other) => {
            let texts = checked_texts(other).into_iter();
            texts.flat_map(|text| words(dialect, text)).collect()
        }
        What::Table(table) => {
            let columns = table.columns.iter().flat_map(|column| {
                let computed = column.generated.as_ref().map(|from| &from.expression);
                [Some(&column.ty), column.default.as_ref(), computed]
                    .into_iter()
                    .flatten()
            });
            let checks = table.checks.iter().map(|check| &check.condition);
            let indexes = table.indexes.iter().flat_map(|index| {
                let suffixes = index.parts.iter().filter_map(|part| part.suffix.as_ref());
                let expressions = index.parts.iter().filter(|part| !part.is_column);
                expressions
                    .map(|part| &part.what)
                    .chain(suffixes)
                    .chain(&index.condition)
            });
            let texts = columns.chain(checks).chain(indexes).chain(&table.options);
            texts.flat_map(|text| words(dialect, text)).collect()
        }
    }
}

/// The parts of a definition that the engine checks when it takes it: all of it, but for what
/// functions do, which it reads when it runs them.
fn checked_texts(other: &Other) -> Vec<&str> {
    let text = other.definition.as_str();
    // Who owns a sequence is said when the tables are there.
    if other.kind == "SEQUENCE" {
        return text.split(" OWNED BY ").take(1).collect();
    }
    let runs = matches!(other.kind.as_str(), "FUNCTION" | "PROCEDURE" | "EVENT");
    if !runs || text.contains("LANGUAGE sql") {
        return vec![text];
    }
    let Some((head, body)) = text.split_once("AS $") else {
        return Vec::new();
    };
    // The types of variables have to be there, too.
    let body = body.split_once('$').map_or(body, |(_, body)| body);
    let begins = body.to_ascii_lowercase().find("begin");
    vec![head, &body[..begins.unwrap_or(0)]]
}

/// Words and names of a text, those in quotes too.
fn words(dialect: Dialect, text: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for token in significant(dialect, text).unwrap_or_default() {
        match token.kind {
            // A body in dollar quotes, or a comment that is run.
            Kind::Quoted if token.text.starts_with('$') => {
                let inner = token.text.trim_matches('$');
                let inner = inner.split_once('$').map_or(inner, |(_, rest)| rest);
                let inner = inner.rsplit_once('$').map_or(inner, |(body, _)| body);
                out.extend(words(dialect, inner));
            }
            // A text may be a name: nextval('"numbers"').
            Kind::Quoted if token.text.starts_with('\'') => {
                let inner = unquoted(token.text).unwrap_or_default();
                let inner = inner.rsplit('.').next().unwrap_or_default();
                out.insert(inner.trim_matches('"').to_lowercase());
            }
            _ => out.extend(name_of(&token).map(|name| name.to_lowercase())),
        }
    }
    out
}
