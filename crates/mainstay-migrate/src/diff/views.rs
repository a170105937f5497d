//! Views: dropped before the tables they read are altered, and made again behind.

use std::collections::BTreeSet;

use mainstay::schema::Dialect;

use super::draft::Step;
use super::engine::Engine;
use super::plan::{Phase, Plan};
use super::reason::DROPS;
use super::words;
use super::work::Work;
use crate::catalog::{Catalog, Other};

/// How a catalog calls views that keep their rows. They stand among its other objects.
const MATERIALIZED: &str = "MATERIALIZED VIEW";

/// A view of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct AnyView<'a> {
    kind: &'a str,
    name: &'a str,
    definition: &'a str,
}

/// Whether an object beside tables is a view.
pub(super) fn is_view(other: &Other) -> bool {
    other.kind == MATERIALIZED
}

fn of(catalog: &Catalog) -> Vec<AnyView<'_>> {
    let plain = catalog.views.iter().map(|view| AnyView {
        kind: "VIEW",
        name: &view.name,
        definition: &view.definition,
    });
    let others = catalog.others.iter().filter(|other| is_view(other));
    let kept = others.map(|other| AnyView {
        kind: &other.kind,
        name: &other.name,
        definition: &other.definition,
    });
    plain.chain(kept).collect()
}

/// Drops the views that go, change or are in the way, and makes those that come or come back.
/// Returns the names of those that were dropped.
pub(super) fn plan(work: &Work<'_>, engine: &dyn Engine, plan: &mut Plan) -> BTreeSet<String> {
    let dialect = work.dialect;
    let mut in_the_way: BTreeSet<String> = BTreeSet::new();
    for table in &work.tables {
        if engine.disturbs_views(work, table) {
            in_the_way.insert(work.name_before(&table.from.name).to_owned());
        }
    }
    in_the_way.extend(work.dropped.iter().map(|table| table.name.clone()));
    let (old, new) = (of(work.original), of(work.to));
    let mut dropped: BTreeSet<String> = BTreeSet::new();
    // What mentions a view that is dropped is dropped too.
    while let Some(view) = old.iter().find(|view| {
        let mentions = |name: &String| words::mentions(dialect, view.definition, name);
        !dropped.contains(view.name)
            && (!new.contains(view)
                || in_the_way.iter().any(mentions)
                || dropped.iter().any(mentions))
    }) {
        dropped.insert(view.name.to_owned());
    }
    let goes = |view: &&AnyView<'_>| dropped.contains(view.name);
    let gone: Vec<AnyView<'_>> = old.iter().filter(goes).copied().collect();
    for view in in_order(dialect, gone).into_iter().rev() {
        let comes_back = new.iter().any(|other| other.name == view.name);
        let sql = format!("DROP {} {}", view.kind, dialect.quote(view.name));
        let why = (!comes_back).then(|| format!("{DROPS} the view {}", view.name));
        plan.push(Phase::DropViews, Step::new(sql).destructive(why));
    }
    let comes = |view: &&AnyView<'_>| {
        dropped.contains(view.name) || old.iter().all(|other| other.name != view.name)
    };
    let come: Vec<AnyView<'_>> = new.iter().filter(comes).copied().collect();
    for view in in_order(dialect, come) {
        plan.push(Phase::Views, Step::new(view.definition));
    }
    dropped
}

/// Views, each behind those that it mentions.
fn in_order<'a>(dialect: Dialect, mut views: Vec<AnyView<'a>>) -> Vec<AnyView<'a>> {
    let mut out = Vec::new();
    while !views.is_empty() {
        let ready = views.iter().position(|view| {
            views.iter().all(|other| {
                other.name == view.name || !words::mentions(dialect, view.definition, other.name)
            })
        });
        // A word that only looks like another view's name may close a circle.
        out.push(views.remove(ready.unwrap_or(0)));
    }
    out
}
