use mainstay::schema::Dialect::{self, MariaDb, MySql, Postgres, Sqlite};
use proptest::prelude::*;

use super::tests::{found, ids, source};
use super::{Options, lint, sarif};

/// Cases beyond the examples that stand in the page: a dialect, an earlier migration, the text, and
/// all that is found in it.
const CASES: &[(Dialect, &str, &str, &[&str])] = &[
    // New tables are nobody's yet, whatever is done to them.
    (
        Postgres,
        "",
        "CREATE TABLE a (id uuid PRIMARY KEY, b text); CREATE INDEX i ON a (b); \
         ALTER TABLE a ADD c uuid NOT NULL DEFAULT gen_random_uuid(); UPDATE a SET b = ''; \
         ALTER TABLE a ADD UNIQUE (b), ALTER b SET NOT NULL, ALTER b TYPE varchar(3), DROP c;",
        &[],
    ),
    // An identity column on a table in use, with all that comes with it.
    (
        Postgres,
        "CREATE TABLE a (id uuid PRIMARY KEY);",
        "-- mainstay: lock-timeout 5s\nALTER TABLE a ADD n bigserial NOT NULL;",
        &["add-column-rewrites", "serial-type"],
    ),
    // The way that the rules themselves recommend.
    (
        Postgres,
        "CREATE TABLE a (id uuid PRIMARY KEY, b text);\n\
         ALTER TABLE a ADD CONSTRAINT b_set CHECK (b IS NOT NULL) NOT VALID;",
        "-- mainstay: lock-timeout 5s\nALTER TABLE a ALTER COLUMN b SET NOT NULL;",
        &["set-not-null"],
    ),
    (
        Postgres,
        "CREATE TABLE a (id uuid PRIMARY KEY, b text);\n\
         ALTER TABLE a ADD CONSTRAINT b_set CHECK ((\"b\" IS NOT NULL)) NOT VALID;\n\
         ALTER TABLE a VALIDATE CONSTRAINT b_set;",
        "-- mainstay: lock-timeout 5s\nALTER TABLE a ALTER COLUMN b SET NOT NULL, \
         DROP CONSTRAINT b_set;",
        &[],
    ),
    (
        Postgres,
        "",
        "ALTER TABLE a VALIDATE CONSTRAINT b;",
        &["missing-lock-timeout"],
    ),
    // A limit set by hand.
    (
        Postgres,
        "",
        "SET LOCAL lock_timeout = '2s'; ALTER TABLE a ADD b integer;",
        &[],
    ),
    // The index is built first, and its foreign key comes two steps later.
    (
        Postgres,
        "CREATE TABLE a (id uuid PRIMARY KEY, b uuid);",
        "-- mainstay: no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS a_b_idx;\n\
         CREATE INDEX CONCURRENTLY a_b_idx ON a (b);",
        &[],
    ),
    // An index over both columns of a key, in any order; one over only the first does not do.
    (
        Postgres,
        "",
        "CREATE TABLE a (id uuid PRIMARY KEY, b int, c int, FOREIGN KEY (b, c) REFERENCES a (b, c));\n\
         CREATE INDEX i ON a (c, b);",
        &[],
    ),
    (
        Postgres,
        "",
        "CREATE TABLE a (id uuid PRIMARY KEY, b int, c int, FOREIGN KEY (b, c) REFERENCES a (b, c));\n\
         CREATE INDEX i ON a (b) WHERE c > 0;",
        &["foreign-key-without-index"],
    ),
    // Temporary tables concern nobody.
    (
        Postgres,
        "",
        "CREATE TEMP TABLE a AS SELECT 1; DELETE FROM a; DROP TABLE a;",
        &[],
    ),
    // A stored procedure's body is not the migration's.
    (
        Postgres,
        "",
        "CREATE FUNCTION f() RETURNS void AS $$ BEGIN DELETE FROM a; DROP TABLE b; END $$ \
         LANGUAGE plpgsql;",
        &[],
    ),
    (
        Sqlite,
        "",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; UPDATE c SET d = 1; END;",
        &[],
    ),
    // A WHERE within parentheses limits nothing.
    (
        Postgres,
        "",
        "UPDATE a SET b = (SELECT max(c) FROM d WHERE e = 1);",
        &["write-without-where"],
    ),
    (
        Postgres,
        "",
        "WITH d AS (SELECT 1) DELETE FROM a USING d WHERE a.id = 1;",
        &[],
    ),
    // MariaDB: a migration with one change, of the kind that takes no time.
    (
        MariaDb,
        "CREATE TABLE a (id BIGINT PRIMARY KEY, b VARCHAR(10));",
        "ALTER TABLE a ADD COLUMN c INT NOT NULL DEFAULT 0, ADD INDEX b_idx (b), ALTER b SET DEFAULT 'x';",
        &[],
    ),
    (
        MariaDb,
        "CREATE TABLE a (id BIGINT PRIMARY KEY, b VARCHAR(10) NOT NULL);",
        "ALTER TABLE a CHANGE COLUMN b c VARCHAR(60) NOT NULL COMMENT 'renamed';",
        &["rename-column"],
    ),
    // Crossing 255 bytes takes a second byte for the length.
    (
        MySql,
        "CREATE TABLE a (id BIGINT PRIMARY KEY, b VARCHAR(10) NOT NULL);",
        "ALTER TABLE a MODIFY b VARCHAR(100) NOT NULL;",
        &["change-column-copies-table"],
    ),
    (
        MariaDb,
        "",
        "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c (id), ALGORITHM=INPLACE;",
        &[],
    ),
    (
        MariaDb,
        "",
        "CREATE TABLE a (id INT PRIMARY KEY, b TIMESTAMP, c SET('x','y')) ENGINE=Aria CHARSET latin1;",
        &[
            "timestamp-type",
            "int-primary-key",
            "enum-type",
            "legacy-charset",
            "engine-not-innodb",
        ],
    ),
    // SQLite: a column with a check may be added; one in parentheses that is a constant too.
    (
        Sqlite,
        "CREATE TABLE a (id INTEGER PRIMARY KEY) STRICT;",
        "ALTER TABLE a ADD COLUMN b INTEGER NOT NULL DEFAULT (1) CHECK (b > 0);",
        &[],
    ),
    (
        Sqlite,
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT) STRICT; CREATE INDEX i ON a (b);",
        "-- mainstay: ignore drop-column because it was never filled\nALTER TABLE a DROP COLUMN b;",
        &["alter-needs-rebuild"],
    ),
    (
        Sqlite,
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT) STRICT; CREATE INDEX i ON a (b);",
        "DROP INDEX i;\n-- mainstay: ignore drop-column because it was never filled\n\
         ALTER TABLE a DROP COLUMN b;",
        &[],
    ),
    // A table made anew without a column has lost it.
    (
        Sqlite,
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT, c TEXT) STRICT;",
        "-- mainstay: rebuild a\n\
         CREATE TABLE a_new (id INTEGER PRIMARY KEY, b TEXT) STRICT;\n\
         INSERT INTO a_new SELECT id, b FROM a;\nDROP TABLE a;\n\
         ALTER TABLE a_new RENAME TO a;",
        &["drop-column"],
    ),
    (
        Sqlite,
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT) STRICT;",
        "CREATE TABLE notes_new (id INTEGER PRIMARY KEY) STRICT;\nDROP TABLE notes;\n\
         ALTER TABLE notes_new RENAME TO notes;",
        &["drop-column"],
    ),
    // A new table that refers to an old one locks it for a moment.
    (
        Postgres,
        "CREATE TABLE a (id uuid PRIMARY KEY);",
        "CREATE TABLE b (id uuid PRIMARY KEY REFERENCES a (id));",
        &["missing-lock-timeout"],
    ),
    // A constraint dropped by the name that the server gave it.
    (
        Postgres,
        "CREATE TABLE a (id uuid PRIMARY KEY, b text UNIQUE);\n\
         ALTER TABLE a DROP CONSTRAINT a_b_key;",
        "-- mainstay: no-transaction\nCREATE INDEX CONCURRENTLY i ON a (b);",
        &[],
    ),
    // A virtual table has its own ways.
    (Sqlite, "", "CREATE VIRTUAL TABLE a USING fts5 (b);", &[]),
];

#[test]
fn cases_beyond_the_examples() {
    for (dialect, before, text, expected) in CASES {
        let sources = [source(*dialect, "1", before), source(*dialect, "2", text)];
        let options = Options {
            after: Some("1"),
            ..Options::default()
        };
        let report = lint(&sources, &options);
        assert_eq!(ids(&report), *expected, "{dialect:?}: {text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_looked_at_without_panic(words in proptest::collection::vec(
        "ALTER|TABLE|CREATE|INDEX|ADD|COLUMN|DROP|a|\"b\"|\\(|\\)|,|;|NOT|NULL|DEFAULT|KEY|PRIMARY|\
         FOREIGN|REFERENCES|CHECK|UNIQUE|ON|USING|TYPE|SET|RENAME|TO|MODIFY|1|'x'|\\.|=|LIKE|AS|\
         CONSTRAINT|GENERATED|ALWAYS|IDENTITY|UPDATE|DELETE|FROM|WHERE|IF|EXISTS|CONCURRENTLY", 0..30)) {
        let text = words.join(" ");
        for dialect in Dialect::ALL {
            let report = found(dialect, &text);
            prop_assert_eq!(report.migrations, 1);
            prop_assert!(sarif::log(&report)["runs"].is_array());
        }
    }
}
