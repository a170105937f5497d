//! Catalogs for the tests, in few words.

use mainstay::schema::Dialect;

use super::{Draft, Renames, draft};
use crate::catalog::{
    Catalog, Check, Column, ForeignKey, Index, IndexPart, Key, Table, Trigger, View,
};

pub(crate) fn catalog(dialect: Dialect, tables: impl IntoIterator<Item = Table>) -> Catalog {
    let mut catalog = Catalog::empty(dialect);
    catalog.tables.extend(tables);
    catalog.tables.sort_by(|a, b| a.name.cmp(&b.name));
    catalog
}

/// A table with the key `id`, and columns of `name type [NOT NULL] [DEFAULT ...]`.
pub(crate) fn table(name: &str, columns: &[&str]) -> Table {
    let mut all = vec![column("id bigint NOT NULL")];
    all.extend(columns.iter().map(|line| column(line)));
    Table {
        name: name.to_owned(),
        columns: all,
        primary_key: Some(key(&format!("{name}_pkey"), &["id"])),
        uniques: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        triggers: Vec::new(),
        options: Vec::new(),
        comment: None,
    }
}

pub(crate) fn column(line: &str) -> Column {
    let (line, default) = match line.split_once(" DEFAULT ") {
        Some((line, default)) => (line, Some(default.to_owned())),
        None => (line, None),
    };
    let nullable = !line.ends_with(" NOT NULL");
    let line = line.trim_end_matches(" NOT NULL");
    let (name, ty) = line.split_once(' ').expect("a name and a type");
    Column {
        name: name.to_owned(),
        ty: ty.to_owned(),
        collation: None,
        nullable,
        default,
        identity: None,
        generated: None,
        on_update: None,
        comment: None,
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) fn key(name: &str, columns: &[&str]) -> Key {
    Key {
        name: Some(name.to_owned()),
        columns: owned(columns),
        options: Vec::new(),
    }
}

pub(crate) fn index(name: &str, columns: &[&str]) -> Index {
    let part = |column: &&str| IndexPart {
        what: (*column).to_owned(),
        is_column: true,
        suffix: None,
    };
    Index {
        name: name.to_owned(),
        unique: false,
        method: None,
        parts: columns.iter().map(part).collect(),
        include: Vec::new(),
        condition: None,
        valid: true,
    }
}

/// To the `id` of another table.
pub(crate) fn refers(name: &str, column: &str, references: &str) -> ForeignKey {
    ForeignKey {
        name: Some(name.to_owned()),
        columns: owned(&[column]),
        references: references.to_owned(),
        referenced_columns: owned(&["id"]),
        on_delete: "CASCADE".to_owned(),
        on_update: "NO ACTION".to_owned(),
        options: Vec::new(),
    }
}

pub(crate) fn check(name: &str, condition: &str) -> Check {
    Check {
        name: Some(name.to_owned()),
        condition: condition.to_owned(),
        options: Vec::new(),
    }
}

pub(crate) fn view(name: &str, query: &str) -> View {
    View {
        name: name.to_owned(),
        definition: format!("CREATE VIEW {name} AS {query}"),
    }
}

pub(crate) fn trigger(name: &str, rest: &str) -> Trigger {
    Trigger {
        name: name.to_owned(),
        definition: format!("CREATE TRIGGER {name} {rest}"),
    }
}

/// A draft without renames.
pub(crate) fn drafted(from: &Catalog, to: &Catalog) -> Draft {
    draft(from, to, &Renames::default())
}

/// The statements of a draft, each on one line.
pub(crate) fn lines(draft: &Draft) -> Vec<String> {
    let one_line = |sql: &str| {
        let words: Vec<&str> = sql.split_whitespace().collect();
        words.join(" ").replace("( ", "(").replace(" )", ")")
    };
    draft.steps.iter().map(|step| one_line(&step.sql)).collect()
}
