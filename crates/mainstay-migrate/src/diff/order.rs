//! In which order tables can be made.

use crate::catalog::{ForeignKey, Table};

/// Tables, each behind those that it refers to; and the foreign keys for which that cannot be,
/// because tables refer to each other in a circle.
pub(super) fn in_order<'a>(
    tables: &[&'a Table],
) -> (Vec<&'a Table>, Vec<(&'a Table, &'a ForeignKey)>) {
    let mut left: Vec<&Table> = tables.to_vec();
    let mut out: Vec<&Table> = Vec::new();
    let mut circles = Vec::new();
    while !left.is_empty() {
        let open = |table: &Table| -> (bool, usize) {
            let unmet = table.foreign_keys.iter().filter(|key| {
                key.references != table.name && left.iter().any(|t| t.name == key.references)
            });
            (
                left.iter().any(|other| is_part_of(table, other)),
                unmet.count(),
            )
        };
        let fewest = left.iter().enumerate().min_by_key(|(_, table)| open(table));
        let at = fewest.map_or(0, |(at, _)| at);
        let table = left.remove(at);
        for key in &table.foreign_keys {
            if left.iter().any(|t| t.name == key.references) {
                circles.push((table, key));
            }
        }
        out.push(table);
    }
    (out, circles)
}

/// Whether the one table is a partition of the other, or takes its columns from it.
fn is_part_of(table: &Table, other: &Table) -> bool {
    table.name != other.name
        && table.options.iter().any(|option| {
            let parent = option
                .strip_prefix("PARTITION OF ")
                .or_else(|| option.strip_prefix("INHERITS "));
            parent.is_some_and(|parent| parent.contains(&other.name))
        })
}
