//! Areas of life that goals belong to.

use chrono::{DateTime, Utc};
use mainstay::schema::TableModel;
use mainstay::validate::{prepare, prepare_insert};
use mainstay::{Entity, FieldErrors, Insert, Patch, Result};
use serde::{Deserialize, Serialize};

use crate::input::{Input, given};

/// An area of life, such as fitness.
#[derive(Debug, Clone, PartialEq, Eq, Entity, Serialize)]
#[serde(rename_all = "camelCase")]
#[entity(table = "modules")]
pub struct Module {
    /// A short name, chosen by its author.
    #[entity(
        key,
        min = 1,
        max = 64,
        message(min = "Module ID is required", max = "Module ID too long")
    )]
    pub id: String,
    /// The name to show.
    #[entity(
        min = 1,
        max = 100,
        message(min = "Name is required", max = "Name too long")
    )]
    pub name: String,
    /// The module's own version, such as `1.0.0`.
    #[entity(
        min = 1,
        max = 32,
        message(min = "Version is required", max = "Version too long")
    )]
    pub version: String,
    /// Whether it may be used.
    #[entity(default = true)]
    pub is_enabled: bool,
    /// Whether it has been set up.
    #[entity(default = false)]
    pub is_installed: bool,
}

/// A new module. What is missing is reported by validation.
#[derive(Debug, Clone, Default, Insert, Deserialize)]
#[serde(rename_all = "camelCase")]
#[insert(Module)]
pub struct NewModule {
    /// A short name.
    pub id: Option<String>,
    /// The name to show.
    pub name: Option<String>,
    /// The module's own version.
    pub version: Option<String>,
    /// Whether it may be used.
    pub is_enabled: Option<bool>,
    /// Whether it has been set up.
    pub is_installed: Option<bool>,
}

/// A change of a module.
#[derive(Debug, Clone, Default, Patch, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[patch(Module)]
pub struct ModulePatch {
    /// The name to show.
    #[serde(deserialize_with = "given")]
    pub name: Option<String>,
    /// The module's own version.
    #[serde(deserialize_with = "given")]
    pub version: Option<String>,
    /// Whether it may be used.
    #[serde(deserialize_with = "given")]
    pub is_enabled: Option<bool>,
    /// Whether it has been set up.
    #[serde(deserialize_with = "given")]
    pub is_installed: Option<bool>,
}

impl Input for NewModule {
    fn table() -> &'static TableModel {
        Module::table()
    }

    fn check(&self, now: DateTime<Utc>, problems: &mut FieldErrors) -> Result<()> {
        let mut assignments = self.clone().assignments();
        problems.add_new(prepare_insert(Module::table(), &mut assignments, now))
    }
}

impl Input for ModulePatch {
    fn table() -> &'static TableModel {
        Module::table()
    }

    fn check(&self, now: DateTime<Utc>, problems: &mut FieldErrors) -> Result<()> {
        let mut assignments = self.clone().assignments();
        problems.add_new(prepare(Module::table(), &mut assignments, now))
    }
}
