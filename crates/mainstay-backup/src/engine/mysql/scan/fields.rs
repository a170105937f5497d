//! Rows of a dump taken apart, for the few that are read.

use mainstay::{Error, ErrorKind, Result};

use crate::archive::SchemaVersion;

/// Which migrations had been applied, from the rows of their record, one a line, without their
/// parentheses. `None` where there is no record, or nothing in it.
pub(super) fn schema_version(rows: &[u8]) -> Result<Option<SchemaVersion>> {
    let mut found: Option<SchemaVersion> = None;
    for row in rows
        .split(|byte| *byte == b'\n')
        .filter(|row| !row.is_empty())
    {
        let fields = split(row);
        // The first and the fourth in every format of the record; later ones only add.
        let (Some(version), Some(state)) = (fields.first(), fields.get(3)) else {
            return Err(Error::new(
                ErrorKind::Decode,
                "the record of migrations in the dump has rows of another form",
            )
            .with_hint("run the newest release of the application"));
        };
        if state != "applied" {
            continue;
        }
        let last = found.get_or_insert_with(|| SchemaVersion {
            version: String::new(),
            applied: 0,
        });
        last.applied += 1;
        if last.version < *version {
            last.version.clone_from(version);
        }
    }
    Ok(found)
}

/// The fields of a row, texts without their quotes and escapes.
fn split(row: &[u8]) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = Vec::new();
    let (mut quoted, mut escaped) = (false, false);
    for byte in row {
        match byte {
            _ if escaped => {
                field.push(*byte);
                escaped = false;
            }
            b'\\' if quoted => escaped = true,
            b'\'' => quoted = !quoted,
            b',' if !quoted => fields.push(std::mem::take(&mut field)),
            _ => field.push(*byte),
        }
    }
    fields.push(field);
    let fields = fields.iter().map(|field| String::from_utf8_lossy(field));
    fields.map(std::borrow::Cow::into_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_applied_migration_is_told() {
        let rows =
            b"'20260102000000','it\\'s, one','x','applied',1,1,'2026-01-02 00:00:00.000000',5,2\n\
            '20260101000000','first','x','applied',1,1,'2026-01-01 00:00:00.000000',5,2\n\
            '20260103000000','half','x','started',0,1,'2026-01-03 00:00:00.000000',0,2\n";
        let found = schema_version(rows).expect("readable").expect("two");
        assert_eq!(
            (found.version.as_str(), found.applied),
            ("20260102000000", 2)
        );
        assert_eq!(schema_version(b"").expect("readable"), None);
        assert!(schema_version(b"1,2\n").is_err());
    }
}
