//! What differs between the engines when they are filled, measured and watched.

use mainstay::schema::Dialect;

use crate::catalog::{Column, Table};

/// What the server says of its version, in one row.
pub(super) fn version(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "SELECT 'SQLite ' || sqlite_version()",
        Dialect::Postgres => "SELECT 'PostgreSQL ' || current_setting('server_version')",
        _ => "SELECT VERSION()",
    }
}

/// The most parameters of one statement.
pub(super) fn most_parameters(dialect: Dialect) -> usize {
    match dialect {
        Dialect::Sqlite => 32_766,
        _ => 65_535,
    }
}

/// What stands between the columns and VALUES, where columns count by themselves whatever is given.
pub(super) fn overriding(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => " OVERRIDING SYSTEM VALUE",
        _ => "",
    }
}

/// A statement that lets a column go on counting behind the largest number there is, where the
/// engine does not see to that itself.
pub(super) fn count_on(dialect: Dialect, table: &str, column: &str) -> Option<String> {
    match dialect {
        Dialect::Postgres => {
            let (quoted, name) = (dialect.quote(table), dialect.quote(column));
            let literal = |text: &str| text.replace('\'', "''");
            Some(format!(
                "SELECT setval(pg_get_serial_sequence('{}', '{}'), \
                 (SELECT max({name}) FROM {quoted})::bigint)",
                literal(&quoted),
                literal(column)
            ))
        }
        _ => None,
    }
}

/// A statement by which the engine gets to know how large a table has become.
pub(super) fn analyze(dialect: Dialect, table: &str) -> Option<String> {
    let quoted = dialect.quote(table);
    match dialect {
        // Plans do not hang on it here, and it would leave a table of its own.
        Dialect::Sqlite => None,
        Dialect::Postgres => Some(format!("ANALYZE {quoted}")),
        _ => Some(format!("ANALYZE TABLE {quoted}")),
    }
}

/// How the rows of a table are summed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sums {
    /// By the engine: one row with the number of rows and a text for each column.
    Query(String),
    /// By reading them: each row is the last column's place, the key as text and each column as
    /// text. The statement reads a page behind a place, or everything where there are no places.
    Rows { sql: String, paged: bool },
}

/// How many rows are read at a time.
pub(super) const PAGE: usize = 20_000;

/// The statement that sums up columns of a table. Each value counts together with the row's key, so
/// that values which have changed places are noticed.
pub(super) fn sums(dialect: Dialect, table: &Table, key: &[&str], columns: &[&Column]) -> Sums {
    let name = dialect.quote(&table.name);
    let quote = |name: &str| dialect.quote(name);
    match dialect {
        Dialect::Sqlite => {
            let text = |name: &str| format!("quote({})", quote(name));
            let mut key: Vec<String> = key.iter().map(|name| text(name)).collect();
            key.push("''".to_owned());
            let mut select = vec![key.join(" || ',' || ")];
            select.extend(columns.iter().map(|column| text(&column.name)));
            let place = place(table);
            let (first, behind) = match place {
                Some(place) => (
                    place,
                    format!(" WHERE {place} > ? ORDER BY {place} LIMIT {PAGE}"),
                ),
                None => ("0", String::new()),
            };
            Sums::Rows {
                sql: format!("SELECT {first}, {} FROM {name}{behind}", select.join(", ")),
                paged: place.is_some(),
            }
        }
        Dialect::Postgres => {
            let mut key: Vec<String> = key
                .iter()
                .map(|name| format!("coalesce({}::text, '')", quote(name)))
                .collect();
            key.push("''".to_owned());
            let key = key.join(" || ',' || ");
            let sum = |column: &&Column| {
                format!(
                    "coalesce(sum(hashtextextended({key} || coalesce('=' || {}::text, '-'), \
                     0)::numeric), 0)::text",
                    quote(&column.name)
                )
            };
            let mut select = vec!["count(*)".to_owned()];
            select.extend(columns.iter().map(sum));
            Sums::Query(format!("SELECT {} FROM {name}", select.join(", ")))
        }
        _ => {
            let bytes = |name: &str| format!("CAST({} AS BINARY)", quote(name));
            let mut key: Vec<String> = key
                .iter()
                .map(|name| format!("COALESCE({}, ''), ','", bytes(name)))
                .collect();
            key.push("''".to_owned());
            let key = key.join(", ");
            let sum = |column: &&Column| {
                format!(
                    "CAST(COALESCE(SUM(CRC32(CONCAT({key}, COALESCE(CONCAT('=', {}), '-')))), 0) \
                     AS CHAR)",
                    bytes(&column.name)
                )
            };
            let mut select = vec!["COUNT(*)".to_owned()];
            select.extend(columns.iter().map(sum));
            Sums::Query(format!("SELECT {} FROM {name}", select.join(", ")))
        }
    }
}

/// By what name SQLite knows the place of a row.
fn place(table: &Table) -> Option<&'static str> {
    if table.options.iter().any(|option| option == "WITHOUT ROWID") {
        return None;
    }
    let taken = |name: &&str| {
        let mut columns = table.columns.iter();
        !columns.any(|column| column.name.eq_ignore_ascii_case(name))
    };
    ["rowid", "_rowid_", "oid"].into_iter().find(taken)
}

/// A query for the locks that other sessions hold on tables, or what they are doing: one text each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LockQuery {
    /// Whether it can be asked: one row with 1 or 0. Empty where it always can.
    pub(super) available: &'static str,
    pub(super) sql: &'static str,
    /// What its answers are, in words.
    pub(super) what: &'static str,
}

/// The queries for locks, the best first.
pub(super) fn lock_queries(dialect: Dialect) -> &'static [LockQuery] {
    match dialect {
        // There is one lock, and whoever looks for it waits for it.
        Dialect::Sqlite => &[],
        Dialect::Postgres => &[LockQuery {
            available: "",
            sql: "SELECT DISTINCT (l.mode || ' on ' || c.relname || \
                  CASE WHEN l.granted THEN '' ELSE ' (waiting)' END)::text \
                  FROM pg_catalog.pg_locks l \
                  JOIN pg_catalog.pg_class c ON c.oid = l.relation \
                  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                  WHERE l.locktype = 'relation' AND l.pid <> pg_backend_pid() \
                  AND l.database = (SELECT oid FROM pg_catalog.pg_database \
                      WHERE datname = current_database()) \
                  AND n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'm', 'v') \
                  AND c.relname NOT LIKE '\\_mainstay\\_%' ORDER BY 1",
            what: "locks in pg_locks",
        }],
        _ => &[
            LockQuery {
                available: "SELECT COUNT(*) FROM information_schema.plugins \
                     WHERE plugin_name = 'METADATA_LOCK_INFO' AND plugin_status = 'ACTIVE'",
                sql: "SELECT DISTINCT CONCAT(lock_mode, ' on ', table_name) \
                      FROM information_schema.metadata_lock_info \
                      WHERE table_schema = DATABASE() AND thread_id <> CONNECTION_ID() \
                      AND table_name NOT LIKE '\\_mainstay\\_%'",
                what: "locks in metadata_lock_info",
            },
            LockQuery {
                available: "",
                sql: "SELECT DISTINCT CONCAT('state: ', state) FROM information_schema.processlist \
                      WHERE db = DATABASE() AND id <> CONNECTION_ID() \
                      AND command IN ('Query', 'Execute') AND state <> ''",
                what: "states in the process list, as the server has no metadata_lock_info",
            },
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Key;

    fn table(options: &[&str]) -> Table {
        let column = |name: &str| Column {
            name: name.to_owned(),
            ty: "TEXT".to_owned(),
            collation: None,
            nullable: false,
            default: None,
            identity: None,
            generated: None,
            on_update: None,
            comment: None,
        };
        Table {
            name: "a".to_owned(),
            columns: vec![column("id"), column("rowid")],
            primary_key: Some(Key {
                name: None,
                columns: vec!["id".to_owned()],
                options: Vec::new(),
            }),
            uniques: Vec::new(),
            indexes: Vec::new(),
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            triggers: Vec::new(),
            options: options.iter().map(|&option| option.to_owned()).collect(),
            comment: None,
        }
    }

    #[test]
    fn sqlite_is_read_page_by_page_where_rows_have_places() {
        let table_ = table(&["STRICT"]);
        let columns: Vec<&Column> = table_.columns.iter().collect();
        let Sums::Rows { sql, paged } = sums(Dialect::Sqlite, &table_, &["id"], &columns) else {
            panic!("SQLite has no hash of its own");
        };
        assert!(paged);
        assert_eq!(
            sql,
            "SELECT _rowid_, quote(\"id\") || ',' || '', quote(\"id\"), quote(\"rowid\") FROM \
             \"a\" WHERE _rowid_ > ? ORDER BY _rowid_ LIMIT 20000"
        );
        let table_ = table(&["WITHOUT ROWID"]);
        let Sums::Rows { sql, paged } = sums(Dialect::Sqlite, &table_, &[], &[]) else {
            panic!("SQLite has no hash of its own");
        };
        assert!(!paged && sql == "SELECT 0, '' FROM \"a\"", "{sql}");
    }
}
