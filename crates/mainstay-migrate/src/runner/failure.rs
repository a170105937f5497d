//! Which statement failed, and what stands.

use mainstay::Error;

use crate::migration::Direction;
use crate::plan::Step;

/// A failed statement's error, saying which one of which migration it was.
pub(super) fn failed(
    step: &Step,
    position: usize,
    stands: &str,
    hint: String,
    error: Error,
) -> Error {
    let statement = &step.statements[position];
    let what = match step.direction {
        Direction::Up => "migration",
        Direction::Down => "undoing migration",
    };
    let detail = format!(
        "{what} {}, statement {} of {}, line {} ({}) failed: {}; {stands}",
        step.label(),
        position + 1,
        step.statements.len(),
        statement.line,
        statement.shown,
        error.detail(),
    );
    let mut out = Error::new(error.kind(), detail)
        .with_hint(hint)
        .with_outcome(error.outcome());
    if let Some(code) = error.native_code() {
        out = out.with_native_code(code.to_owned());
    }
    out.with_source(error)
}
