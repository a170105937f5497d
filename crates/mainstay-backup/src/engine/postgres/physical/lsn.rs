//! Positions in the log, and the files it is in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A position in the log, in bytes since the beginning of all time of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Lsn(pub(crate) u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl FromStr for Lsn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (high, low) = text.trim().split_once('/')?;
            let high = u32::from_str_radix(high, 16).ok()?;
            let low = u32::from_str_radix(low, 16).ok()?;
            Some(Self(u64::from(high) << 32 | u64::from(low)))
        };
        read().ok_or_else(|| format!("{text} is no position in PostgreSQL's log"))
    }
}

impl TryFrom<String> for Lsn {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Lsn> for String {
    fn from(lsn: Lsn) -> Self {
        lsn.to_string()
    }
}

/// The size of a page of the log, and of what stands at the start of one and of a file.
const PAGE: u64 = 8192;
const PAGE_HEAD: u64 = 24;
const FILE_HEAD: u64 = 40;

/// The size of the log's files on a server, a power of two from 1 MB to 1 GB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct FileSize(u64);

impl FileSize {
    pub(crate) fn new(bytes: u64) -> Option<Self> {
        let allowed = (1 << 20)..=(1 << 30);
        (bytes.is_power_of_two() && allowed.contains(&bytes)).then_some(Self(bytes))
    }

    pub(crate) fn bytes(self) -> u64 {
        self.0
    }

    /// The number of the file with this position, and the position within it.
    pub(crate) fn file_of(self, lsn: Lsn) -> (u64, u64) {
        (lsn.0 / self.0, lsn.0 % self.0)
    }

    /// Where the log really ends when the server says that the next entry will be at `lsn`: it counts
    /// the head of a page that nothing stands on yet.
    pub(crate) fn end_before(self, lsn: Lsn) -> Lsn {
        if lsn.0 % self.0 == FILE_HEAD {
            Lsn(lsn.0 - FILE_HEAD)
        } else if lsn.0 % PAGE == PAGE_HEAD {
            Lsn(lsn.0 - PAGE_HEAD)
        } else {
            lsn
        }
    }

    pub(crate) fn start_of(self, file: u64) -> Lsn {
        Lsn(file * self.0)
    }

    /// A file's name on a timeline.
    pub(crate) fn name(self, timeline: u32, file: u64) -> String {
        let in_each = (1 << 32) / self.0;
        format!("{timeline:08X}{:08X}{:08X}", file / in_each, file % in_each)
    }

    /// The timeline and number of a file's name.
    pub(crate) fn parse(self, name: &str) -> Option<(u32, u64)> {
        let is_name = name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_name {
            return None;
        }
        let part = |at: usize| u64::from_str_radix(name.get(at..at + 8)?, 16).ok();
        let in_each = (1 << 32) / self.0;
        let (high, low) = (part(8)?, part(16)?);
        (low < in_each).then_some((u32::try_from(part(0)?).ok()?, high * in_each + low))
    }
}

/// Whether this is the name of a file that tells where a timeline begins, such as `00000002.history`.
pub(crate) fn is_history(name: &str) -> bool {
    name.strip_suffix(".history")
        .is_some_and(|start| start.len() == 8 && start.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_files_are_written_as_the_server_does() {
        let lsn: Lsn = "16/B374D848".parse().unwrap();
        assert_eq!(lsn.to_string(), "16/B374D848");
        assert_eq!(serde_json::to_string(&lsn).unwrap(), "\"16/B374D848\"");
        assert_eq!(serde_json::from_str::<Lsn>("\"16/B374D848\"").unwrap(), lsn);
        assert!("16B374D848".parse::<Lsn>().is_err());

        let size = FileSize::new(16 << 20).unwrap();
        let (file, within) = size.file_of(lsn);
        assert_eq!(size.name(1, file), "0000000100000016000000B3");
        assert_eq!(within, 0x74_D848);
        assert_eq!(size.start_of(file).to_string(), "16/B3000000");
        for size in [1 << 20, 16 << 20, 1 << 30] {
            let size = FileSize::new(size).unwrap();
            for file in [0, 1, 255, 4095, 4096, 1_000_000] {
                assert_eq!(size.parse(&size.name(7, file)), Some((7, file)));
            }
        }
        for other in [
            "0000000100000016000000B3.partial",
            "000000010000001600000100",
            "00000002.history",
            "",
        ] {
            assert_eq!(size.parse(other), None, "{other}");
        }
        let size = FileSize::new(1 << 20).unwrap();
        for (said, end) in [
            (1 << 20 | 40, 1 << 20),
            (8192 + 24, 8192),
            (8192 + 25, 8192 + 25),
            (8192, 8192),
        ] {
            assert_eq!(size.end_before(Lsn(said)), Lsn(end));
        }
        assert!(is_history("0000000A.history") && !is_history("x.history"));
        assert_eq!(FileSize::new(3 << 20), None);
        assert_eq!(FileSize::new(1 << 19), None);
    }
}
