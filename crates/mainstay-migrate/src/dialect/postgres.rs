//! PostgreSQL: its SQL and its locks.

use super::{Effect, Manner, Sql};
use crate::directive::Directives;
use crate::shape::Shape;

pub(super) const SQL: Sql = Sql {
    create_history: "\
CREATE TABLE IF NOT EXISTS _mainstay_migrations (
    version varchar(14) NOT NULL PRIMARY KEY,
    name varchar(200) NOT NULL,
    checksum varchar(80) NOT NULL,
    state varchar(10) NOT NULL CHECK (state IN ('started', 'applied')),
    statements_done integer NOT NULL,
    statements_total integer NOT NULL,
    applied_at timestamptz NOT NULL,
    duration_ms bigint NOT NULL,
    format integer NOT NULL
)",
    create_journal: "\
CREATE TABLE IF NOT EXISTS _mainstay_journal (
    version varchar(14) NOT NULL,
    position integer NOT NULL,
    direction varchar(4) NOT NULL CHECK (direction IN ('up', 'down')),
    state varchar(10) NOT NULL CHECK (state IN ('started', 'done')),
    checksum varchar(80) NOT NULL,
    before_it varchar(80),
    after_it varchar(80),
    started_at timestamptz NOT NULL,
    duration_ms bigint NOT NULL,
    format integer NOT NULL,
    PRIMARY KEY (version, position)
)",
    count_tables: "SELECT count(*) FROM pg_catalog.pg_class c \
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relkind IN ('r', 'p') AND n.nspname = current_schema() \
        AND c.relname = ?",
    // Tried, not waited for: a session blocked on an advisory lock has a snapshot that CREATE
    // INDEX CONCURRENTLY waits for, and both would wait for ever.
    try_lock: "SELECT CASE WHEN pg_try_advisory_xact_lock(1835100526, \
         hashtext(coalesce(current_schema(), ''))) THEN 1::bigint ELSE 0::bigint END",
    try_session_lock: "SELECT CASE WHEN pg_try_advisory_lock(1835100526, \
         hashtext(coalesce(current_schema(), ''))) THEN 1::bigint ELSE 0::bigint END",
    session_unlock: "SELECT CASE WHEN pg_advisory_unlock(1835100526, \
         hashtext(coalesce(current_schema(), ''))) THEN 1::bigint ELSE 0::bigint END",
    fingerprint: &[
        "SELECT concat_ws('|', n.nspname, c.relname, c.relkind, c.relpersistence, a.attnum, \
         a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, \
         a.attgenerated, a.attcollation, pg_get_expr(d.adbin, d.adrelid), c.reloptions, \
         c.relrowsecurity, c.relispartition) \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
             AND NOT a.attisdropped \
         LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') \
         AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' \
         AND c.relname NOT LIKE '\\_mainstay\\_%' \
         ORDER BY n.nspname, c.relname, a.attnum",
        "SELECT concat_ws('|', n.nspname, c.relname, pg_get_indexdef(i.indexrelid), i.indisvalid) \
         FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' \
         AND c.relname NOT LIKE '\\_mainstay\\_%' ORDER BY n.nspname, c.relname",
        "SELECT concat_ws('|', n.nspname, c.conrelid::regclass, c.conname, \
         pg_get_constraintdef(c.oid), c.convalidated) \
         FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace \
         WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' \
         AND c.conname NOT LIKE '\\_mainstay\\_%' ORDER BY n.nspname, c.conname, c.oid",
        "SELECT concat_ws('|', c.relname, t.tgname, pg_get_triggerdef(t.oid), t.tgenabled) \
         FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid \
         WHERE NOT t.tgisinternal ORDER BY c.relname, t.tgname",
        "SELECT concat_ws('|', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid), \
         md5(p.prosrc)) \
         FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
         WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' \
         ORDER BY n.nspname, p.proname, p.oid",
        "SELECT concat_ws('|', n.nspname, t.typname, e.enumlabel) \
         FROM pg_catalog.pg_enum e JOIN pg_catalog.pg_type t ON t.oid = e.enumtypid \
         JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
         ORDER BY n.nspname, t.typname, e.enumsortorder",
        "SELECT concat_ws('|', c.relname, pg_get_viewdef(c.oid)) FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('v', 'm') AND n.nspname NOT LIKE 'pg\\_%' \
         AND n.nspname <> 'information_schema' ORDER BY n.nspname, c.relname",
        "SELECT concat_ws('|', i.inhparent::regclass, i.inhrelid::regclass, \
         pg_get_expr(c.relpartbound, c.oid)) FROM pg_catalog.pg_inherits i \
         JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid ORDER BY i.inhparent, i.inhrelid",
    ],
    // Of a partitioned table and of one never analysed, reltuples says nothing.
    estimates: "SELECT c.relname::text, c.reltuples::bigint FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p') AND n.nspname = current_schema() ORDER BY c.relname",
    statistics: None,
    index_is_invalid: "SELECT CASE WHEN i.indisvalid THEN 0::bigint ELSE 1::bigint END \
         FROM pg_catalog.pg_index i WHERE i.indexrelid = to_regclass(?::text)",
    scratch_databases: "SELECT datname::text FROM pg_catalog.pg_database \
         WHERE datname LIKE 'mainstay\\_scratch\\_%'",
    // A role or a database may say in which schema tables are made; in most it is public.
    scratch_settings: "SELECT statement FROM (VALUES \
         (1, format('CREATE SCHEMA IF NOT EXISTS %I', current_schema())), \
         (2, format('ALTER DATABASE {name} SET search_path = %s', \
             current_setting('search_path')))) AS made (position, statement) \
         WHERE current_schema() <> 'public' ORDER BY position",
};

pub(super) fn time_outs(directives: &Directives, session: bool) -> Vec<String> {
    let scope = if session { "SESSION" } else { "LOCAL" };
    [
        ("lock_timeout", directives.lock_timeout),
        ("statement_timeout", directives.statement_timeout),
    ]
    .into_iter()
    .filter_map(|(name, limit)| {
        let millis = limit?.as_millis();
        Some(format!("SET {scope} {name} = {millis}"))
    })
    .collect()
}

pub(super) fn manner(shape: &Shape) -> Manner {
    use Effect::{Doubtful, Repeatable, Visible};
    let words = shape.words();
    let concurrently = words.contains(&"CONCURRENTLY");
    match words.as_slice() {
        ["CREATE" | "DROP", ..] if concurrently => match shape.names_several() {
            true => Manner::Alone(Doubtful),
            false => Manner::Alone(Visible),
        },
        ["ALTER", "TABLE", ..] if concurrently => Manner::Alone(Visible),
        ["REINDEX" | "REFRESH", ..] if concurrently => Manner::Alone(Repeatable),
        ["REINDEX", ..] | ["VACUUM" | "CLUSTER", ..] | ["ALTER", "SYSTEM", ..] => {
            Manner::Alone(Repeatable)
        }
        [
            "CREATE" | "DROP",
            "DATABASE" | "TABLESPACE" | "SUBSCRIPTION",
            ..,
        ]
        | ["CALL", ..] => Manner::Alone(Doubtful),
        _ => Manner::Shared,
    }
}

pub(super) fn refused_in_transaction(shape: &Shape) -> Option<&'static str> {
    let words = shape.words();
    let outside = match words.as_slice() {
        // A view can be refreshed so in a transaction.
        ["REFRESH", ..] => false,
        ["CREATE" | "DROP" | "ALTER" | "REINDEX", ..] if words.contains(&"CONCURRENTLY") => true,
        ["VACUUM", ..] | ["ALTER", "SYSTEM", ..] => true,
        ["CREATE" | "DROP", "DATABASE" | "TABLESPACE", ..] => true,
        _ => false,
    };
    outside.then_some(
        "this cannot run in a transaction; write -- mainstay: no-transaction at the top, in a \
         migration of its own",
    )
}

pub(super) fn refused_alone(shape: &Shape) -> Option<&'static str> {
    let words = shape.words();
    let unnamed = words.first() == Some(&"CREATE")
        && words.contains(&"INDEX")
        && words.contains(&"CONCURRENTLY")
        && shape.index().is_none();
    unnamed.then_some(
        "name the index, so that one whose building was interrupted can be found and dropped",
    )
}

const ALL_WAIT: &str = "reads and writes wait";
const WRITES_WAIT: &str = "writes wait";
const GO_ON: &str = "reads and writes go on";

pub(super) fn lock(shape: &Shape) -> String {
    let table = shape.table().unwrap_or_else(|| "its table".to_owned());
    let concurrently = shape.has(&["CONCURRENTLY"]);
    let words = shape.words();
    let one = |lock: &str, what: &str| format!("{lock} on {table} ({what})");
    match words.as_slice() {
        ["ALTER", "TABLE", ..] => alter(shape, &table),
        ["CREATE", ..] => match shape.object() {
            Some("TABLE") => {
                let parents: Vec<String> = shape
                    .references()
                    .into_iter()
                    .filter(|parent| *parent != table)
                    .collect();
                match parents.as_slice() {
                    [] => format!("none but on the new table {table}"),
                    some => format!("SHARE ROW EXCLUSIVE on {} ({WRITES_WAIT})", some.join(", ")),
                }
            }
            Some("INDEX") if concurrently => one("SHARE UPDATE EXCLUSIVE", GO_ON),
            Some("INDEX") => one("SHARE", WRITES_WAIT),
            Some("TRIGGER") => one("SHARE ROW EXCLUSIVE", WRITES_WAIT),
            _ => "none on a table".to_owned(),
        },
        ["DROP", ..] => match shape.object() {
            Some("INDEX") if concurrently => {
                format!("SHARE UPDATE EXCLUSIVE on the index's table ({GO_ON})")
            }
            Some("INDEX") => format!("ACCESS EXCLUSIVE on the index's table ({ALL_WAIT})"),
            Some("TABLE" | "TRIGGER") => one("ACCESS EXCLUSIVE", ALL_WAIT),
            Some("VIEW") => format!("ACCESS EXCLUSIVE on the view ({ALL_WAIT})"),
            _ => "ACCESS EXCLUSIVE on what depends on it".to_owned(),
        },
        ["TRUNCATE", ..] => one("ACCESS EXCLUSIVE", ALL_WAIT),
        ["LOCK", ..] => "the lock it names".to_owned(),
        ["REFRESH", ..] if concurrently => format!("EXCLUSIVE on the view ({WRITES_WAIT})"),
        ["REFRESH", ..] => format!("ACCESS EXCLUSIVE on the view ({ALL_WAIT})"),
        ["VACUUM", ..] if shape.has(&["FULL"]) => {
            format!("ACCESS EXCLUSIVE on its table ({ALL_WAIT}), rewrites it")
        }
        ["CLUSTER", ..] => format!("ACCESS EXCLUSIVE on its table ({ALL_WAIT}), rewrites it"),
        ["REINDEX", ..] if concurrently => format!("SHARE UPDATE EXCLUSIVE ({GO_ON})"),
        ["REINDEX", ..] => format!("SHARE on the table ({WRITES_WAIT}), its indexes locked"),
        ["VACUUM" | "ANALYZE" | "COMMENT", ..] => format!("SHARE UPDATE EXCLUSIVE ({GO_ON})"),
        ["INSERT" | "UPDATE" | "DELETE", ..] => {
            format!("ROW EXCLUSIVE on {table}, its rows until the transaction ends ({GO_ON})")
        }
        ["SELECT" | "VALUES", ..] => format!("ACCESS SHARE ({GO_ON})"),
        ["WITH", ..] => "ROW EXCLUSIVE on the tables it writes".to_owned(),
        _ => "none on a table, or what its body takes".to_owned(),
    }
}

fn alter(shape: &Shape, table: &str) -> String {
    let adds_key = shape.has(&["FOREIGN", "KEY"]) || shape.has(&["REFERENCES"]);
    if shape.has(&["VALIDATE", "CONSTRAINT"])
        || shape.has(&["SET", "STATISTICS"])
        || shape.has(&["ATTACH", "PARTITION"])
        || shape.has(&["CONCURRENTLY"])
    {
        return format!("SHARE UPDATE EXCLUSIVE on {table} ({GO_ON})");
    }
    if shape.has(&["ADD"]) && adds_key && !shape.has(&["ADD", "COLUMN"]) {
        let parents = shape.references().join(", ");
        let scans = match shape.has(&["NOT", "VALID"]) {
            true => "",
            false => ", reads all of it",
        };
        return format!("SHARE ROW EXCLUSIVE on {table} and {parents} ({WRITES_WAIT}){scans}");
    }
    if shape.has(&["ENABLE", "TRIGGER"]) || shape.has(&["DISABLE", "TRIGGER"]) {
        return format!("SHARE ROW EXCLUSIVE on {table} ({WRITES_WAIT})");
    }
    let rewrites = shape.words().windows(2).any(|pair| {
        // ALTER COLUMN a TYPE b, SET DATA TYPE b, SET LOGGED.
        pair[1] == "TYPE" || pair == ["SET", "LOGGED"] || pair == ["SET", "UNLOGGED"]
    });
    let scans = shape.has(&["SET", "NOT", "NULL"])
        || (shape.has(&["ADD"]) && shape.has(&["CHECK"]) && !shape.has(&["NOT", "VALID"]));
    let more = match (rewrites, scans) {
        (true, _) => ", may rewrite it",
        (false, true) => ", reads all of it",
        _ => "",
    };
    format!("ACCESS EXCLUSIVE on {table} ({ALL_WAIT}){more}")
}

#[cfg(test)]
mod tests {
    use mainstay::schema::Dialect::Postgres;

    use super::*;

    #[test]
    fn what_cannot_run_in_a_transaction_runs_alone() {
        use Effect::{Doubtful, Repeatable, Visible};
        let cases = [
            ("CREATE TABLE a (b int)", Manner::Shared),
            ("INSERT INTO a VALUES (1)", Manner::Shared),
            (
                "CREATE INDEX CONCURRENTLY i ON a (b, c)",
                Manner::Alone(Visible),
            ),
            ("DROP INDEX CONCURRENTLY i, j", Manner::Alone(Doubtful)),
            (
                "ALTER TABLE a DETACH PARTITION b CONCURRENTLY",
                Manner::Alone(Visible),
            ),
            ("REINDEX TABLE CONCURRENTLY a", Manner::Alone(Repeatable)),
            ("VACUUM a", Manner::Alone(Repeatable)),
            ("CALL a()", Manner::Alone(Doubtful)),
        ];
        for (sql, expected) in cases {
            assert_eq!(manner(&Shape::of(Postgres, sql)), expected, "{sql}");
        }
    }

    #[test]
    fn locks_are_told_in_words() {
        let cases = [
            (
                "ALTER TABLE a ADD COLUMN b int",
                "ACCESS EXCLUSIVE on a (reads and writes wait)",
            ),
            ("ALTER TABLE a ALTER COLUMN b TYPE bigint", "may rewrite it"),
            ("ALTER TABLE a ALTER b SET NOT NULL", "reads all of it"),
            (
                "ALTER TABLE a ADD CONSTRAINT c FOREIGN KEY (b) REFERENCES d (e) NOT VALID",
                "SHARE ROW EXCLUSIVE on a and d (writes wait)",
            ),
            (
                "ALTER TABLE a VALIDATE CONSTRAINT c",
                "SHARE UPDATE EXCLUSIVE on a",
            ),
            ("CREATE INDEX ON a (b)", "SHARE on a (writes wait)"),
            (
                "CREATE INDEX CONCURRENTLY i ON a (b)",
                "SHARE UPDATE EXCLUSIVE on a",
            ),
            (
                "CREATE TABLE a (b int REFERENCES c (d))",
                "SHARE ROW EXCLUSIVE on c",
            ),
            ("CREATE TABLE a (b int)", "none but on the new table a"),
            ("DROP TABLE a", "ACCESS EXCLUSIVE on a"),
            ("UPDATE a SET b = 1", "ROW EXCLUSIVE on a"),
        ];
        for (sql, said) in cases {
            let lock = lock(&Shape::of(Postgres, sql));
            assert!(lock.contains(said), "{sql}: {lock}");
        }
    }
}
