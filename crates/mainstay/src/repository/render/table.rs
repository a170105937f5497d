//! A table as seen by statements in one dialect.

use crate::database::texts::Texts;
use crate::driver::Capabilities;
use crate::schema::{Dialect, TableModel};

/// A table as seen by statements in one dialect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table<'a> {
    pub(crate) model: &'static TableModel,
    pub(crate) dialect: Dialect,
    pub(crate) capabilities: &'a Capabilities,
    pub(crate) texts: &'a Texts,
}
