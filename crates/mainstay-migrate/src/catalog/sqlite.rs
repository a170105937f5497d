//! Reads SQLite: the pragmas for what the engine made of a table, and the stored text for what
//! they do not tell.

use std::collections::HashMap;

use mainstay::schema::Dialect;
use mainstay::{Error, ErrorKind, Result, Tx};

use super::parse::rules::{PartRule, Rules};
use super::parse::{index, table};
use super::{Catalog, Column, Other, Table, Trigger, View};

const DIALECT: Dialect = Dialect::Sqlite;

/// How its statements are read.
pub(super) const RULES: Rules = Rules {
    dialect: DIALECT,
    parts: PartRule::Expression,
    usual_action: "NO ACTION",
    indexes_inside: false,
};

/// Everything that has a text of its own. Those without are made by the engine for a constraint.
const OBJECTS: &str =
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";

/// What kinds of tables there are: `table`, `view`, `virtual`, `shadow`.
const KINDS: &str = "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'";

/// Hidden is 1 for columns that only a virtual table has.
const COLUMNS: &str = "SELECT m.name, x.name, x.type, x.\"notnull\" \
    FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) x \
    WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%' AND x.hidden <> 1 \
    ORDER BY m.name, x.cid";

/// A row of the schema.
#[derive(Debug)]
struct Object {
    kind: String,
    name: String,
    table: String,
    sql: String,
}

/// What a pragma tells of a table.
#[derive(Debug, Default)]
struct TableKind {
    kind: String,
    without_rowid: bool,
    strict: bool,
}

/// What a pragma tells of a column.
#[derive(Debug)]
struct Told {
    name: String,
    ty: String,
    not_null: bool,
}

pub(super) async fn read(tx: &Tx) -> Result<Catalog> {
    let objects = tx
        .sql(OBJECTS)
        .fetch_with(|row| {
            Ok(Object {
                kind: row.get(0)?,
                name: row.get(1)?,
                table: row.get(2)?,
                sql: row.get(3)?,
            })
        })
        .await?;
    let kinds = tx
        .sql(KINDS)
        .fetch_with(|row| {
            let kind = TableKind {
                kind: row.get(1)?,
                without_rowid: row.get(2)?,
                strict: row.get(3)?,
            };
            Ok((row.get::<String>(0)?, kind))
        })
        .await?;
    let columns = tx
        .sql(COLUMNS)
        .fetch_with(|row| {
            let told = Told {
                name: row.get(1)?,
                ty: row.get(2)?,
                not_null: row.get(3)?,
            };
            Ok((row.get::<String>(0)?, told))
        })
        .await?;
    let mut by_table: HashMap<String, Vec<Told>> = HashMap::new();
    for (table, column) in columns {
        by_table.entry(table).or_default().push(column);
    }
    catalog(objects, &kinds.into_iter().collect(), by_table)
}

fn catalog(
    objects: Vec<Object>,
    kinds: &HashMap<String, TableKind>,
    mut columns: HashMap<String, Vec<Told>>,
) -> Result<Catalog> {
    let mut catalog = Catalog::empty(DIALECT);
    let is = |name: &str, kind: &str| kinds.get(name).is_some_and(|found| found.kind == kind);
    // Tables that a virtual table keeps its rows in are made with it.
    let is_own = |name: &str| {
        name.starts_with("sqlite_") || name.starts_with("_mainstay_") || is(name, "shadow")
    };
    let (tables, rest): (Vec<_>, Vec<_>) = objects
        .into_iter()
        .filter(|object| !is_own(&object.name) && !is_own(&object.table))
        .partition(|object| object.kind == "table");
    for object in tables {
        if is(&object.name, "virtual") {
            let Object { name, sql, .. } = object;
            catalog.others.push(Other {
                kind: "VIRTUAL TABLE".to_owned(),
                name,
                definition: sql,
            });
        } else {
            let told = columns.remove(&object.name).unwrap_or_default();
            let kind = kinds.get(&object.name);
            catalog.tables.push(table_of(&object, kind, told)?);
        }
    }
    for object in rest {
        let Object {
            kind,
            name,
            table,
            sql,
        } = object;
        let of_table = catalog.tables.iter_mut().find(|found| found.name == table);
        match (kind.as_str(), of_table) {
            ("index", Some(table)) => {
                let index = index::read(RULES, &sql).map_err(|why| why.of(&name))?;
                table.indexes.push(index);
            }
            ("trigger", Some(table)) => table.triggers.push(Trigger {
                name,
                definition: sql,
            }),
            // One that stands in for writing to a view.
            ("trigger", None) => {
                catalog.others.push(Other {
                    kind: "TRIGGER".to_owned(),
                    name,
                    definition: sql,
                });
            }
            ("view", _) => catalog.views.push(View {
                name,
                definition: sql,
            }),
            _ => {}
        }
    }
    name_referenced_columns(&mut catalog);
    Ok(catalog)
}

fn table_of(object: &Object, kind: Option<&TableKind>, told: Vec<Told>) -> Result<Table> {
    let parsed = table::read(RULES, &object.sql).map_err(|why| why.of(&object.name))?;
    let same = parsed.columns.len() == told.len()
        && parsed
            .columns
            .iter()
            .zip(&told)
            .all(|(column, told)| column.name == told.name);
    if !same {
        return Err(Error::new(
            ErrorKind::Decode,
            "the stored definition has other columns than the engine tells",
        )
        .with_table(object.name.clone())
        .with_hint("check the database: PRAGMA integrity_check"));
    }
    let columns = parsed.columns.into_iter().zip(told);
    let options = [
        (kind.is_some_and(|kind| kind.strict), "STRICT"),
        (kind.is_some_and(|kind| kind.without_rowid), "WITHOUT ROWID"),
    ];
    Ok(Table {
        name: object.name.clone(),
        columns: columns
            .map(|(column, told)| column_of(column, told))
            .collect(),
        primary_key: parsed.primary_key,
        uniques: parsed.uniques,
        indexes: Vec::new(),
        foreign_keys: parsed.foreign_keys,
        checks: parsed.checks,
        triggers: Vec::new(),
        options: options
            .iter()
            .filter(|(set, _)| *set)
            .map(|(_, word)| (*word).to_owned())
            .collect(),
        comment: None,
    })
}

/// The column of the definition with what the engine made of it: in a STRICT table, a type in
/// capitals, and a key that is never NULL.
fn column_of(column: Column, told: Told) -> Column {
    let collation = column
        .collation
        .filter(|name| !name.eq_ignore_ascii_case("BINARY"));
    let known = ["NOCASE", "RTRIM"];
    let collation = collation.map(|name| {
        let known = known.iter().find(|known| name.eq_ignore_ascii_case(known));
        known.map_or(name.clone(), |known| (*known).to_owned())
    });
    Column {
        ty: told.ty,
        nullable: !told.not_null,
        collation,
        ..column
    }
}

/// A foreign key that names no columns means the primary key.
fn name_referenced_columns(catalog: &mut Catalog) {
    let keys: HashMap<String, Vec<String>> = catalog
        .tables
        .iter()
        .filter_map(|table| {
            let key = table.primary_key.as_ref()?;
            Some((table.name.to_ascii_lowercase(), key.columns.clone()))
        })
        .collect();
    for key in catalog
        .tables
        .iter_mut()
        .flat_map(|table| &mut table.foreign_keys)
    {
        if key.referenced_columns.is_empty()
            && let Some(columns) = keys.get(&key.references.to_ascii_lowercase())
        {
            key.referenced_columns.clone_from(columns);
        }
    }
}
