//! Types, sequences, functions, and what else is told by a definition alone.

use mainstay::driver::Row;
use mainstay::{Result, Tx};

use super::queries;
use super::rules::DIALECT;
use crate::catalog::Other;
use crate::catalog::parse::text::spread_casts;

pub(super) async fn read(tx: &Tx) -> Result<Vec<Other>> {
    let mut all = tx.sql(queries::types()).fetch_with(type_of).await?;
    all.extend(tx.sql(queries::sequences()).fetch_with(sequence).await?);
    all.extend(tx.sql(queries::functions()).fetch_with(function).await?);
    let plain = tx.sql(queries::plain()).fetch_with(|row| {
        let definition: String = row.get(2)?;
        let definition = spread_casts(DIALECT, definition.trim_end_matches(';'));
        Ok(other(row.get::<String>(0)?, row.get(1)?, definition))
    });
    all.extend(plain.await?);
    let indexes = tx.sql(queries::view_indexes()).fetch_with(|row| {
        let definition: String = row.get(2)?;
        Ok(other(
            "INDEX",
            row.get(1)?,
            spread_casts(DIALECT, &definition),
        ))
    });
    all.extend(indexes.await?);
    Ok(all)
}

fn other(kind: impl Into<String>, name: String, definition: String) -> Other {
    Other {
        kind: kind.into(),
        name,
        definition,
    }
}

fn type_of(row: &Row<'_>) -> Result<Other> {
    let name: String = row.get(0)?;
    let kind: String = row.get(1)?;
    let quoted = DIALECT.quote(&name);
    let text = |position: usize| {
        row.get::<Option<String>>(position)
            .map(Option::unwrap_or_default)
    };
    let definition = match kind.as_str() {
        "e" => format!("CREATE TYPE {quoted} AS ENUM ({})", text(2)?),
        "c" => format!("CREATE TYPE {quoted} AS ({})", text(8)?),
        "r" => format!("CREATE TYPE {quoted} AS RANGE (SUBTYPE = {})", text(9)?),
        _ => domain(row, &quoted)?,
    };
    let kind = if kind == "d" { "DOMAIN" } else { "TYPE" };
    Ok(other(kind, name, definition))
}

fn domain(row: &Row<'_>, quoted: &str) -> Result<String> {
    let mut definition = format!("CREATE DOMAIN {quoted} AS {}", row.get::<String>(3)?);
    if let Some(collation) = row.get::<Option<String>>(6)? {
        definition.push_str(&format!(" COLLATE {collation}"));
    }
    if let Some(default) = row.get::<Option<String>>(5)? {
        definition.push_str(&format!(" DEFAULT {default}"));
    }
    if row.get::<bool>(4)? {
        definition.push_str(" NOT NULL");
    }
    if let Some(checks) = row.get::<Option<String>>(7)? {
        definition.push_str(&format!(" {checks}"));
    }
    Ok(spread_casts(DIALECT, &definition))
}

fn sequence(row: &Row<'_>) -> Result<Other> {
    let name: String = row.get(0)?;
    let ty: String = row.get(1)?;
    let number = |position: usize| row.get::<i64>(position);
    let (start, step, least, greatest) = (number(2)?, number(3)?, number(4)?, number(5)?);
    let mut definition = format!("CREATE SEQUENCE {} AS {ty}", DIALECT.quote(&name));
    let most = match ty.as_str() {
        "smallint" => i64::from(i16::MAX),
        "integer" => i64::from(i32::MAX),
        _ => i64::MAX,
    };
    if (start, step, least, greatest) != (1, 1, 1, most) {
        definition.push_str(&format!(
            " START WITH {start} INCREMENT BY {step} MINVALUE {least} MAXVALUE {greatest}"
        ));
    }
    if number(6)? != 1 {
        definition.push_str(&format!(" CACHE {}", number(6)?));
    }
    if row.get::<bool>(7)? {
        definition.push_str(" CYCLE");
    }
    if let Some(owner) = row.get::<Option<String>>(8)? {
        definition.push_str(&format!(" OWNED BY {owner}"));
    }
    Ok(other("SEQUENCE", name, definition))
}

fn function(row: &Row<'_>) -> Result<Other> {
    let (kind, name, parameters): (String, String, String) =
        (row.get(0)?, row.get(1)?, row.get(2)?);
    let quoted = DIALECT.quote(&name);
    let signature = format!("{name}({parameters})");
    let Some(definition) = row.get::<Option<String>>(3)? else {
        let mut parts = vec![
            format!("SFUNC = {}", row.get::<String>(5)?),
            format!("STYPE = {}", row.get::<String>(6)?),
        ];
        if let Some(end) = row.get::<Option<String>>(7)? {
            parts.push(format!("FINALFUNC = {end}"));
        }
        if let Some(first) = row.get::<Option<String>>(8)? {
            parts.push(format!("INITCOND = '{}'", first.replace('\'', "''")));
        }
        let parameters = if parameters.is_empty() {
            "*"
        } else {
            &parameters
        };
        let definition = format!(
            "CREATE AGGREGATE {quoted}({parameters}) ({})",
            parts.join(", ")
        );
        return Ok(other("AGGREGATE", signature, definition));
    };
    let kind = if kind == "p" { "PROCEDURE" } else { "FUNCTION" };
    // The schema is the one where the statement runs.
    let own = format!("{quoted}(");
    let definition = definition
        .trim_end()
        .replacen(&row.get::<String>(4)?, &own, 1);
    Ok(other(kind, signature, definition))
}
