//! What goes from where to where, and why something does not.

use std::collections::{BTreeMap, BTreeSet};

use mainstay::Schema;
use mainstay::schema::TableModel;
use mainstay::value::ColumnType;
use mainstay_migrate::catalog::{Catalog, Column, ForeignKey, Table};

use super::engine;
use super::model::leaked;
use super::order;

/// All of a copy.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Tables that belong together, in the order in which they are filled.
    pub(super) groups: Vec<Group>,
    /// Tables of the target with triggers: table and trigger.
    pub(super) triggers: Vec<(String, String)>,
}

/// Tables that refer to each other in a circle, or one alone.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) tables: Vec<Planned>,
}

/// A table that is copied.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) model: &'static TableModel,
    /// The positions of the primary key's columns.
    pub(super) key: Vec<usize>,
    /// Foreign keys of the target that lead into the group.
    pub(super) inside: Vec<ForeignKey>,
    /// Columns whose keys the target makes.
    pub(super) made: Vec<usize>,
}

impl Plan {
    /// All tables, in the order in which they are filled.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Planned> {
        self.groups.iter().flat_map(|group| &group.tables)
    }
}

/// What is to be done, or everything that is in the way, in words.
pub(super) fn plan(
    from: &Catalog,
    to: &Catalog,
    schema: &Schema,
    skip: &[String],
) -> Result<Plan, Vec<String>> {
    let mut problems = Vec::new();
    for name in skip {
        if from.table(name).is_none() {
            problems.push(format!(
                "table {name}, which is to be skipped, is not in the source"
            ));
        }
    }
    let mut planned = BTreeMap::new();
    for source in from.tables.iter().filter(|one| !skip.contains(&one.name)) {
        let Some(target) = to.table(&source.name) else {
            problems.push(format!("table {} is not in the target", source.name));
            continue;
        };
        match table(from, to, (source, target), schema) {
            Ok(table) => {
                planned.insert(source.name.as_str(), (table, target));
            }
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let references = planned
        .iter()
        .map(|(name, (_, target))| {
            let others = target.foreign_keys.iter().map(|key| &*key.references);
            (*name, others.collect::<BTreeSet<&str>>())
        })
        .collect();
    let triggers = planned
        .iter()
        .flat_map(|(name, (_, target))| {
            let pair = |trigger: &mainstay_migrate::catalog::Trigger| {
                ((*name).to_owned(), trigger.name.clone())
            };
            target.triggers.iter().map(pair)
        })
        .collect();
    let groups = order::groups(&references);
    let groups = groups
        .into_iter()
        .map(|names| Group {
            tables: names
                .iter()
                .filter_map(|name| planned.remove(name.as_str()))
                .map(|(mut table, target)| {
                    let leads_inside = |key: &&ForeignKey| names.contains(&key.references);
                    let inside = target.foreign_keys.iter().filter(leads_inside);
                    table.inside = inside.cloned().collect();
                    table
                })
                .collect(),
        })
        .collect();
    Ok(Plan { groups, triggers })
}

fn table(
    from: &Catalog,
    to: &Catalog,
    (source, target): (&Table, &Table),
    schema: &Schema,
) -> Result<Planned, Vec<String>> {
    let entity = schema.table(&source.name);
    let mut problems = Vec::new();
    let (mut columns, mut made) = (Vec::new(), Vec::new());
    let kept = |column: &&Column| column.generated.is_none();
    for column in source.columns.iter().filter(kept) {
        let place = format!("{}.{}", source.name, column.name);
        let other = match target.column(&column.name) {
            Some(other) if other.generated.is_some() => {
                problems.push(format!(
                    "{place} is computed in the target, and not in the source"
                ));
                continue;
            }
            Some(other) => other,
            None => {
                problems.push(format!("column {place} is not in the target"));
                continue;
            }
        };
        let declared = entity
            .and_then(|entity| entity.column(&column.name))
            .map(|(_, model)| model.ty);
        match column_type((from, column), (to, other), declared) {
            Ok(ty) => {
                if other.identity.is_some()
                    || engine::makes_keys(to.dialect, other.default.as_deref())
                {
                    made.push(columns.len());
                }
                columns.push((column.name.clone(), ty, other.nullable));
            }
            Err(why) => problems.push(format!("{place}: {why}")),
        }
    }
    for other in target.columns.iter().filter(kept) {
        let source_has = source.column(&other.name);
        if source_has.is_none() {
            let (table, name) = (&source.name, &other.name);
            problems.push(format!("column {table}.{name} is not in the source"));
        }
    }
    if columns.is_empty() && problems.is_empty() {
        problems.push(format!("table {} has no columns to copy", source.name));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let key = source.primary_key.iter().flat_map(|key| &key.columns);
    let position = |name: &String| columns.iter().position(|(column, ..)| column == name);
    Ok(Planned {
        key: key.filter_map(position).collect(),
        model: leaked(
            &source.name,
            &columns,
            entity.map_or(&[], |entity| entity.foreign_keys),
        ),
        inside: Vec::new(),
        made,
    })
}

/// As what the values of a column travel.
fn column_type(
    (from, source): (&Catalog, &Column),
    (to, target): (&Catalog, &Column),
    declared: Option<ColumnType>,
) -> Result<ColumnType, String> {
    let (here, there) = (from.dialect, to.dialect);
    let keeps_both = |ty: &ColumnType| {
        engine::keeps(here, &source.ty, ty) && engine::keeps(there, &target.ty, ty)
    };
    let shown = || {
        format!(
            "{} on {} does not go to {} on {}",
            source.ty,
            here.name(),
            target.ty,
            there.name()
        )
    };
    let ty = match declared.map(as_stored) {
        Some(ty) if keeps_both(&ty) => ty,
        Some(ty) => {
            return Err(format!(
                "{}: neither is what the entity says, {}",
                shown(),
                ty.name()
            ));
        }
        None => {
            let candidates = if engine::is_vague(here) {
                engine::candidates(there, &target.ty)
            } else {
                engine::candidates(here, &source.ty)
            };
            // A small number is a truth value only where the other side says so as well.
            let vague = here == there || engine::is_vague(here) || engine::is_vague(there);
            let one_bit = |ty: &ColumnType| vague && *ty == ColumnType::Bool;
            let several = candidates.len() > 1;
            candidates
                .into_iter()
                .filter(|ty| !(several && one_bit(ty)))
                .find(keeps_both)
                .ok_or_else(shown)?
        }
    };
    let drops = |dialect, native: &str| engine::drops_microseconds(dialect, native);
    if ty == ColumnType::Instant && drops(there, &target.ty) && !drops(here, &source.ty) {
        return Err(format!("{}: it would drop parts of a second", shown()));
    }
    Ok(ty)
}

/// The limits of texts are left to the target, which says best what it takes.
fn as_stored(ty: ColumnType) -> ColumnType {
    match ty {
        ColumnType::Text { .. } | ColumnType::Enum { .. } => engine::TEXT,
        other => other,
    }
}

#[cfg(test)]
mod tests;
