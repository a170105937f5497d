//! The error of rows that cannot be made.

use mainstay::{Error, ErrorKind};

/// The error of what cannot be made.
pub(super) fn wrong(what: String) -> Error {
    Error::new(ErrorKind::Configuration, what).with_hint(
        "rehearse on a copy with rows of its own instead: restore a backup and name it with --copy",
    )
}
