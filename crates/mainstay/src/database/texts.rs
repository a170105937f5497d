//! The SQL of operations whose text does not depend on their values, written once per entity.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

use crate::error::Result;
use crate::schema::{Dialect, TableModel};

/// The most texts that are kept. An application has a few for each entity; beyond this, texts are
/// written anew for each call, as for other operations.
const MOST: usize = 4096;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    /// Reads the row with a key.
    SelectByKey,
    /// Asks whether there is a row with a key.
    ExistsByKey,
    /// Reads the rows with several keys.
    SelectByKeys {
        /// How many keys.
        keys: usize,
    },
    /// Makes several rows, passing over those that a unique key refuses where the engine can.
    InsertRows {
        /// How many rows.
        rows: usize,
    },
    /// Makes one row.
    Insert,
    /// Changes the row with a key.
    UpdateByKey,
    /// Changes the row with a key and a version.
    UpdateVersion,
    /// Deletes the row with a key.
    DeleteByKey,
    /// Changes the rows in which some columns have given values.
    UpdateWhere,
    /// Deletes the rows in which some columns have given values.
    DeleteWhere,
}

/// Everything that the text of a statement depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    /// The address of the table's model, which is one for each entity.
    table: usize,
    /// Which of two related dialects it is, is not known for sure before a server was reached.
    dialect: Dialect,
    operation: Operation,
    returning: bool,
    /// A bit for each column that is set.
    set: u128,
    /// A bit for each column that is added to.
    added: u128,
    /// A bit for each column that has to have a given value.
    equal: u128,
}

impl Shape {
    /// A statement without columns of its own.
    pub(crate) fn new(model: &'static TableModel, dialect: Dialect, operation: Operation) -> Self {
        Self {
            table: std::ptr::from_ref(model).addr(),
            dialect,
            operation,
            returning: false,
            set: 0,
            added: 0,
            equal: 0,
        }
    }

    /// Whether the statement returns the row.
    pub(crate) fn returning(mut self, returning: bool) -> Self {
        self.returning = returning;
        self
    }

    /// Adds the columns set. They must come in the order of the table and once each, since the
    /// shape does not know another order; `None` when they do not.
    pub(crate) fn setting(mut self, columns: impl IntoIterator<Item = usize>) -> Option<Self> {
        self.set = bits(columns)?;
        Some(self)
    }

    /// The same for the columns added to.
    pub(crate) fn adding(mut self, columns: impl IntoIterator<Item = usize>) -> Option<Self> {
        self.added = bits(columns)?;
        Some(self)
    }

    /// The same for the columns that have to have a given value.
    pub(crate) fn where_equal(mut self, columns: impl IntoIterator<Item = usize>) -> Option<Self> {
        self.equal = bits(columns)?;
        Some(self)
    }
}

fn bits(columns: impl IntoIterator<Item = usize>) -> Option<u128> {
    let mut bits = 0_u128;
    for column in columns {
        let bit = u32::try_from(column)
            .ok()
            .and_then(|column| 1_u128.checked_shl(column))?;
        // Also refuses a column that comes twice.
        if bit <= bits {
            return None;
        }
        bits |= bit;
    }
    Some(bits)
}

/// Hashes a [`Shape`]: a few numbers, none of which comes from outside. Every call looks its text
/// up, and the standard library's hash, which withstands chosen keys, would be the largest part of
/// that.
#[derive(Debug, Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        // Both halves of the product, so that every bit counts in the low and in the high ones.
        let product = u128::from(self.0.rotate_left(5) ^ number ^ ODD) * u128::from(ODD);
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }

    fn write_u128(&mut self, number: u128) {
        self.write_u64(number as u64);
        self.write_u64((number >> 64) as u64);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }
}

/// The texts written so far for one database.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    kept: RwLock<HashMap<Shape, Arc<str>, BuildHasherDefault<Mix>>>,
}

impl Texts {
    /// The text of a shape, from `write` the first time.
    pub(crate) fn get(
        &self,
        shape: Shape,
        write: impl FnOnce() -> Result<Arc<str>>,
    ) -> Result<Arc<str>> {
        // The map is consistent between any two statements, so a panic elsewhere changes nothing.
        if let Some(text) = self
            .kept
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&shape)
        {
            return Ok(Arc::clone(text));
        }
        let text = write()?;
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST {
            kept.insert(shape, Arc::clone(&text));
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_differ_in_a_bit_differ_in_their_hash() {
        use std::hash::BuildHasher;
        let hash = |shape: Shape| BuildHasherDefault::<Mix>::default().hash_one(shape);
        let shape = Shape {
            table: 0x5555_0000_1000,
            dialect: Dialect::Postgres,
            operation: Operation::UpdateByKey,
            returning: false,
            set: 0,
            added: 0,
            equal: 0,
        };
        let mut hashes = vec![hash(shape), hash(shape.returning(true))];
        for bit in 0..128 {
            let set = 1_u128 << bit;
            hashes.push(hash(Shape { set, ..shape }));
            hashes.push(hash(Shape {
                added: set,
                ..shape
            }));
            hashes.push(hash(Shape {
                equal: set,
                ..shape
            }));
        }
        for rows in 0..64 {
            let operation = Operation::InsertRows { rows };
            hashes.push(hash(Shape { operation, ..shape }));
        }
        let (all, low) = (hashes.len(), |hash: &u64| hash % 4096);
        let places: std::collections::HashSet<u64> = hashes.iter().map(low).collect();
        // Twice as many meet as by chance at most.
        assert!(
            places.len() > all - 2 * all * all / (2 * 4096),
            "{} of {all}",
            places.len()
        );
        let hashes: std::collections::HashSet<u64> = hashes.into_iter().collect();
        assert_eq!(hashes.len(), all);
    }

    #[test]
    fn columns_out_of_order_have_no_shape() {
        assert_eq!(bits([]), Some(0));
        assert_eq!(bits([0, 2, 127]), Some(1 | 4 | 1 << 127));
        assert_eq!(bits([2, 0]), None);
        assert_eq!(bits([1, 1]), None);
        assert_eq!(bits([128]), None);
    }
}
