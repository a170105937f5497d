//! Drafts the way from one database to another, and the way back.

use super::draft::Draft;
use super::plan::Plan;
use super::reason::{DROPS, NARROWS};
use super::renames::Renames;
use super::work::Work;
use super::{build, engines};
use crate::catalog::Catalog;

/// Drafts the statements that turn a database like `from` into one like `to`, in an order that
/// runs. Both are catalogs of the same engine.
///
/// What is renamed is told; anything else by another name is dropped and made anew. Statements
/// that destroy something, or that rows may stand against, are marked with what it is.
///
/// ```
/// use mainstay::schema::Dialect;
/// use mainstay_migrate::catalog::Catalog;
/// use mainstay_migrate::diff::{Renames, draft};
///
/// let catalog = Catalog::empty(Dialect::Postgres);
/// assert!(draft(&catalog, &catalog, &Renames::default()).is_empty());
/// ```
pub fn draft(from: &Catalog, to: &Catalog, renames: &Renames) -> Draft {
    let (renames, remarks) = renames.fitting(from, to);
    let renamed = renames.apply(from);
    let mut work = Work::new(from, &renamed, to, &renames);
    let engine = engines::of(to.dialect);
    engine.prepare(&mut work);
    let mut plan = Plan::default();
    plan.remarks.extend(remarks);
    build::build(&work, engine, &mut plan);
    plan.finish()
}

/// Drafts the way back from `to` to `from`: the statements that undo [`draft`] of the same
/// arguments. What the way there destroys does not come back: it is said in the remarks.
pub fn draft_back(from: &Catalog, to: &Catalog, renames: &Renames) -> Draft {
    let there = draft(from, to, renames);
    let mut back = draft(to, from, &renames.reversed());
    let lost = there
        .steps
        .iter()
        .filter_map(|step| step.destructive.as_ref());
    let lost = lost.flat_map(|why| why.lines());
    // A condition on the rows that were there is met already.
    let lost = lost.filter(|why| why.starts_with(DROPS) || why.starts_with(NARROWS));
    let lost = lost.map(|why| format!("does not bring back what the way here lost: it {why}"));
    back.remarks.extend(lost);
    back
}

#[cfg(test)]
#[path = "tests/draft.rs"]
mod tests;
