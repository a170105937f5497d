//! Tables with all that belongs to them.

use std::collections::HashMap;

use mainstay::{Result, Tx};

use super::queries;
use super::rules::{DIALECT, RULES};
use crate::catalog::parse::constraint::{self, Constraint};
use crate::catalog::parse::text::{canonical_text, spread_casts};
use crate::catalog::parse::{Cursor, index, significant};
use crate::catalog::{Column, Generated, Identity, Table, Trigger};

pub(super) async fn read(tx: &Tx) -> Result<Vec<Table>> {
    let mut tables = heads(tx).await?;
    let places: HashMap<String, usize> = tables
        .iter()
        .enumerate()
        .map(|(at, table)| (table.name.clone(), at))
        .collect();
    for (table, column) in columns(tx).await? {
        if let Some(at) = places.get(&table) {
            tables[*at].columns.push(column);
        }
    }
    for (table, name, text) in texts(tx, queries::constraints()).await? {
        if let Some(at) = places.get(&table) {
            add_constraint(&mut tables[*at], name, &text)?;
        }
    }
    let indexes = tx
        .sql(queries::indexes())
        .fetch_with(|row| {
            Ok((
                row.get::<String>(0)?,
                row.get::<String>(1)?,
                row.get::<String>(2)?,
                row.get::<bool>(3)?,
            ))
        })
        .await?;
    for (table, name, text, valid) in indexes {
        if let Some(at) = places.get(&table) {
            let text = spread_casts(DIALECT, &text);
            let mut index = index::read(RULES, &text).map_err(|why| why.of(&name))?;
            index.valid = valid;
            tables[*at].indexes.push(index);
        }
    }
    Ok(tables)
}

/// Tables without what is in them.
async fn heads(tx: &Tx) -> Result<Vec<Table>> {
    tx.sql(queries::tables())
        .fetch_with(|row| {
            let mut options = Vec::new();
            let kept: String = row.get(1)?;
            if kept == "u" {
                options.push("UNLOGGED".to_owned());
            }
            let (parts, bound): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
            let parents: Option<String> = row.get(4)?;
            match (parents, bound) {
                (Some(parent), Some(bound)) => {
                    options.push(format!("PARTITION OF {parent} {bound}"))
                }
                (Some(parents), None) => options.push(format!("INHERITS ({parents})")),
                (None, _) => {}
            }
            options.extend(parts.map(|parts| format!("PARTITION BY {parts}")));
            let with: Option<String> = row.get(5)?;
            options.extend(with.map(|with| format!("WITH ({with})")));
            let (secured, forced): (bool, bool) = (row.get(6)?, row.get(7)?);
            if secured {
                options.push("ENABLE ROW LEVEL SECURITY".to_owned());
            }
            if forced {
                options.push("FORCE ROW LEVEL SECURITY".to_owned());
            }
            Ok(Table {
                name: row.get(0)?,
                columns: Vec::new(),
                primary_key: None,
                uniques: Vec::new(),
                indexes: Vec::new(),
                foreign_keys: Vec::new(),
                checks: Vec::new(),
                triggers: Vec::new(),
                options,
                comment: row.get(8)?,
            })
        })
        .await
}

async fn columns(tx: &Tx) -> Result<Vec<(String, Column)>> {
    tx.sql(queries::columns())
        .fetch_with(|row| {
            let expression: Option<String> = row.get(5)?;
            let expression = expression.map(|text| spread_casts(DIALECT, &text));
            let (identity, computed): (String, String) = (row.get(6)?, row.get(7)?);
            let (default, generated) = match (expression, computed.as_str()) {
                (Some(text), "") => (Some(text), None),
                (Some(text), kind) => {
                    let expression = canonical_text(DIALECT, &text);
                    (
                        None,
                        Some(Generated {
                            expression,
                            stored: kind == "s",
                        }),
                    )
                }
                (None, _) => (None, None),
            };
            let column = Column {
                name: row.get(1)?,
                ty: row.get(2)?,
                collation: row.get(3)?,
                nullable: !row.get::<bool>(4)?,
                // To have no default is to have this one.
                default: default.filter(|text| text != "NULL" && !text.starts_with("NULL::")),
                identity: match identity.as_str() {
                    "a" => Some(Identity::Always),
                    "d" => Some(Identity::ByDefault),
                    _ => None,
                },
                generated,
                on_update: None,
                comment: row.get(8)?,
            };
            Ok((row.get::<String>(0)?, column))
        })
        .await
}

fn add_constraint(table: &mut Table, name: String, text: &str) -> Result<()> {
    let text = spread_casts(DIALECT, text);
    let found = significant(DIALECT, &text)
        .and_then(|tokens| {
            let mut cursor = Cursor::new(&tokens);
            let found = constraint::read(RULES, &mut cursor)?;
            Ok(found.filter(|_| cursor.is_at_end()))
        })
        .map_err(|why| why.of(&name))?;
    match found {
        Some(Constraint::Primary(mut key)) => {
            key.name = Some(name);
            table.primary_key = Some(key);
        }
        Some(Constraint::Unique(mut key)) => {
            key.name = Some(name);
            table.uniques.push(key);
        }
        Some(Constraint::Foreign(mut key)) => {
            key.name = Some(name);
            table.foreign_keys.push(key);
        }
        Some(Constraint::Check(mut check)) => {
            check.name = Some(name);
            table.checks.push(check);
        }
        Some(Constraint::Index(_)) | None => {
            return Err(super::super::parse::Malformed(text)
                .of(&name)
                .with_table(table.name.clone()));
        }
    }
    Ok(())
}

/// Triggers with the name of their table, and whether it is a view.
pub(super) async fn triggers(tx: &Tx) -> Result<Vec<(String, bool, Trigger)>> {
    tx.sql(queries::triggers())
        .fetch_with(|row| {
            let trigger = Trigger {
                name: row.get(2)?,
                definition: row.get(3)?,
            };
            Ok((row.get::<String>(0)?, row.get::<bool>(1)?, trigger))
        })
        .await
}

/// Rows of three texts.
async fn texts(tx: &Tx, sql: String) -> Result<Vec<(String, String, String)>> {
    tx.sql(sql)
        .fetch_with(|row| {
            Ok((
                row.get::<String>(0)?,
                row.get::<String>(1)?,
                row.get::<String>(2)?,
            ))
        })
        .await
}
