//! The heads of a binary log's events.

use std::io::{self, Read, Seek, SeekFrom};

/// What a file of a binary log begins with.
pub(super) const MAGIC: &[u8; 4] = b"\xfebin";

/// The length of an event's head.
pub(super) const HEAD: usize = 19;

/// The first event of each file: the format of all others.
const FORMAT: u8 = 15;
/// The event that begins each transaction on MariaDB.
const GTID: u8 = 162;

/// An event, as its head tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event {
    /// When the statement began that it belongs to, in seconds.
    pub(super) time: u32,
    kind: u8,
    pub(super) length: u32,
}

impl Event {
    /// Reads a head. `None` when these are too few bytes, or no head.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| {
            let four = bytes.get(at..at + 4)?;
            Some(u32::from_le_bytes(four.try_into().ok()?))
        };
        let event = Self {
            time: number(0)?,
            kind: *bytes.get(4)?,
            length: number(9)?,
        };
        (bytes.len() >= HEAD && event.length as usize >= HEAD).then_some(event)
    }

    /// Whether a transaction begins with it.
    pub(super) fn begins(&self) -> bool {
        self.kind == GTID
    }
}

/// The length of what a file begins with: its magic bytes and the event with its format. `None` when
/// there is not all of it yet.
pub(super) fn header_length(start: &[u8]) -> Option<usize> {
    if !start.starts_with(MAGIC) {
        return None;
    }
    let event = Event::read(&start[MAGIC.len()..])?;
    let length = MAGIC.len() + event.length as usize;
    (event.kind == FORMAT && start.len() >= length).then_some(length)
}

/// The place of the first transaction that began at `second` or later, in the part of a file from
/// `from` to `to`.
pub(super) fn first_since(
    file: &mut (impl Read + Seek),
    from: u64,
    to: u64,
    second: i64,
) -> io::Result<Option<u64>> {
    let mut at = from;
    let mut head = [0; HEAD];
    while at + HEAD as u64 <= to {
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut head)?;
        let Some(event) = Event::read(&head) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("at {at} stands no event of a binary log"),
            ));
        };
        if event.begins() && i64::from(event.time) >= second {
            return Ok(Some(at));
        }
        at += u64::from(event.length);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn event(time: u32, kind: u8, body: usize) -> Vec<u8> {
        let mut bytes = time.to_le_bytes().to_vec();
        bytes.push(kind);
        bytes.extend_from_slice(&1_u32.to_le_bytes());
        bytes.extend_from_slice(&((HEAD + body) as u32).to_le_bytes());
        bytes.extend_from_slice(&[0; 6]);
        bytes.extend(std::iter::repeat_n(7, body));
        bytes
    }

    #[test]
    fn a_file_begins_with_its_format() {
        let mut file = MAGIC.to_vec();
        file.extend(event(5, FORMAT, 10));
        let length = file.len();
        assert_eq!(header_length(&file), Some(length));
        file.extend(event(5, GTID, 3));
        assert_eq!(header_length(&file), Some(length));
        assert_eq!(header_length(&file[..length - 1]), None);
        assert_eq!(header_length(b"\xfebin"), None);
        assert_eq!(header_length(b"nothing of the kind, but long enough"), None);
    }

    #[test]
    fn the_first_transaction_since_a_second_is_found() {
        let parts = [
            event(10, GTID, 2),
            event(12, 2, 30),
            event(11, GTID, 2),
            event(11, 16, 8),
            event(12, GTID, 2),
        ];
        let starts: Vec<u64> = parts
            .iter()
            .scan(0, |at, part| {
                let start = *at;
                *at += part.len() as u64;
                Some(start)
            })
            .collect();
        let all = parts.concat();
        let to = all.len() as u64;
        let mut file = Cursor::new(all);
        let mut find = |from, second| first_since(&mut file, from, to, second).expect("readable");
        assert_eq!(find(0, 12), Some(starts[4]));
        assert_eq!(find(0, 11), Some(starts[2]));
        assert_eq!(find(starts[3], 11), Some(starts[4]));
        assert_eq!(find(0, 13), None);
        assert!(first_since(&mut Cursor::new([0; 40]), 0, 40, 1).is_err());
    }
}
