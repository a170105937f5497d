//! What goes wrong with files of migrations.

use std::path::Path;

use mainstay::{Error, ErrorKind};

pub(super) fn wrong(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, what.into())
}

/// The error of a call of the operating system.
pub(super) fn io(what: &str, path: &Path, source: std::io::Error) -> Error {
    wrong(format!("{what} {}: {source}", path.display())).with_source(source)
}
