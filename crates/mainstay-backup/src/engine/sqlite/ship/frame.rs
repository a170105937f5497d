//! The bytes of a log, and their checksums. Pure; <https://sqlite.org/fileformat2.html#walformat>.

/// The bytes in front of the first frame.
pub(super) const HEADER: usize = 32;

/// The bytes in front of a frame's page.
pub(super) const FRAME_HEADER: usize = 24;

const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;

/// A log's numbers, the first of which goes up when it starts again.
pub(super) type Salt = (u32, u32);

/// A checksum over all bytes up to some place.
pub(super) type Checksum = (u32, u32);

/// What a log says of itself at its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// How checksums are reckoned: as the machine that began the log orders bytes.
    pub(super) is_big_endian: bool,
    pub(super) page_size: u32,
    pub(super) salt: Salt,
    pub(super) checksum: Checksum,
}

impl Header {
    /// `None`: it is no such header, or is being written.
    pub(super) fn parse(bytes: &[u8; HEADER]) -> Option<Self> {
        let magic = word(bytes, 0);
        let is_big_endian = magic & 1 == 1;
        let checksum = add((0, 0), &bytes[..24], is_big_endian);
        let is_right = magic & !1 == MAGIC
            && word(bytes, 4) == VERSION
            && checksum == (word(bytes, 24), word(bytes, 28));
        is_right.then(|| Self {
            is_big_endian,
            page_size: word(bytes, 8),
            salt: (word(bytes, 16), word(bytes, 20)),
            checksum,
        })
    }
}

/// A frame without its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// The page's number, from 1.
    pub(super) page: u32,
    /// The pages of the database after the commit that this frame ends; 0 if it ends none.
    pub(super) commit: u32,
}

impl Frame {
    /// What a frame's header says, of which nothing is checked.
    pub(super) fn of(header: &[u8]) -> Self {
        Self {
            page: word(header, 0),
            commit: word(header, 4),
        }
    }
}

/// Checks frames one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) is_big_endian: bool,
    pub(super) salt: Salt,
    /// Over all in front of the next frame.
    pub(super) checksum: Checksum,
}

impl Chain {
    /// The frame that follows, of whole bytes: its header and its page. `None`: it is none, or does
    /// not follow.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<Frame> {
        let (header, page) = bytes.split_at_checked(FRAME_HEADER)?;
        let salt = (word(header, 8), word(header, 12));
        let sum = add(self.checksum, &header[..8], self.is_big_endian);
        let sum = add(sum, page, self.is_big_endian);
        if salt != self.salt || sum != (word(header, 16), word(header, 20)) {
            return None;
        }
        self.checksum = sum;
        Some(Frame::of(header))
    }
}

/// The salt and the checksum that a frame says it has.
pub(super) fn claims(header: &[u8; FRAME_HEADER]) -> (Salt, Checksum) {
    (
        (word(header, 8), word(header, 12)),
        (word(header, 16), word(header, 20)),
    )
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes[at..at + 4].try_into().expect("four bytes");
    u32::from_be_bytes(word)
}

fn add(sum: Checksum, bytes: &[u8], is_big_endian: bool) -> Checksum {
    let read = match is_big_endian {
        true => u32::from_be_bytes,
        false => u32::from_le_bytes,
    };
    let (pairs, _) = bytes.as_chunks::<8>();
    pairs.iter().fold(sum, |(mut one, mut two), pair| {
        let [a, b, c, d, e, f, g, h] = *pair;
        one = one.wrapping_add(read([a, b, c, d])).wrapping_add(two);
        two = two.wrapping_add(read([e, f, g, h])).wrapping_add(one);
        (one, two)
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// A log that SQLite wrote, and the frames it says there are.
    fn log() -> (Vec<u8>, usize) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("app.db");
        let connection = Connection::open(&path).expect("opens");
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
                 CREATE TABLE t (a); INSERT INTO t VALUES (randomblob(9000)); DELETE FROM t",
            )
            .expect("runs");
        let frames = connection
            .query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| {
                row.get::<_, i64>(1)
            })
            .expect("told");
        let bytes = std::fs::read(folder.path().join("app.db-wal")).expect("a log");
        (bytes, usize::try_from(frames).expect("a count"))
    }

    fn read(bytes: &[u8]) -> (Header, Vec<Frame>) {
        let (head, frames) = bytes.split_at(HEADER);
        let header = Header::parse(head.try_into().expect("32 bytes")).expect("a header");
        let mut chain = Chain {
            is_big_endian: header.is_big_endian,
            salt: header.salt,
            checksum: header.checksum,
        };
        let size = FRAME_HEADER + header.page_size as usize;
        let found = frames
            .chunks_exact(size)
            .map_while(|frame| chain.next(frame));
        (header, found.collect())
    }

    #[test]
    fn what_sqlite_wrote_is_read() {
        let (bytes, count) = log();
        let (header, frames) = read(&bytes);
        assert_eq!(header.page_size, 4096);
        assert_eq!(frames.len(), count);
        assert!(frames.iter().filter(|frame| frame.commit > 0).count() >= 3);
        assert!(frames.last().expect("frames").commit > 0);
    }

    #[test]
    fn a_flipped_bit_ends_the_chain_where_it_is() {
        let (bytes, count) = log();
        let size = FRAME_HEADER + 4096;
        for frame in 0..count {
            // The page's number, the commit, a salt, a checksum, and the page.
            for at in [3, 7, 9, 20, FRAME_HEADER + 1000] {
                let mut bytes = bytes.clone();
                bytes[HEADER + frame * size + at] ^= 1;
                assert_eq!(read(&bytes).1.len(), frame, "byte {at} of frame {frame}");
            }
        }
        for at in [0, 3, 8, 16, 24] {
            let mut head: [u8; HEADER] = bytes[..HEADER].try_into().expect("32 bytes");
            head[at] ^= 1;
            assert_eq!(Header::parse(&head), None, "byte {at}");
        }
    }

    #[test]
    fn checksums_of_either_order_differ_and_add_up() {
        let bytes: Vec<u8> = (0..64).collect();
        for is_big_endian in [true, false] {
            let whole = add((0, 0), &bytes, is_big_endian);
            let half = add((0, 0), &bytes[..32], is_big_endian);
            assert_eq!(add(half, &bytes[32..], is_big_endian), whole);
        }
        assert_ne!(add((0, 0), &bytes, true), add((0, 0), &bytes, false));
    }
}
