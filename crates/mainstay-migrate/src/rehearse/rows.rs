//! The rows that a table is filled with: which column gets its values from where, and the values
//! of a row. Pure, and the same for the same seed.
//!
//! Keys are made from the row's number, so that no two rows have the same, and so that a row that
//! refers to another can make that one's key again. What is left is drawn, and drawn again until
//! the checks that are understood allow the row.

use std::collections::BTreeMap;

use mainstay::Result;
use mainstay::value::Value;

use super::condition::Condition;
use super::kind::Kind;
use super::make::{below, chosen, drawn, mixed, own};
use super::wrong::wrong;

/// How often a row is drawn before its checks are given up on.
const DRAWS: u64 = 300;

/// One of so many values that may be NULL is.
const NULLS: u64 = 4;

/// What is known of a table that is to be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) table: String,
    /// The number of the first row: so many are there already.
    pub(super) first: u64,
    /// Behind the number of the last.
    pub(super) end: u64,
}

/// What is known of the rows that are there already.
#[derive(Debug, Clone, Default)]
pub(super) struct There {
    /// By table and the position of a foreign key: values that it can refer to.
    pub(super) referred: BTreeMap<(String, usize), Vec<Vec<Value>>>,
    /// By table and column: the largest number.
    pub(super) largest: BTreeMap<(String, String), u64>,
}

/// A table's rows.
#[derive(Debug, Clone)]
pub(super) struct Filling {
    pub(super) table: String,
    pub(super) columns: Vec<Filled>,
    /// Columns that count by themselves, and are to go on behind what is made here.
    pub(super) counting: Vec<String>,
    /// Whether a column must be told that its value is given.
    pub(super) overrides: bool,
    pub(super) first: u64,
    pub(super) end: u64,
    pub(super) checks: Vec<Condition>,
    pub(super) references: Vec<Reference>,
    pub(super) salt: u64,
}

/// A column that is given values.
#[derive(Debug, Clone)]
pub(super) struct Filled {
    pub(super) name: String,
    pub(super) how: How,
    /// The same for a row however often it is drawn: it is part of a key.
    pub(super) steady: bool,
    pub(super) salt: u64,
}

#[derive(Debug, Clone)]
pub(super) enum How {
    /// The value that no other row has.
    Own(Kind, u64),
    /// One of a few values: those of a key together count the rows.
    Counted {
        kind: Kind,
        stride: u64,
        size: u64,
    },
    Any {
        kind: Kind,
        nullable: bool,
    },
    /// A part of a foreign key.
    Refers {
        reference: usize,
        part: usize,
    },
    Null,
}

#[derive(Debug, Clone)]
pub(super) struct Reference {
    pub(super) to: Parent,
    /// Part of a key, whose parts together count the rows.
    pub(super) stride: Option<u64>,
    pub(super) nullable: bool,
    pub(super) steady: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Parent {
    /// A table that is filled here, and its columns' positions.
    Made {
        filling: usize,
        columns: Vec<usize>,
    },
    /// Rows that are there already.
    There(Vec<Vec<Value>>),
    /// An earlier row of the same table.
    Itself(Vec<usize>),
    Nobody,
}

impl Filling {
    /// The values of a row, in the order of the columns.
    ///
    /// # Errors
    /// When no row is found that the checks allow.
    pub(super) fn row(all: &[Self], table: usize, row: u64) -> Result<Vec<Value>> {
        let filling = &all[table];
        for draw in 0..DRAWS {
            let values: Vec<Value> = (0..filling.columns.len())
                .map(|column| value(all, table, column, row, draw))
                .collect();
            let of = |name: &str| {
                let column = filling
                    .columns
                    .iter()
                    .position(|column| column.name.eq_ignore_ascii_case(name))?;
                Some(values[column].clone())
            };
            if filling.checks.iter().all(|check| check.allows(&of)) {
                return Ok(values);
            }
        }
        Err(wrong(format!(
            "no row of {} was found that its checks allow, in {DRAWS} draws",
            filling.table
        )))
    }
}

/// A value of a row.
fn value(all: &[Filling], table: usize, column: usize, row: u64, draw: u64) -> Value {
    let filling = &all[table];
    let filled = &filling.columns[column];
    let draw = if filled.steady { 0 } else { draw };
    let random = mixed(&[filled.salt, row, draw]);
    match &filled.how {
        How::Own(kind, offset) => own(kind, row + offset, filled.salt),
        How::Counted { kind, stride, size } => chosen(kind, (row - filling.first) / stride % size),
        How::Any { nullable: true, .. } if random.is_multiple_of(NULLS) && !filled.steady => {
            Value::Null
        }
        How::Any { kind, .. } => drawn(kind, mixed(&[random])),
        How::Refers { reference, part } => {
            referred(all, table, (*reference, *part), row, draw).unwrap_or(Value::Null)
        }
        How::Null => Value::Null,
    }
}

/// The value of a part of a foreign key. `None` when the row refers to none.
fn referred(
    all: &[Filling],
    table: usize,
    (at, part): (usize, usize),
    row: u64,
    draw: u64,
) -> Option<Value> {
    let filling = &all[table];
    let reference = &filling.references[at];
    let draw = if reference.steady { 0 } else { draw };
    // The same for all parts.
    let numbers = [filling.salt, at as u64, row, draw];
    if reference.nullable && !reference.steady && mixed(&numbers).is_multiple_of(NULLS) {
        return None;
    }
    let pick = |end: u64| match reference.stride {
        Some(stride) => (row - filling.first) / stride % end.max(1),
        None => below(&[mixed(&numbers), 1], end),
    };
    match &reference.to {
        Parent::Made { filling, columns } => {
            let parent = &all[*filling];
            let to = parent.first + pick(parent.end - parent.first);
            Some(value(all, *filling, *columns.get(part)?, to, 0))
        }
        Parent::There(rows) => {
            let to = usize::try_from(pick(rows.len() as u64)).ok()?;
            rows.get(to)?.get(part).cloned()
        }
        Parent::Itself(columns) => {
            let earlier = row - filling.first;
            let to = match earlier {
                0 if reference.nullable => return None,
                0 => row,
                earlier => filling.first + pick(earlier),
            };
            Some(value(all, table, *columns.get(part)?, to, 0))
        }
        Parent::Nobody => None,
    }
}

#[cfg(test)]
#[path = "tests/rows.rs"]
mod tests;
