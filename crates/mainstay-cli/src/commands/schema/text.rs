//! A draft as it is printed.

use mainstay_migrate::diff::Draft;

use crate::args::Format;
use crate::output::json;

/// A draft as it is printed.
pub(super) fn text(draft: &Draft, format: Format) -> String {
    if format.json {
        json(draft)
    } else if draft.is_empty() && draft.remarks.is_empty() {
        "-- nothing differs\n".to_owned()
    } else {
        draft.to_string()
    }
}
