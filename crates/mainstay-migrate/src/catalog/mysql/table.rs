//! CREATE TABLE as the server shows it.

use mainstay::Result;
use mainstay::schema::Dialect;

use crate::catalog::parse::column::comment;
use crate::catalog::parse::rules::{PartRule, Rules};
use crate::catalog::parse::table::Parsed;
use crate::catalog::parse::text::canonical;
use crate::catalog::parse::{Cursor, significant, table};
use crate::catalog::{Check, Column, ForeignKey, Index, Table};

/// How the server's statements are read.
pub(super) fn rules(dialect: Dialect) -> Rules {
    Rules {
        dialect,
        parts: PartRule::Length,
        usual_action: "RESTRICT",
        indexes_inside: true,
    }
}

/// Storage engines that build indexes in more than one way. In others it is the same to say so.
const CHOICE: &[&str] = &["ENGINE=MEMORY", "ENGINE=NDBCLUSTER", "ENGINE=ndbcluster"];

/// Reads a table from its definition.
pub(super) fn read(dialect: Dialect, name: String, sql: &str) -> Result<Table> {
    let parsed = table::read(rules(dialect), sql).map_err(|why| why.of(&name))?;
    let (options, comment) = options(dialect, &parsed.tail);
    let Parsed {
        mut columns,
        mut primary_key,
        mut uniques,
        foreign_keys,
        checks,
        check_columns,
        mut indexes,
        ..
    } = parsed;
    if !options
        .iter()
        .any(|option| CHOICE.contains(&option.as_str()))
    {
        let keys = primary_key.iter_mut().chain(&mut uniques);
        keys.for_each(|key| key.options.retain(|option| option != "USING BTREE"));
        for index in &mut indexes {
            index.method = index.method.take().filter(|method| method != "BTREE");
        }
    }
    indexes.retain(|index| !foreign_keys.iter().any(|key| is_made_for(index, key)));
    let checks = checks
        .into_iter()
        .zip(check_columns)
        .filter_map(|(check, column)| match column {
            Some(column) => of_column(check, column, &mut columns),
            None => Some(check),
        })
        .collect();
    Ok(Table {
        name,
        columns,
        primary_key,
        uniques,
        indexes,
        foreign_keys,
        checks,
        triggers: Vec::new(),
        options,
        comment,
    })
}

/// Whether the server made the index for a foreign key: it does so again, and drops it once there
/// is another for the same columns.
fn is_made_for(index: &Index, key: &ForeignKey) -> bool {
    let plain = !index.unique && index.method.is_none();
    let columns = index
        .parts
        .iter()
        .map(|part| (part.is_column && part.suffix.is_none(), &part.what));
    plain
        && key.name.as_ref() == Some(&index.name)
        && columns.eq(key.columns.iter().map(|column| (true, column)))
}

/// A check within a column's definition. MariaDB's JSON is a text with such a one.
fn of_column(mut check: Check, name: String, columns: &mut [Column]) -> Option<Check> {
    let column = columns.iter_mut().find(|column| column.name == name)?;
    if column.ty == "longtext" && check.condition == format!("json_valid(`{name}`)") {
        column.ty = "json".to_owned();
        column.collation = None;
        return None;
    }
    check.name = Some(name);
    check.options = vec!["COLUMN".to_owned()];
    Some(check)
}

/// What stands behind the columns, without the next number, and the comment.
fn options(dialect: Dialect, tail: &str) -> (Vec<String>, Option<String>) {
    let tokens = significant(dialect, tail).unwrap_or_default();
    let mut cursor = Cursor::new(&tokens);
    let (mut options, mut text) = (Vec::new(), None);
    while !cursor.is_at_end() {
        if cursor.sees(&["PARTITION", "BY"]) {
            options.push(canonical(cursor.take_rest()));
            break;
        }
        if cursor.takes(&["WITH", "SYSTEM", "VERSIONING"]) {
            options.push("WITH SYSTEM VERSIONING".to_owned());
            continue;
        }
        let default = if cursor.takes(&["DEFAULT"]) {
            "DEFAULT "
        } else {
            ""
        };
        let Some(name) = cursor.next().map(|token| token.text) else {
            break;
        };
        cursor.takes_symbol("=");
        let value = match cursor.group() {
            Some(group) => format!("({})", canonical(group)),
            None => cursor
                .next()
                .map(|token| token.text.to_owned())
                .unwrap_or_default(),
        };
        match name {
            "AUTO_INCREMENT" => {}
            "COMMENT" => text = comment(&value),
            _ => options.push(format!("{default}{name}={value}")),
        }
    }
    (options, text)
}

#[cfg(test)]
#[path = "tests/table.rs"]
mod tests;
