//! SQLite: its SQL and its lock.

use super::Sql;
use crate::shape::Shape;

pub(super) const SQL: Sql = Sql {
    create_history: "\
CREATE TABLE IF NOT EXISTS _mainstay_migrations (
    version TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('started', 'applied')),
    statements_done INTEGER NOT NULL,
    statements_total INTEGER NOT NULL,
    applied_at TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    format INTEGER NOT NULL
) STRICT",
    create_journal: "\
CREATE TABLE IF NOT EXISTS _mainstay_journal (
    version TEXT NOT NULL,
    position INTEGER NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('up', 'down')),
    state TEXT NOT NULL CHECK (state IN ('started', 'done')),
    checksum TEXT NOT NULL,
    before_it TEXT,
    after_it TEXT,
    started_at TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    format INTEGER NOT NULL,
    PRIMARY KEY (version, position)
) STRICT",
    count_tables: "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?",
    try_lock: "",
    try_session_lock: "",
    session_unlock: "",
    fingerprint: &[
        "SELECT coalesce(type, '') || '|' || coalesce(name, '') || '|' || coalesce(sql, '') \
         FROM sqlite_master WHERE name NOT LIKE '\\_mainstay\\_%' ESCAPE '\\' \
         AND tbl_name NOT LIKE '\\_mainstay\\_%' ESCAPE '\\' ORDER BY type, name",
    ],
    // SQLite keeps no estimate unless ANALYZE was run, and then of indexes.
    estimates: "SELECT name, -1 FROM sqlite_master WHERE type = 'table' \
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    // There after the first ANALYZE; the number of rows comes first.
    statistics: Some((
        "sqlite_stat1",
        "SELECT tbl, max(CAST(stat AS INTEGER)) FROM sqlite_stat1 GROUP BY tbl",
    )),
    index_is_invalid: "",
    scratch_databases: "",
    scratch_settings: "",
};

pub(super) fn lock(shape: &Shape) -> String {
    if shape.starts(&["SELECT"]) || shape.starts(&["VALUES"]) {
        return "none".to_owned();
    }
    "the writer (other writes wait, reads go on)".to_owned()
}

pub(super) fn refused_in_transaction(shape: &Shape) -> Option<&'static str> {
    shape
        .starts(&["VACUUM"])
        .then_some("VACUUM cannot run in a transaction, and so in no migration")
}
