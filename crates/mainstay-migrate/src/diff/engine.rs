//! What an engine does in its own way.

use super::draft::Step;
use super::plan::Plan;
use super::work::{TableWork, Work};
use crate::catalog::Other;

/// How an object beside tables is changed.
#[derive(Debug, Default)]
pub(super) struct OtherSteps {
    /// Before tables are made and altered, if they may need it.
    pub(super) now: Vec<Step>,
    /// Once tables do not need it any more.
    pub(super) late: Vec<Step>,
}

/// What an engine does in its own way.
pub(super) trait Engine: Sync {
    /// Adds to the work what the engine needs besides.
    fn prepare(&self, work: &mut Work<'_>);

    /// Whether views that mention the table have to go before it is altered, and come back.
    fn disturbs_views(&self, work: &Work<'_>, table: &TableWork<'_>) -> bool;

    /// The same for triggers on the table and those that mention it.
    fn disturbs_triggers(&self, work: &Work<'_>, table: &TableWork<'_>) -> bool;

    /// The statement that drops a trigger.
    fn drop_trigger(&self, table: &str, trigger: &str) -> String;

    /// The statement that renames a column.
    fn rename_column(&self, table: &str, before: &str, after: &str) -> String;

    /// Drops the tables that go, and before them the foreign keys in the way.
    fn drop_tables(&self, work: &Work<'_>, plan: &mut Plan);

    /// Makes the tables that come, with their indexes and foreign keys.
    fn create_tables(&self, work: &Work<'_>, plan: &mut Plan);

    /// Alters a table that stays.
    fn alter(&self, work: &Work<'_>, table: &TableWork<'_>, plan: &mut Plan);

    /// Drops an object that stands beside tables.
    fn drop_other(&self, other: &Other) -> String;

    /// Changes such an object: at its place, and at the end. `None` where it has to be dropped and
    /// made anew.
    fn change_other(&self, work: &Work<'_>, old: &Other, new: &Other) -> Option<OtherSteps>;
}
