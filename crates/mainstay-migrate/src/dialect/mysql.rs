//! MariaDB and MySQL: their SQL and their locks.

use super::{Effect, Manner, Sql};
use crate::directive::Directives;
use crate::shape::Shape;

// The lock's name holds for the whole server, so the database is part of it; hashed, because a
// lock's name has at most 64 characters.
pub(super) const SQL: Sql = Sql {
    create_history: "\
CREATE TABLE IF NOT EXISTS _mainstay_migrations (
    version VARCHAR(14) NOT NULL PRIMARY KEY,
    name VARCHAR(200) NOT NULL,
    checksum VARCHAR(80) NOT NULL,
    state VARCHAR(10) NOT NULL CHECK (state IN ('started', 'applied')),
    statements_done INT NOT NULL,
    statements_total INT NOT NULL,
    applied_at DATETIME(6) NOT NULL,
    duration_ms BIGINT NOT NULL,
    format INT NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    create_journal: "\
CREATE TABLE IF NOT EXISTS _mainstay_journal (
    version VARCHAR(14) NOT NULL,
    position INT NOT NULL,
    direction VARCHAR(4) NOT NULL CHECK (direction IN ('up', 'down')),
    state VARCHAR(10) NOT NULL CHECK (state IN ('started', 'done')),
    checksum VARCHAR(80) NOT NULL,
    before_it VARCHAR(80),
    after_it VARCHAR(80),
    started_at DATETIME(6) NOT NULL,
    duration_ms BIGINT NOT NULL,
    format INT NOT NULL,
    PRIMARY KEY (version, position)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    count_tables: "SELECT count(*) FROM information_schema.tables \
        WHERE table_type = 'BASE TABLE' AND table_schema = DATABASE() \
        AND table_name = ?",
    try_lock: "",
    try_session_lock: "SELECT GET_LOCK(CONCAT('mainstay.migrate.', MD5(DATABASE())), 0)",
    session_unlock: "SELECT RELEASE_LOCK(CONCAT('mainstay.migrate.', MD5(DATABASE())))",
    fingerprint: &[
        "SELECT CONCAT_WS('|', table_name, table_type, engine, row_format, table_collation, \
         create_options, table_comment) FROM information_schema.tables \
         WHERE table_schema = DATABASE() AND table_name NOT LIKE '\\_mainstay\\_%' \
         ORDER BY table_name",
        "SELECT CONCAT_WS('|', table_name, ordinal_position, column_name, column_type, \
         is_nullable, IFNULL(column_default, 'no default'), collation_name, extra, column_comment, \
         generation_expression) FROM information_schema.columns \
         WHERE table_schema = DATABASE() AND table_name NOT LIKE '\\_mainstay\\_%' \
         ORDER BY table_name, ordinal_position",
        "SELECT CONCAT_WS('|', table_name, index_name, seq_in_index, column_name, non_unique, \
         sub_part, index_type, collation, index_comment) FROM information_schema.statistics \
         WHERE table_schema = DATABASE() AND table_name NOT LIKE '\\_mainstay\\_%' \
         ORDER BY table_name, index_name, seq_in_index",
        "SELECT CONCAT_WS('|', table_name, constraint_name, ordinal_position, column_name, \
         referenced_table_schema, referenced_table_name, referenced_column_name) \
         FROM information_schema.key_column_usage \
         WHERE table_schema = DATABASE() AND table_name NOT LIKE '\\_mainstay\\_%' \
         ORDER BY table_name, constraint_name, ordinal_position",
        "SELECT CONCAT_WS('|', table_name, constraint_name, update_rule, delete_rule) \
         FROM information_schema.referential_constraints \
         WHERE constraint_schema = DATABASE() ORDER BY table_name, constraint_name",
        "SELECT CONCAT_WS('|', constraint_name, check_clause) \
         FROM information_schema.check_constraints WHERE constraint_schema = DATABASE() \
         ORDER BY constraint_name, check_clause",
        "SELECT CONCAT_WS('|', trigger_name, event_object_table, action_timing, \
         event_manipulation, action_order, action_statement) FROM information_schema.triggers \
         WHERE trigger_schema = DATABASE() ORDER BY trigger_name",
        "SELECT CONCAT_WS('|', table_name, view_definition, check_option, security_type) \
         FROM information_schema.views WHERE table_schema = DATABASE() ORDER BY table_name",
        "SELECT CONCAT_WS('|', routine_type, routine_name, dtd_identifier, routine_definition, \
         routine_comment) FROM information_schema.routines WHERE routine_schema = DATABASE() \
         ORDER BY routine_type, routine_name",
        "SELECT CONCAT_WS('|', event_name, event_type, execute_at, interval_value, interval_field, \
         status, event_definition) FROM information_schema.events \
         WHERE event_schema = DATABASE() ORDER BY event_name",
        "SELECT CONCAT_WS('|', table_name, partition_ordinal_position, partition_name, \
         subpartition_name, partition_method, partition_expression, partition_description) \
         FROM information_schema.partitions WHERE table_schema = DATABASE() \
         AND partition_name IS NOT NULL ORDER BY table_name, partition_ordinal_position, \
         subpartition_ordinal_position",
    ],
    estimates: "SELECT table_name, CAST(coalesce(table_rows, -1) AS SIGNED) \
         FROM information_schema.tables \
         WHERE table_type = 'BASE TABLE' AND table_schema = DATABASE() ORDER BY table_name",
    statistics: None,
    index_is_invalid: "",
    scratch_databases: "SELECT schema_name FROM information_schema.schemata \
         WHERE schema_name LIKE 'mainstay\\_scratch\\_%'",
    scratch_settings: "SELECT CONCAT('ALTER DATABASE {name} CHARACTER SET ', \
         default_character_set_name, ' COLLATE ', default_collation_name) \
         FROM information_schema.schemata WHERE schema_name = DATABASE()",
};

/// The whole seconds of a limit, rounded up: with 0 nothing would wait at all.
fn seconds(limit: std::time::Duration) -> u128 {
    limit.as_millis().div_ceil(1000)
}

/// The variables that limit a migration, with their values.
fn variables(directives: &Directives, limits_statements: bool) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(limit) = directives.lock_timeout {
        let seconds = seconds(limit);
        out.push(format!("lock_wait_timeout = {seconds}"));
        out.push(format!("innodb_lock_wait_timeout = {seconds}"));
    }
    // MySQL limits SELECT only; there, the call's own limit holds.
    if let Some(limit) = directives.statement_timeout.filter(|_| limits_statements) {
        let (whole, millis) = (limit.as_secs(), limit.subsec_millis());
        out.push(format!("max_statement_time = {whole}.{millis:03}"));
    }
    out
}

pub(super) fn time_outs(directives: &Directives, limits_statements: bool) -> Vec<String> {
    variables(directives, limits_statements)
        .iter()
        .map(|variable| format!("SET SESSION {variable}"))
        .collect()
}

/// MariaDB only.
pub(super) fn limited(directives: &Directives, text: &str) -> String {
    match variables(directives, true).as_slice() {
        [] => text.to_owned(),
        some => format!("SET STATEMENT {} FOR {text}", some.join(", ")),
    }
}

/// The statement that SET STATEMENT ... FOR sets variables for.
fn inner(shape: &Shape) -> Option<Shape> {
    match shape.starts(&["SET", "STATEMENT"]) {
        true => shape.behind("FOR"),
        false => None,
    }
}

pub(super) fn manner(shape: &Shape) -> Manner {
    use Effect::{Doubtful, Repeatable, Visible};
    const SEEN: [&str; 8] = [
        "TABLE",
        "INDEX",
        "VIEW",
        "TRIGGER",
        "PROCEDURE",
        "FUNCTION",
        "EVENT",
        "SEQUENCE",
    ];
    if let Some(inner) = inner(shape) {
        return manner(&inner);
    }
    let words = shape.words();
    let seen = shape.object().is_some_and(|word| SEEN.contains(&word));
    match words.as_slice() {
        [
            "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "SELECT" | "WITH" | "VALUES",
            ..,
        ] => Manner::Shared,
        // Run twice it undoes itself.
        ["ALTER", ..] if words.contains(&"EXCHANGE") => Manner::Alone(Doubtful),
        // Each of several names is dropped or renamed by itself.
        ["DROP" | "RENAME", ..] if shape.names_several() => Manner::Alone(Doubtful),
        ["CREATE" | "ALTER" | "DROP" | "RENAME", ..] if seen => Manner::Alone(Visible),
        ["ALTER", "DATABASE" | "SCHEMA", ..] => Manner::Alone(Repeatable),
        [
            "TRUNCATE" | "ANALYZE" | "OPTIMIZE" | "CHECK" | "REPAIR" | "GRANT" | "FLUSH",
            ..,
        ] => Manner::Alone(Repeatable),
        _ => Manner::Alone(Doubtful),
    }
}

const MOMENT: &str = "metadata lock for a moment";

pub(super) fn lock(shape: &Shape) -> String {
    if let Some(inner) = inner(shape) {
        return lock(&inner);
    }
    let table = shape.table().unwrap_or_else(|| "its table".to_owned());
    let words = shape.words();
    match words.as_slice() {
        ["ALTER", ..] if shape.object() == Some("TABLE") => alter(shape, &table),
        ["CREATE", ..] => match shape.object() {
            Some("TABLE") => {
                let parents: Vec<String> = shape
                    .references()
                    .into_iter()
                    .filter(|parent| *parent != table)
                    .collect();
                match parents.as_slice() {
                    [] => format!("none but on the new table {table}"),
                    some => format!("{MOMENT} on {}", some.join(", ")),
                }
            }
            Some("INDEX") => index(shape, &table),
            Some("TRIGGER") => format!("{MOMENT} on {table}"),
            _ => "none on a table".to_owned(),
        },
        ["DROP", ..] if shape.object() == Some("INDEX") => format!("{MOMENT} on {table}"),
        ["DROP" | "TRUNCATE" | "RENAME", ..] => {
            format!("metadata lock on {table} (reads and writes wait)")
        }
        ["OPTIMIZE" | "REPAIR", ..] => {
            format!("metadata lock on {table}, copies the table (writes go on where INPLACE)")
        }
        ["INSERT" | "UPDATE" | "DELETE" | "REPLACE", ..] => {
            format!("its rows in {table} until the transaction ends (reads go on)")
        }
        ["SELECT" | "VALUES", ..] => "none".to_owned(),
        _ => "none on a table, or what its body takes".to_owned(),
    }
}

fn index(shape: &Shape, table: &str) -> String {
    if shape.has(&["FULLTEXT"]) || shape.has(&["SPATIAL"]) {
        return format!("metadata lock on {table} (INPLACE, writes wait)");
    }
    format!("{MOMENT} on {table} at begin and end (INPLACE, writes go on)")
}

fn alter(shape: &Shape, table: &str) -> String {
    let has = |words: &[&str]| shape.has(words);
    let copies = has(&["PRIMARY", "KEY"])
        || has(&["CONVERT", "TO"])
        || has(&["ENGINE"])
        || has(&["FORCE"])
        || has(&["ORDER", "BY"])
        || has(&["PARTITION"])
        || (has(&["ADD"]) && (has(&["CHECK"]) || has(&["FOREIGN", "KEY"])))
        || has(&["ALGORITHM", "=", "COPY"]);
    if copies {
        return format!("metadata lock on {table}, copies the table (writes wait)");
    }
    if has(&["MODIFY"]) || has(&["CHANGE"]) {
        return format!(
            "metadata lock on {table}, copies the table unless the change is INSTANT (writes wait)"
        );
    }
    let adds_index = ["INDEX", "KEY", "UNIQUE"]
        .iter()
        .any(|word| has(&["ADD", word]) || has(&["UNIQUE", word]));
    if adds_index || has(&["FULLTEXT"]) || has(&["SPATIAL"]) {
        return index(shape, table);
    }
    format!("{MOMENT} on {table} (INSTANT)")
}

#[cfg(test)]
mod tests {
    use mainstay::schema::Dialect::MariaDb;

    use super::*;

    #[test]
    fn what_became_of_a_statement_can_be_told_where_the_schema_shows_it() {
        use Effect::{Doubtful, Repeatable, Visible};
        let cases = [
            ("INSERT INTO a VALUES (1)", Manner::Shared),
            (
                "SET STATEMENT lock_wait_timeout = 1 FOR UPDATE a SET b = 1",
                Manner::Shared,
            ),
            ("ALTER TABLE a ADD b INT", Manner::Alone(Visible)),
            (
                "SET STATEMENT lock_wait_timeout = 1 FOR ALTER TABLE a ADD b INT",
                Manner::Alone(Visible),
            ),
            (
                "CREATE OR REPLACE VIEW a AS SELECT 1, 2",
                Manner::Alone(Visible),
            ),
            ("CREATE UNIQUE INDEX a ON b (c, d)", Manner::Alone(Visible)),
            ("DROP TABLE a, b", Manner::Alone(Doubtful)),
            ("DROP TABLE a", Manner::Alone(Visible)),
            (
                "ALTER TABLE a EXCHANGE PARTITION p WITH TABLE b",
                Manner::Alone(Doubtful),
            ),
            ("TRUNCATE a", Manner::Alone(Repeatable)),
            ("CREATE USER a", Manner::Alone(Doubtful)),
            ("CALL a()", Manner::Alone(Doubtful)),
        ];
        for (sql, expected) in cases {
            assert_eq!(manner(&Shape::of(MariaDb, sql)), expected, "{sql}");
        }
    }

    #[test]
    fn locks_are_told_in_words() {
        let cases = [
            (
                "ALTER TABLE a ADD COLUMN b INT",
                "metadata lock for a moment on a (INSTANT)",
            ),
            ("ALTER TABLE a ADD INDEX i (b)", "writes go on"),
            ("ALTER TABLE a MODIFY b BIGINT", "copies the table unless"),
            (
                "ALTER TABLE a ADD CONSTRAINT c FOREIGN KEY (b) REFERENCES d (e)",
                "copies the table",
            ),
            (
                "ALTER TABLE a CONVERT TO CHARACTER SET utf8mb4",
                "copies the table",
            ),
            ("CREATE FULLTEXT INDEX i ON a (b)", "writes wait"),
            (
                "CREATE TABLE a (b INT REFERENCES c (d))",
                "for a moment on c",
            ),
            ("DROP TABLE a", "metadata lock on a (reads and writes wait)"),
            ("DELETE FROM a", "its rows in a"),
            ("SELECT 1", "none"),
        ];
        for (sql, said) in cases {
            let lock = lock(&Shape::of(MariaDb, sql));
            assert!(lock.contains(said), "{sql}: {lock}");
        }
    }
}
