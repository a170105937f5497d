//! Steps, and the phases they run in.

use super::draft::{Draft, Step};

/// The phases, in order. Up to the renames, tables go by the names they had before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    DropTriggers,
    DropViews,
    DropForeignKeys,
    DropTables,
    Rename,
    /// Types, sequences and functions that tables may need.
    MakeOthers,
    CreateTables,
    AlterTables,
    Indexes,
    ForeignKeys,
    /// What needs the tables, and what they do not need any more.
    LateOthers,
    Views,
    Triggers,
}

/// Steps by phase.
#[derive(Debug, Default)]
pub(super) struct Plan {
    steps: Vec<(Phase, Step)>,
    pub(super) rebuilds: Vec<String>,
    pub(super) remarks: Vec<String>,
}

impl Plan {
    pub(super) fn push(&mut self, phase: Phase, step: Step) {
        self.steps.push((phase, step));
    }

    pub(super) fn finish(mut self) -> Draft {
        // Stable: within a phase the order of pushing counts.
        self.steps.sort_by_key(|(phase, _)| *phase);
        Draft {
            rebuilds: self.rebuilds,
            remarks: self.remarks,
            steps: self.steps.into_iter().map(|(_, step)| step).collect(),
        }
    }
}
