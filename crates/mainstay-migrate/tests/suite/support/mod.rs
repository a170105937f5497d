//! A database on each engine, and what is asked of it.

pub(crate) mod database;

use mainstay::Database;
use mainstay_migrate::{MigrationSet, source};

pub(crate) use database::{Target, close, open, targets};

pub(crate) async fn count(db: &Database, table: &str) -> i64 {
    db.sql(format!("SELECT count(*) FROM {table}"))
        .scalar()
        .await
        .expect("the table can be counted")
}

/// Whether a database speaks this dialect, by its word in file names.
pub(crate) fn speaks(db: &Database, slug: &str) -> bool {
    db.dialect().slug() == slug
}

/// Runs a statement.
pub(crate) async fn run(db: &Database, sql: &str) {
    db.script(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// What the schema is, in lines of the engine's own, without the tables of Mainstay.
pub(crate) async fn schema(db: &Database) -> Vec<String> {
    let queries: &[&str] = match db.dialect().slug() {
        "sqlite" => &[
            "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master \
                       WHERE name NOT LIKE '\\_mainstay%' ESCAPE '\\' \
                       AND tbl_name NOT LIKE '\\_mainstay%' ESCAPE '\\' ORDER BY 1",
        ],
        "postgres" => &[
            "SELECT concat_ws(' ', table_name, row_number() OVER \
             (PARTITION BY table_name ORDER BY ordinal_position), column_name, data_type, \
             character_maximum_length, is_nullable, column_default) FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_mainstay%' ORDER BY 1",
            "SELECT indexdef::text FROM pg_indexes WHERE schemaname = current_schema() \
             AND tablename NOT LIKE '\\_mainstay%' ORDER BY 1",
            "SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c \
             JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = c.connamespace \
             WHERE n.nspname = current_schema() AND t.relname NOT LIKE '\\_mainstay%' ORDER BY 1",
        ],
        _ => &[
            "SELECT CONCAT_WS(' ', table_name, ordinal_position, column_name, column_type, \
             is_nullable, column_default, extra) FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name NOT LIKE '\\_mainstay%' ORDER BY 1",
            "SELECT CONCAT_WS(' ', table_name, index_name, seq_in_index, column_name) \
             FROM information_schema.statistics \
             WHERE table_schema = DATABASE() AND table_name NOT LIKE '\\_mainstay%' ORDER BY 1",
            "SELECT CONCAT_WS(' ', table_name, constraint_name, constraint_type) \
             FROM information_schema.table_constraints \
             WHERE table_schema = DATABASE() AND table_name NOT LIKE '\\_mainstay%' ORDER BY 1",
        ],
    };
    let mut out = Vec::new();
    for query in queries {
        let lines = db.sql(*query).fetch_with(|row| row.get::<String>(0));
        out.extend(lines.await.expect("the schema can be read"));
    }
    out
}

/// A folder of migrations: names of files below it, and their text.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it is inside")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    folder
}

/// The migrations of such a folder.
pub(crate) fn read(folder: &tempfile::TempDir) -> MigrationSet {
    let found = source::read(folder.path()).expect("the folder is right");
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
    found.set
}

/// The migrations of such files.
pub(crate) fn set(files: &[(&str, &str)]) -> MigrationSet {
    read(&folder(files))
}
