//! The lint beside real engines: what it says of a statement is what the engine does with it.

use crate::lint_support::{on_server, rules_of, sqlite};
use mainstay::Database;
use mainstay::schema::Dialect;
use mainstay_testkit::servers::ServerKind;

const SQLITE_TABLES: &str = "\
    CREATE TABLE teams (id INTEGER PRIMARY KEY) STRICT;
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, code TEXT UNIQUE, size INTEGER,
        CHECK (size > 0)) STRICT;
    CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT, tag TEXT) STRICT;
    CREATE INDEX notes_tag_idx ON notes (tag);
    INSERT INTO teams VALUES (1); INSERT INTO users VALUES (1, 'a', 'b', 1);
    INSERT INTO notes VALUES (1, 'a', 'b');";

#[tokio::test]
async fn sqlite_refuses_what_the_lint_says_it_refuses() {
    let statements = [
        "ALTER TABLE users ADD COLUMN email TEXT UNIQUE",
        "ALTER TABLE users ADD COLUMN other INTEGER PRIMARY KEY",
        "ALTER TABLE users ADD COLUMN level INTEGER NOT NULL",
        "ALTER TABLE users ADD COLUMN level INTEGER NOT NULL DEFAULT NULL",
        "ALTER TABLE users ADD COLUMN seen TEXT DEFAULT CURRENT_TIMESTAMP",
        "ALTER TABLE users ADD COLUMN seen TEXT DEFAULT (datetime('now'))",
        "ALTER TABLE users ADD COLUMN team INTEGER DEFAULT 1 REFERENCES teams (id)",
        "ALTER TABLE users ADD COLUMN twice INTEGER GENERATED ALWAYS AS (size * 2) STORED",
        "ALTER TABLE users ADD COLUMN twice INTEGER GENERATED ALWAYS AS (size * 2) VIRTUAL",
        "ALTER TABLE users ADD COLUMN level INTEGER NOT NULL DEFAULT 1 CHECK (level > 0)",
        "ALTER TABLE users ADD COLUMN score INTEGER DEFAULT (1)",
        "ALTER TABLE users ADD COLUMN team INTEGER REFERENCES teams (id)",
        "ALTER TABLE users DROP COLUMN code",
        "ALTER TABLE users DROP COLUMN size",
        "ALTER TABLE users DROP COLUMN name",
        "ALTER TABLE notes DROP COLUMN tag",
        "ALTER TABLE notes DROP COLUMN body",
        "ALTER TABLE notes DROP COLUMN id",
        "ALTER TABLE notes ALTER COLUMN body TYPE INTEGER",
        "ALTER TABLE notes ADD CONSTRAINT c UNIQUE (body)",
        "ALTER TABLE notes MODIFY body TEXT NOT NULL",
        "ALTER TABLE notes ADD COLUMN a TEXT, ADD COLUMN b TEXT",
        "ALTER TABLE notes RENAME COLUMN body TO content",
        "ALTER TABLE notes RENAME TO memos",
    ];
    for statement in statements {
        let target = sqlite().await;
        target.run(SQLITE_TABLES).await;
        let found = rules_of(Dialect::Sqlite, SQLITE_TABLES, statement);
        let said = found.contains(&"add-column-refused") || found.contains(&"alter-needs-rebuild");
        assert_eq!(
            !target.runs(statement).await,
            said,
            "{statement}: {found:?}"
        );
        target.close().await;
    }
}

#[tokio::test]
async fn sqlite_deletes_the_children_of_a_table_made_anew() {
    let tables = "\
        CREATE TABLE users (id INTEGER PRIMARY KEY) STRICT;
        CREATE TABLE goals (id INTEGER PRIMARY KEY,
            user_id INTEGER REFERENCES users (id) ON DELETE CASCADE) STRICT;
        INSERT INTO users VALUES (1); INSERT INTO goals VALUES (1, 1);";
    let rebuild = "\
        CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT) STRICT;
        INSERT INTO users_new (id) SELECT id FROM users;
        DROP TABLE users;
        ALTER TABLE users_new RENAME TO users;";
    let target = sqlite().await;
    target.run(tables).await;
    let found = rules_of(Dialect::Sqlite, tables, rebuild);
    assert!(found.contains(&"drop-deletes-children"), "{found:?}");
    target.run(rebuild).await;
    let left: i64 = target
        .db
        .sql("SELECT count(*) FROM goals")
        .scalar()
        .await
        .expect("the table can be counted");
    assert_eq!(left, 0);
    target.close().await;
}

const POSTGRES_TABLES: &str = "\
    CREATE TABLE goals (id integer PRIMARY KEY, title varchar(100), free varchar, body text,
        size integer, price numeric(10, 2), at timestamptz);
    INSERT INTO goals VALUES (1, 'a', 'b', 'c', 1, 1, now());";

#[tokio::test]
async fn postgres_writes_anew_what_the_lint_says_it_does() {
    let statements = [
        "ALTER TABLE goals ADD COLUMN a uuid DEFAULT gen_random_uuid()",
        "ALTER TABLE goals ADD COLUMN a double precision DEFAULT random() * 2",
        "ALTER TABLE goals ADD COLUMN a timestamptz DEFAULT clock_timestamp()",
        "ALTER TABLE goals ADD COLUMN a timestamptz DEFAULT now() - interval '1 day'",
        "ALTER TABLE goals ADD COLUMN a timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP",
        "ALTER TABLE goals ADD COLUMN a text DEFAULT lower('A') || 'b'",
        "ALTER TABLE goals ADD COLUMN a varchar(5) DEFAULT 'x'::varchar(5)",
        "ALTER TABLE goals ADD COLUMN a bigserial",
        "ALTER TABLE goals ADD COLUMN a bigint GENERATED ALWAYS AS IDENTITY",
        "ALTER TABLE goals ADD COLUMN a integer GENERATED ALWAYS AS (size * 2) STORED",
        "ALTER TABLE goals ADD COLUMN a integer",
        "ALTER TABLE goals ALTER COLUMN title TYPE varchar(200)",
        "ALTER TABLE goals ALTER COLUMN title TYPE text",
        "ALTER TABLE goals ALTER COLUMN title TYPE varchar",
        "ALTER TABLE goals ALTER COLUMN body TYPE varchar",
        "ALTER TABLE goals ALTER COLUMN title TYPE varchar(50)",
        "ALTER TABLE goals ALTER COLUMN free TYPE varchar(50)",
        "ALTER TABLE goals ALTER COLUMN size TYPE bigint",
        "ALTER TABLE goals ALTER COLUMN size SET DATA TYPE int4",
        "ALTER TABLE goals ALTER COLUMN price TYPE numeric(12, 2)",
        "ALTER TABLE goals ALTER COLUMN price TYPE numeric(12, 3)",
        "ALTER TABLE goals ALTER COLUMN price TYPE numeric",
        "ALTER TABLE goals ALTER COLUMN price TYPE numeric(8, 2)",
        "ALTER TABLE goals ALTER COLUMN at TYPE text",
        "ALTER TABLE goals ALTER COLUMN at TYPE timestamptz(3)",
        "ALTER TABLE goals ADD COLUMN a varchar(5) CHECK (a <> '')",
        "ALTER TABLE goals ADD COLUMN a text DEFAULT current_setting('server_version')",
        "ALTER TABLE goals SET UNLOGGED",
        "ALTER TABLE goals SET (fillfactor = 90)",
        "ALTER TABLE goals ALTER COLUMN size SET DEFAULT 5",
    ];
    let rewrites = [
        "add-column-rewrites",
        "change-column-type",
        "alter-rewrites-table",
    ];
    for statement in statements {
        let Some(target) = on_server(ServerKind::Postgres).await else {
            return;
        };
        target.run(POSTGRES_TABLES).await;
        let file = "SELECT pg_relation_filenode('goals')::bigint";
        let node = |db: Database| async move {
            let node: i64 = db.sql(file).scalar().await.expect("the table's file");
            node
        };
        let before = node(target.db.clone()).await;
        target.run(statement).await;
        let written = node(target.db.clone()).await != before;
        let found = rules_of(Dialect::Postgres, POSTGRES_TABLES, statement);
        let said = found.iter().any(|rule| rewrites.contains(rule));
        // A column made shorter is read as a whole, and written only where PostgreSQL must.
        if !statement.contains("varchar(50)") && !statement.contains("numeric(8, 2)") {
            assert_eq!(written, said, "{statement}: {found:?}");
        } else {
            assert!(said, "{statement}: {found:?}");
        }
        target.close().await;
    }
}

const MARIADB_TABLES: &str = "\
    CREATE TABLE users (id INT PRIMARY KEY) ENGINE=InnoDB;
    CREATE TABLE goals (id INT PRIMARY KEY, title VARCHAR(20), size INT, kind ENUM('a', 'b'),
        price DECIMAL(10, 2), user_id INT, code VARCHAR(40) NOT NULL)
        ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
    INSERT INTO goals VALUES (1, 'a', 1, 'a', 1, NULL, 'c');";

#[tokio::test]
async fn mariadb_stops_writes_where_the_lint_says_it_does() {
    let statements = [
        "ALTER TABLE goals ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users (id)",
        "ALTER TABLE goals ADD CONSTRAINT c CHECK (size > 0)",
        "ALTER TABLE goals CONVERT TO CHARACTER SET latin1",
        "ALTER TABLE goals DROP PRIMARY KEY",
        "ALTER TABLE goals DROP PRIMARY KEY, ADD PRIMARY KEY (id, code)",
        "ALTER TABLE goals ADD COLUMN a INT AS (size * 2) STORED",
        "ALTER TABLE goals ADD COLUMN a INT AS (size * 2) VIRTUAL",
        "ALTER TABLE goals ADD COLUMN a INT NOT NULL DEFAULT 5",
        "ALTER TABLE goals ADD COLUMN a VARCHAR(10), ADD INDEX i (title)",
        "ALTER TABLE goals DROP COLUMN title",
        "ALTER TABLE goals ENGINE=Aria",
        "ALTER TABLE goals FORCE",
        "ALTER TABLE goals MODIFY size BIGINT",
        "ALTER TABLE goals MODIFY title VARCHAR(60)",
        "ALTER TABLE goals MODIFY title VARCHAR(64)",
        "ALTER TABLE goals MODIFY title TEXT",
        "ALTER TABLE goals MODIFY title VARCHAR(10)",
        "ALTER TABLE goals MODIFY kind ENUM('a', 'b', 'c')",
        "ALTER TABLE goals MODIFY kind ENUM('b', 'a')",
        "ALTER TABLE goals MODIFY price DECIMAL(12, 2)",
        "ALTER TABLE goals MODIFY size INTEGER(7) NULL",
        "ALTER TABLE goals CHANGE title heading VARCHAR(20)",
        "ALTER TABLE goals MODIFY code VARCHAR(40) NULL",
        "ALTER TABLE goals MODIFY code VARCHAR(63) NOT NULL",
        "ALTER TABLE goals MODIFY code VARCHAR(64) NOT NULL",
        "ALTER TABLE goals ALTER size SET DEFAULT 3",
        "ALTER TABLE goals RENAME INDEX f TO g, DROP COLUMN title",
        "ALTER TABLE goals ADD COLUMN a JSON",
        "ALTER TABLE goals ADD COLUMN a INT CHECK (a > 0)",
        "ALTER TABLE goals ADD COLUMN a INT REFERENCES users (id)",
        "ALTER TABLE goals ADD COLUMN a INT FIRST",
        "ALTER TABLE goals MODIFY size INT AFTER id",
        "ALTER TABLE goals MODIFY size INT UNSIGNED",
        "ALTER TABLE goals MODIFY title VARCHAR(20) CHARACTER SET latin1",
        "ALTER TABLE goals ADD FULLTEXT INDEX (title)",
        "ALTER TABLE goals ADD COLUMN a INT NOT NULL AUTO_INCREMENT UNIQUE",
        "ALTER TABLE goals PARTITION BY HASH (id) PARTITIONS 2",
        "ALTER TABLE goals ROW_FORMAT=COMPRESSED",
        "ALTER TABLE goals COMMENT='x'",
        "ALTER TABLE goals ADD UNIQUE (title)",
    ];
    let rules = ["alter-blocks-writes", "change-column-copies-table"];
    let mut wrong = Vec::new();
    for statement in statements {
        let Some(target) = on_server(ServerKind::MariaDb).await else {
            return;
        };
        target.run(MARIADB_TABLES).await;
        if statement.contains("RENAME INDEX") {
            target.run("CREATE INDEX f ON goals (user_id)").await;
        }
        // The server refuses to stop writes when it must not.
        let guarded = format!("{statement}, ALGORITHM=INPLACE, LOCK=NONE");
        let stops = !target.runs(&guarded).await;
        let found = rules_of(Dialect::MariaDb, MARIADB_TABLES, statement);
        let said = found.iter().any(|rule| rules.contains(rule));
        if stops != said {
            wrong.push(format!("{statement}: stops writes is {stops}, {found:?}"));
        }
        // That is all it is refused for.
        assert!(!stops || target.runs(statement).await, "{statement}");
        target.close().await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
