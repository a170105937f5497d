//! Every difference between two catalogs of the same engine.

use super::change::{Change, Object, Property};
use super::pairs::{Constraint, Pairs, constraints};
use super::text;
use crate::catalog::{Catalog, Column, Index, Other, Table, Trigger, View};

/// Every difference between two catalogs of the same engine, in a fixed order: tables by name,
/// what is in them in the order of the model, then views and the rest.
///
/// The order of a table's columns is not compared: a column that is added stands last on most
/// engines, whatever the order in the other database is. [`compare_order`] tells of it.
pub fn compare(from: &Catalog, to: &Catalog) -> Vec<Change> {
    let mut changes = Vec::new();
    let tables = Pairs::by(&from.tables, &to.tables, |a, b| a.name == b.name);
    let mut by_name: Vec<(&str, Vec<Change>)> = Vec::new();
    for table in &tables.left {
        by_name.push((&table.name, vec![whole_table(table, true)]));
    }
    for table in &tables.right {
        by_name.push((&table.name, vec![whole_table(table, false)]));
    }
    for (a, b) in &tables.both {
        by_name.push((&a.name, InTable { table: &a.name }.compare(a, b)));
    }
    by_name.sort_by_key(|(name, _)| *name);
    changes.extend(by_name.into_iter().flat_map(|(_, changes)| changes));
    views(from, to, &mut changes);
    others(from, to, &mut changes);
    changes
}

/// Where tables that both catalogs have hold the columns that both have in another order.
pub fn compare_order(from: &Catalog, to: &Catalog) -> Vec<Change> {
    let mut changes = Vec::new();
    for (a, b) in Pairs::by(&from.tables, &to.tables, |a, b| a.name == b.name).both {
        let common = |of: &Table, other: &Table| -> Vec<String> {
            of.columns
                .iter()
                .filter(|column| other.column(&column.name).is_some())
                .map(|column| column.name.clone())
                .collect()
        };
        let (left, right) = (common(a, b), common(b, a));
        if left != right {
            changes.push(Change {
                table: Some(a.name.clone()),
                object: Object::Table,
                name: None,
                property: Property::Order,
                left: Some(left.join(", ")),
                right: Some(right.join(", ")),
            });
        }
    }
    changes
}

fn whole_table(table: &Table, is_left: bool) -> Change {
    let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    let columns = Some(format!("({})", names.join(", ")));
    Change {
        table: Some(table.name.clone()),
        object: Object::Table,
        name: None,
        property: Property::Presence,
        left: columns.clone().filter(|_| is_left),
        right: columns.filter(|_| !is_left),
    }
}

/// Compares what is in one table.
struct InTable<'a> {
    table: &'a str,
}

impl InTable<'_> {
    fn compare(&self, a: &Table, b: &Table) -> Vec<Change> {
        let mut changes = Vec::new();
        let columns = Pairs::by(&a.columns, &b.columns, |a, b| a.name == b.name);
        for column in columns.left {
            let definition = Some(text::column(column));
            changes.push(self.presence(Object::Column, Some(&column.name), definition, None));
        }
        for column in columns.right {
            let definition = Some(text::column(column));
            changes.push(self.presence(Object::Column, Some(&column.name), None, definition));
        }
        for (a, b) in columns.both {
            self.column(a, b, &mut changes);
        }
        // There is one at most, so that the name does not tell which is which.
        let (left, right) = (a.primary_key.as_slice(), b.primary_key.as_slice());
        let keys = Pairs::by(left, right, |_, _| true);
        self.constraints(&Object::PrimaryKey, keys, text::key, &mut changes);
        let uniques = constraints(&a.uniques, &b.uniques);
        self.constraints(&Object::Unique, uniques, text::key, &mut changes);
        self.indexes(a, b, &mut changes);
        let keys = constraints(&a.foreign_keys, &b.foreign_keys);
        self.constraints(&Object::ForeignKey, keys, text::foreign_key, &mut changes);
        let checks = constraints(&a.checks, &b.checks);
        self.constraints(&Object::Check, checks, text::check, &mut changes);
        self.triggers(&a.triggers, &b.triggers, &mut changes);
        let options = |table: &Table| match table.options.is_empty() {
            true => None,
            false => Some(table.options.join(", ")),
        };
        self.property(Property::Options, options(a), options(b), &mut changes);
        let (left, right) = (a.comment.clone(), b.comment.clone());
        self.property(Property::Comment, left, right, &mut changes);
        changes
    }

    /// A difference of the table itself.
    fn property(
        &self,
        property: Property,
        left: Option<String>,
        right: Option<String>,
        changes: &mut Vec<Change>,
    ) {
        if left != right {
            changes.push(self.change(Object::Table, None, property, left, right));
        }
    }

    fn change(
        &self,
        object: Object,
        name: Option<&str>,
        property: Property,
        left: Option<String>,
        right: Option<String>,
    ) -> Change {
        Change {
            table: Some(self.table.to_owned()),
            object,
            name: name.map(str::to_owned),
            property,
            left,
            right,
        }
    }

    fn presence(
        &self,
        object: Object,
        name: Option<&str>,
        left: Option<String>,
        right: Option<String>,
    ) -> Change {
        self.change(object, name, Property::Presence, left, right)
    }

    fn column(&self, a: &Column, b: &Column, changes: &mut Vec<Change>) {
        let mut differ = |property, left: Option<String>, right: Option<String>| {
            if left != right {
                let name = Some(a.name.as_str());
                changes.push(self.change(Object::Column, name, property, left, right));
            }
        };
        differ(Property::Type, Some(a.ty.clone()), Some(b.ty.clone()));
        differ(
            Property::Collation,
            a.collation.clone(),
            b.collation.clone(),
        );
        let nullability = |column: &Column| (!column.nullable).then(|| "NOT NULL".to_owned());
        differ(Property::Nullability, nullability(a), nullability(b));
        differ(Property::Default, a.default.clone(), b.default.clone());
        let identity = |column: &Column| column.identity.map(|i| text::identity(i).to_owned());
        differ(Property::Identity, identity(a), identity(b));
        let generated = |column: &Column| column.generated.as_ref().map(text::generated);
        differ(Property::Generated, generated(a), generated(b));
        differ(Property::OnUpdate, a.on_update.clone(), b.on_update.clone());
        differ(Property::Comment, a.comment.clone(), b.comment.clone());
    }

    /// The differences of constraints of one kind.
    fn constraints<T: Constraint + PartialEq>(
        &self,
        object: &Object,
        pairs: Pairs<'_, T>,
        text: impl Fn(&T) -> String,
        changes: &mut Vec<Change>,
    ) {
        for item in pairs.left {
            let definition = Some(text(item));
            changes.push(self.presence(object.clone(), item.name(), definition, None));
        }
        for item in pairs.right {
            let definition = Some(text(item));
            changes.push(self.presence(object.clone(), item.name(), None, definition));
        }
        for (a, b) in pairs.both {
            let name = a.name().or(b.name());
            if a.nameless() != b.nameless() {
                let (left, right) = (Some(text(a)), Some(text(b)));
                let property = Property::Definition;
                changes.push(self.change(object.clone(), name, property, left, right));
            }
            if a.name() != b.name() {
                let owned = |name: Option<&str>| name.map(str::to_owned);
                let (left, right) = (owned(a.name()), owned(b.name()));
                changes.push(self.change(object.clone(), name, Property::Name, left, right));
            }
        }
    }

    fn indexes(&self, a: &Table, b: &Table, changes: &mut Vec<Change>) {
        let pairs = constraints(&a.indexes, &b.indexes);
        for (a, b) in &pairs.both {
            if a.valid != b.valid {
                let words =
                    |index: &Index| Some(if index.valid { "valid" } else { "invalid" }.to_owned());
                let (left, right) = (words(a), words(b));
                let name = Some(a.name.as_str());
                changes.push(self.change(Object::Index, name, Property::Validity, left, right));
            }
        }
        let alike: Vec<(Index, Index)> = pairs
            .both
            .iter()
            .map(|(a, b)| {
                let valid = |index: &Index| Index {
                    valid: true,
                    ..index.clone()
                };
                (valid(a), valid(b))
            })
            .collect();
        let pairs = Pairs {
            left: pairs.left,
            right: pairs.right,
            both: alike.iter().map(|(a, b)| (a, b)).collect(),
        };
        self.constraints(&Object::Index, pairs, text::index, changes);
    }

    fn triggers(&self, a: &[Trigger], b: &[Trigger], changes: &mut Vec<Change>) {
        let pairs = Pairs::by(a, b, |a, b| a.name == b.name);
        let definition = |trigger: &Trigger| Some(trigger.definition.clone());
        for t in pairs.left {
            changes.push(self.presence(Object::Trigger, Some(&t.name), definition(t), None));
        }
        for t in pairs.right {
            changes.push(self.presence(Object::Trigger, Some(&t.name), None, definition(t)));
        }
        for (a, b) in pairs.both {
            if a.definition != b.definition {
                let (left, right) = (definition(a), definition(b));
                let (name, property) = (Some(a.name.as_str()), Property::Definition);
                changes.push(self.change(Object::Trigger, name, property, left, right));
            }
        }
    }
}

fn views(from: &Catalog, to: &Catalog, changes: &mut Vec<Change>) {
    let pairs = Pairs::by(&from.views, &to.views, |a, b| a.name == b.name);
    let mut push = |left: Option<&View>, right: Option<&View>| {
        changes.extend(beside(
            Object::View,
            left.map(|view| (&view.name, &view.definition)),
            right.map(|view| (&view.name, &view.definition)),
        ));
    };
    for view in pairs.left {
        push(Some(view), None);
    }
    for view in pairs.right {
        push(None, Some(view));
    }
    for (a, b) in pairs.both {
        push(Some(a), Some(b));
    }
}

fn others(from: &Catalog, to: &Catalog, changes: &mut Vec<Change>) {
    let pairs = Pairs::by(&from.others, &to.others, same_other);
    let mut push = |left: Option<&Other>, right: Option<&Other>| {
        let kind = left.or(right).map(|other| other.kind.clone());
        changes.extend(beside(
            Object::Other(kind.unwrap_or_default()),
            left.map(|other| (&other.name, &other.definition)),
            right.map(|other| (&other.name, &other.definition)),
        ));
    };
    for other in pairs.left {
        push(Some(other), None);
    }
    for other in pairs.right {
        push(None, Some(other));
    }
    for (a, b) in pairs.both {
        push(Some(a), Some(b));
    }
}

/// Whether two objects beside tables are the same one.
pub(super) fn same_other(a: &Other, b: &Other) -> bool {
    a.kind == b.kind && a.name == b.name
}

/// The difference of something that stands beside tables, by name and definition.
fn beside(
    object: Object,
    left: Option<(&String, &String)>,
    right: Option<(&String, &String)>,
) -> Option<Change> {
    let name = left.or(right)?.0.clone();
    let (left, right) = (left.map(|(_, text)| text), right.map(|(_, text)| text));
    if left == right {
        return None;
    }
    Some(Change {
        table: None,
        object,
        name: Some(name),
        property: match (left, right) {
            (Some(_), Some(_)) => Property::Definition,
            _ => Property::Presence,
        },
        left: left.cloned(),
        right: right.cloned(),
    })
}

#[cfg(test)]
#[path = "tests/compare.rs"]
mod tests;
