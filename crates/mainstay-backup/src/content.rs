//! What a table holds, in a few bytes.

use std::fmt;

use twox_hash::XxHash3_128;

use crate::archive::Table;

/// Rows of up to this many bytes are hashed in one go, which takes less than piece by piece.
const SHORT: usize = 16 * 1024;

/// Counts the rows of a table and hashes them, in whatever order they come.
///
/// The hash is the sum of the rows' own hashes ([XXH3] of 128 bits), modulo 2 to the power of 128: rows
/// that are missing, are there twice or differ change it, their order does not. It finds damage and
/// mistakes; it is no protection against someone who makes rows up to fit. Every byte of a database
/// goes through it, and a cryptographic hash of short rows took longer than compressing them.
///
/// [XXH3]: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    rows: u64,
    sum: u128,
}

impl Content {
    /// A row, as bytes that are the same wherever the same row is read.
    pub(crate) fn add(&mut self, row: &[u8]) {
        self.add_hash(XxHash3_128::oneshot(row));
    }

    /// A row that came piece by piece. The next one may begin.
    pub(crate) fn add_pieces(&mut self, row: &mut Pieces) {
        self.add_hash(row.finish());
    }

    fn add_hash(&mut self, hash: u128) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(hash);
    }

    /// The table of this name with what was added.
    pub(crate) fn table(&self, name: impl Into<String>) -> Table {
        Table {
            name: name.into(),
            rows: self.rows,
            hash: format!("{:032x}", self.sum),
        }
    }
}

/// A row that comes piece by piece, in constant memory.
#[derive(Clone, Default)]
pub(crate) struct Pieces {
    /// What came so far, as long as it is short.
    short: Vec<u8>,
    long: Option<Box<XxHash3_128>>,
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces").finish_non_exhaustive()
    }
}

impl Pieces {
    /// The next piece, of any size.
    pub(crate) fn update(&mut self, piece: &[u8]) -> &mut Self {
        match &mut self.long {
            Some(long) => long.write(piece),
            None if self.short.len() + piece.len() <= SHORT => self.short.extend_from_slice(piece),
            None => {
                let mut long = XxHash3_128::new();
                long.write(&self.short);
                long.write(piece);
                self.long = Some(Box::new(long));
            }
        }
        self
    }

    /// The hash of all pieces, which depends on nothing but their bytes. What comes then is another
    /// row.
    pub(crate) fn finish(&mut self) -> u128 {
        let hash = match self.long.take() {
            Some(long) => long.finish_128(),
            None => XxHash3_128::oneshot(&self.short),
        };
        self.short.clear();
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&str]) -> Table {
        let mut content = Content::default();
        for row in rows {
            content.add(row.as_bytes());
        }
        content.table("notes")
    }

    #[test]
    fn order_does_not_matter_and_everything_else_does() {
        let whole = of(&["1 milk", "2 bread", "2 bread"]);
        assert_eq!(whole, of(&["2 bread", "1 milk", "2 bread"]));
        assert_eq!(whole.rows, 3);
        for other in [
            &["1 milk", "2 bread"][..],
            &["1 milk", "1 milk", "2 bread"],
            &["1 milk", "2 bread", "2 Bread"],
            &[],
        ] {
            assert_ne!(whole.hash, of(other).hash, "{other:?}");
        }
        let mut pieces = Content::default();
        let mut row = Pieces::default();
        pieces.add_pieces(row.update(b"1 ").update(b"milk"));
        pieces.add_pieces(row.update(b"2 bread"));
        assert_eq!(pieces.table("notes"), of(&["1 milk", "2 bread"]));
    }

    #[test]
    fn a_row_hashes_equally_however_it_is_cut() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 5 * SHORT] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let whole = XxHash3_128::oneshot(&bytes);
            for size in [1, 7, 1000, SHORT, 2 * SHORT] {
                let mut row = Pieces::default();
                for piece in bytes.chunks(size) {
                    row.update(piece);
                }
                assert_eq!(row.finish(), whole, "{length} bytes by {size}");
                assert_eq!(row.finish(), XxHash3_128::oneshot(b""));
            }
        }
    }
}
