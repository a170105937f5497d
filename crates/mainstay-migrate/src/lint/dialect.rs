//! What differs between the engines for the lint, beside the rules themselves.

use mainstay::schema::Dialect;

/// How the numbers of rows in the tables are asked for.
pub(super) struct RowNumbers {
    /// Each table's name and the engine's estimate, -1 where it has none.
    pub(super) estimates: &'static str,
    /// The table of statistics that the following reads, where it is there only sometimes.
    pub(super) statistics: Option<(&'static str, &'static str)>,
}

impl RowNumbers {
    pub(super) fn of(dialect: Dialect) -> Self {
        match dialect {
            // Statistics are there after the first ANALYZE; the number of rows comes first.
            Dialect::Sqlite => Self {
                estimates: "SELECT name, -1 FROM sqlite_master WHERE type = 'table' \
                    AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
                statistics: Some((
                    "sqlite_stat1",
                    "SELECT tbl, max(CAST(stat AS INTEGER)) FROM sqlite_stat1 GROUP BY tbl",
                )),
            },
            // Of a partitioned table and of one never analysed, reltuples says nothing.
            Dialect::Postgres => Self {
                estimates: "SELECT c.relname::text, c.reltuples::bigint \
                    FROM pg_catalog.pg_class c \
                    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                    WHERE c.relkind IN ('r', 'p') AND n.nspname = current_schema() \
                    ORDER BY c.relname",
                statistics: None,
            },
            _ => Self {
                estimates: "SELECT table_name, CAST(coalesce(table_rows, -1) AS SIGNED) \
                    FROM information_schema.tables \
                    WHERE table_type = 'BASE TABLE' AND table_schema = DATABASE() \
                    ORDER BY table_name",
                statistics: None,
            },
        }
    }
}

/// How long a name may be: the number, whether it counts bytes or characters, and what becomes of
/// a longer one.
pub(super) struct NameLimit {
    pub(super) length: usize,
    pub(super) in_bytes: bool,
    pub(super) beyond: &'static str,
}

impl NameLimit {
    /// The limit of a dialect, where there is one.
    pub(super) fn of(dialect: Dialect) -> Option<Self> {
        match dialect {
            Dialect::Sqlite => None,
            Dialect::Postgres => Some(Self {
                length: 63,
                in_bytes: true,
                beyond: "PostgreSQL cuts it off without an error",
            }),
            _ => Some(Self {
                length: 64,
                in_bytes: false,
                beyond: "the server refuses it",
            }),
        }
    }

    /// Whether a name is longer.
    pub(super) fn exceeded_by(&self, name: &str) -> bool {
        let length = if self.in_bytes {
            name.len()
        } else {
            name.chars().count()
        };
        length > self.length
    }
}
