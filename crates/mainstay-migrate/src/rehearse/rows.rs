//! The rows that a table is filled with: which column gets its values from where, and the values
//! of a row. Pure, and the same for the same seed.
//!
//! Keys are made from the row's number, so that no two rows have the same, and so that a row that
//! refers to another can make that one's key again. What is left is drawn, and drawn again until
//! the checks that are understood allow the row.

use std::collections::BTreeMap;

use mainstay::value::Value;
use mainstay::{Error, ErrorKind, Result};

use super::condition::{self, Condition};
use super::kind::{self, Kind};
use super::make::{below, choices, chosen, drawn, is_endless, mixed, number_of, own};
use crate::catalog::{Catalog, Column, ForeignKey, Identity, Table};

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
    checks: Vec<Condition>,
    references: Vec<Reference>,
    salt: u64,
}

/// A column that is given values.
#[derive(Debug, Clone)]
pub(super) struct Filled {
    pub(super) name: String,
    how: How,
    /// The same for a row however often it is drawn: it is part of a key.
    steady: bool,
    salt: u64,
}

#[derive(Debug, Clone)]
enum How {
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
struct Reference {
    to: Parent,
    /// Part of a key, whose parts together count the rows.
    stride: Option<u64>,
    nullable: bool,
    steady: bool,
}

#[derive(Debug, Clone)]
enum Parent {
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

fn wrong(what: String) -> Error {
    Error::new(ErrorKind::Configuration, what).with_hint(
        "rehearse on a copy with rows of its own instead: restore a backup and name it with --copy",
    )
}

/// Plans the rows of tables, given parents first.
///
/// # Errors
/// `CONFIGURATION_ERROR` when a column's type is unknown and it must have a value, or when a key
/// has fewer values than rows are wanted.
pub(super) fn plan(
    catalog: &Catalog,
    wanted: &[Wanted],
    there: &There,
    seed: u64,
) -> Result<Vec<Filling>> {
    let mut out: Vec<Filling> = Vec::new();
    for one in wanted {
        let table = catalog
            .table(&one.table)
            .ok_or_else(|| wrong(format!("there is no table {}", one.table)))?;
        let planned = Planner {
            catalog,
            table,
            one,
            there,
            before: &out,
            salt: mixed(&[seed, number_of(&table.name)]),
        };
        let filling = planned.filling()?;
        out.push(filling);
    }
    Ok(out)
}

struct Planner<'a> {
    catalog: &'a Catalog,
    table: &'a Table,
    one: &'a Wanted,
    there: &'a There,
    before: &'a [Filling],
    salt: u64,
}

impl Planner<'_> {
    fn filling(&self) -> Result<Filling> {
        let checks: Vec<Condition> = self
            .table
            .checks
            .iter()
            .filter_map(|check| condition::read(self.catalog.dialect, &check.condition))
            .collect();
        let mut columns = Vec::new();
        let mut kinds = Vec::new();
        for column in &self.table.columns {
            if column.generated.is_some() {
                continue;
            }
            let refers = self.reference_of(&column.name);
            let kind = kind::of(self.catalog.dialect, self.catalog, column, &checks);
            let how = match (refers, &kind) {
                (Some((reference, part)), _) => How::Refers { reference, part },
                (None, Some(kind)) => How::Any {
                    kind: kind.clone(),
                    nullable: column.nullable,
                },
                // Left to the engine.
                (None, None) if column.default.is_some() => continue,
                (None, None) if column.nullable => How::Null,
                (None, None) => {
                    return Err(wrong(format!(
                        "no value is known for {}.{}, which is of type {}",
                        self.table.name, column.name, column.ty
                    )));
                }
            };
            columns.push(Filled {
                name: column.name.clone(),
                how,
                steady: false,
                salt: mixed(&[self.salt, number_of(&column.name)]),
            });
            kinds.push(kind);
        }
        let mut filling = Filling {
            table: self.table.name.clone(),
            references: Vec::new(),
            counting: counting(self.table),
            overrides: self
                .table
                .columns
                .iter()
                .any(|c| c.identity == Some(Identity::Always)),
            first: self.one.first,
            end: self.one.end,
            salt: self.salt,
            checks,
            columns,
        };
        for (at, key) in self.table.foreign_keys.iter().enumerate() {
            filling.references.push(self.reference(at, key, &filling)?);
        }
        for key in keys(self.table) {
            self.make_unique(&mut filling, &kinds, &key)?;
        }
        Ok(filling)
    }

    /// The first foreign key that a column is part of, and which part.
    fn reference_of(&self, column: &str) -> Option<(usize, usize)> {
        let mut keys = self.table.foreign_keys.iter().enumerate();
        keys.find_map(|(at, key)| {
            let part = key.columns.iter().position(|name| name == column)?;
            Some((at, part))
        })
    }

    fn reference(&self, at: usize, key: &ForeignKey, filling: &Filling) -> Result<Reference> {
        let nullable = key.columns.iter().all(|name| {
            self.table
                .column(name)
                .is_some_and(|column| column.nullable)
        });
        let positions = |columns: &[Filled]| -> Option<Vec<usize>> {
            let position = |name: &String| columns.iter().position(|c| c.name == *name);
            key.referenced_columns.iter().map(position).collect()
        };
        let made = self.before.iter().position(|f| f.table == key.references);
        let place = (self.table.name.clone(), at);
        let to = if let Some(filling) =
            made.filter(|at| self.before[*at].first < self.before[*at].end)
        {
            positions(&self.before[filling].columns)
                .map(|columns| Parent::Made { filling, columns })
        } else if key.references == self.table.name {
            positions(&filling.columns).map(Parent::Itself)
        } else {
            let rows = self.there.referred.get(&place);
            rows.filter(|rows| !rows.is_empty())
                .map(|rows| Parent::There(rows.clone()))
        };
        let to = match to {
            Some(to) => to,
            None if nullable => Parent::Nobody,
            None => {
                return Err(wrong(format!(
                    "{} refers to {}, of which no row can be made before it",
                    self.table.name, key.references
                )));
            }
        };
        Ok(Reference {
            to,
            stride: None,
            nullable,
            steady: false,
        })
    }

    /// Sees to it that no two rows have the same values of a key.
    fn make_unique(
        &self,
        filling: &mut Filling,
        kinds: &[Option<Kind>],
        key: &[String],
    ) -> Result<()> {
        let parts: Vec<usize> = key
            .iter()
            .filter_map(|name| filling.columns.iter().position(|c| c.name == *name))
            .collect();
        // Made by the engine, or from others.
        if parts.is_empty() {
            return Ok(());
        }
        for part in &parts {
            filling.columns[*part].steady = true;
            if let How::Refers { reference, .. } = filling.columns[*part].how {
                filling.references[reference].steady = true;
            }
        }
        let is_own =
            |filling: &Filling, part: &usize| matches!(filling.columns[*part].how, How::Own(..));
        if parts.iter().any(|part| is_own(filling, part)) {
            return Ok(());
        }
        let endless = parts.iter().copied().find(|part| {
            let free = matches!(filling.columns[*part].how, How::Any { .. });
            free && kinds[*part].as_ref().is_some_and(is_endless)
        });
        if let Some(part) = endless
            && let Some(kind) = &kinds[part]
        {
            let name = filling.columns[part].name.clone();
            let largest = self.there.largest.get(&(filling.table.clone(), name));
            filling.columns[part].how = How::Own(kind.clone(), largest.copied().unwrap_or(0));
            return Ok(());
        }
        self.count(filling, kinds, key, &parts)
    }

    /// Makes the parts of a key count the rows together, like the digits of a number.
    fn count(
        &self,
        filling: &mut Filling,
        kinds: &[Option<Kind>],
        key: &[String],
        parts: &[usize],
    ) -> Result<()> {
        let rows = filling.end - filling.first;
        let mut stride: u64 = 1;
        for part in parts {
            let size = match filling.columns[*part].how.clone() {
                How::Refers { reference, part } => {
                    let counted = &mut filling.references[reference];
                    if part > 0 || counted.stride.is_some() {
                        continue;
                    }
                    counted.stride = Some(stride);
                    counted.nullable = false;
                    match &counted.to {
                        Parent::Made { filling, .. } => {
                            let parent = &self.before[*filling];
                            parent.end - parent.first
                        }
                        Parent::There(rows) => rows.len() as u64,
                        Parent::Itself(_) | Parent::Nobody => 1,
                    }
                }
                _ => {
                    let Some(kind) = &kinds[*part] else { continue };
                    let Some(size) = choices(kind) else { continue };
                    filling.columns[*part].how = How::Counted {
                        kind: kind.clone(),
                        stride,
                        size,
                    };
                    size
                }
            };
            stride = stride.saturating_mul(size.max(1));
        }
        if stride < rows {
            return Err(wrong(format!(
                "{} cannot have {rows} rows: {} has only {stride} different values",
                filling.table,
                key.join(", ")
            )));
        }
        Ok(())
    }
}

/// Columns whose numbers the engine would go on with.
fn counting(table: &Table) -> Vec<String> {
    let counts = |column: &&Column| {
        let from_sequence = column
            .default
            .as_ref()
            .is_some_and(|d| d.starts_with("nextval("));
        column.identity.is_some() || from_sequence
    };
    let columns = table.columns.iter().filter(counts);
    columns.map(|column| column.name.clone()).collect()
}

/// The columns of each key, that of the table first.
fn keys(table: &Table) -> Vec<Vec<String>> {
    let own = table.primary_key.iter().chain(&table.uniques);
    let mut out: Vec<Vec<String>> = own.map(|key| key.columns.clone()).collect();
    for index in table.indexes.iter().filter(|index| index.unique) {
        let columns = index.parts.iter().flat_map(|part| {
            let in_it = |column: &&Column| match part.is_column {
                true => column.name == part.what,
                // Whatever is made of it: different ones are mostly different then, too.
                false => part.what.contains(&column.name),
            };
            table
                .columns
                .iter()
                .filter(in_it)
                .map(|column| column.name.clone())
        });
        out.push(columns.collect());
    }
    // Short ones first: what they settle is settled for the longer ones.
    out.sort_by_key(Vec::len);
    out
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
