//! What a table holds, in a few bytes.

use blake3::Hasher;

use crate::archive::Table;

/// Counts the rows of a table and hashes them, in whatever order they come.
///
/// The hash is the sum of the rows' own hashes, modulo 2 to the power of 128: rows that are missing,
/// are there twice or differ change it, their order does not. It finds damage and mistakes; it is no
/// protection against someone who makes rows up to fit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    rows: u64,
    sum: u128,
}

impl Content {
    /// A row, as bytes that are the same wherever the same row is read.
    pub(crate) fn add(&mut self, row: &[u8]) {
        self.add_hash(&blake3::hash(row));
    }

    /// A row that was hashed piece by piece.
    pub(crate) fn add_hashed(&mut self, row: &Hasher) {
        self.add_hash(&row.finalize());
    }

    fn add_hash(&mut self, hash: &blake3::Hash) {
        let (half, _) = hash.as_bytes().split_at(16);
        let half = half.try_into().expect("the half of 32 bytes are 16");
        self.rows += 1;
        self.sum = self.sum.wrapping_add(u128::from_le_bytes(half));
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
        let mut hasher = Hasher::new();
        hasher.update(b"1 ").update(b"milk");
        pieces.add_hashed(&hasher);
        assert_eq!(pieces.table("notes"), of(&["1 milk"]));
    }
}
