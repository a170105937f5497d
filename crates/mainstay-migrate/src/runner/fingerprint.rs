//! The fingerprint of a schema: whether a statement of an interrupted migration took effect is told
//! by comparing it before and after.
//!
//! It is read in the session that runs the statements, and compared only with one of the same
//! database: so it takes the engine's tables as they are, and wants no normal form.

use mainstay::Result;
use mainstay::database::Sql as Query;
use mainstay::schema::Dialect;

use crate::dialect::Sql;

/// The fingerprint of the schema as a session sees it, without Mainstay's own tables.
///
/// # Errors
/// Those of reading.
pub(crate) async fn schema_fingerprint(
    query: impl Fn(&'static str) -> Query,
    dialect: Dialect,
) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    for sql in Sql::of(dialect).fingerprint {
        let lines: Vec<Option<String>> = query(sql).fetch_with(|row| row.get(0)).await?;
        hasher.update(&(lines.len() as u64).to_le_bytes());
        for line in lines {
            let line = line.unwrap_or_default();
            hasher.update(&(line.len() as u64).to_le_bytes());
            hasher.update(line.as_bytes());
        }
    }
    Ok(format!("f1:{}", hasher.finalize().to_hex()))
}
