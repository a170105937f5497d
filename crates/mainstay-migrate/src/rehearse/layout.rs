//! How the rows of tables are made, read from the catalog: which column gets its values from where.
//! Pure.

use mainstay::Result;

use super::condition::Condition;
use super::kind::{self, Kind};
use super::make::{choices, is_endless, mixed, number_of};
use super::reading;
use super::rows::{Filled, Filling, How, Parent, Reference, There, Wanted};
use super::wrong::wrong;
use crate::catalog::{Catalog, Column, ForeignKey, Identity, Table};

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
            .filter_map(|check| reading::read(self.catalog.dialect, &check.condition))
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
