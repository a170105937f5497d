//! Enums stored as words.

use mainstay::TextEnum;
use serde::{Deserialize, Serialize};

/// How hard a goal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TextEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difficulty {
    /// Little effort.
    Easy,
    /// Some effort.
    Medium,
    /// Much effort.
    Hard,
    /// The greatest effort.
    Expert,
}

/// How much a goal matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TextEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// It can wait.
    Low,
    /// It has its turn.
    Medium,
    /// Before others.
    High,
    /// Before everything.
    Urgent,
}

/// Where a goal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TextEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being worked on.
    Active,
    /// Reached.
    Completed,
    /// Given up.
    Abandoned,
}
