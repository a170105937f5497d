//! The lines in which the program that dumps says where in the binary log its state stands.

use serde::{Deserialize, Serialize};

/// A place in the binary log: everything before it is in a state, nothing behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine::mysql) struct LogPosition {
    /// The name of the server's file.
    pub(in crate::engine::mysql) file: String,
    /// The byte in it.
    pub(in crate::engine::mysql) position: u64,
    /// The same as a global transaction id, where the server tells it.
    pub(in crate::engine::mysql) gtid: Option<String>,
}

/// Picks the position out of the lines of a dump.
#[derive(Debug, Default)]
pub(super) struct Reader {
    file: Option<(String, u64)>,
    gtid: Option<String>,
}

impl Reader {
    /// A line of the dump that is no data.
    pub(super) fn line(&mut self, line: &[u8]) {
        let Some(comment) = line.strip_prefix(b"-- ") else {
            return;
        };
        let Ok(comment) = std::str::from_utf8(comment) else {
            return;
        };
        if let Some(text) = between(comment, "MASTER_LOG_FILE='", "'") {
            let number = between(comment, "MASTER_LOG_POS=", ";");
            if let Some(position) = number.and_then(|number| number.trim().parse().ok()) {
                self.file = Some((text.to_owned(), position));
            }
        } else if let Some(gtid) = between(comment, "SET GLOBAL gtid_slave_pos='", "'") {
            self.gtid = Some(gtid.to_owned());
        }
    }

    pub(super) fn position(self) -> Option<LogPosition> {
        let (file, position) = self.file?;
        Some(LogPosition {
            file,
            position,
            gtid: self.gtid.filter(|gtid| !gtid.is_empty()),
        })
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}
