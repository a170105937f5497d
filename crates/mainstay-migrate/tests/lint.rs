//! The lint beside real engines: what it says of a statement is what the engine does with it.

use std::time::Duration;

use mainstay::Database;
use mainstay::config::ConfigLoader;
use mainstay::schema::Dialect;
use mainstay_migrate::lint::{Finding, Options, Source, lint, row_estimates};
use mainstay_migrate::split::split;
use mainstay_testkit::servers::{ServerKind, TestDatabase, require};

/// A database of one test on one engine.
struct Target {
    db: Database,
    _file: Option<tempfile::TempDir>,
    _database: Option<TestDatabase>,
}

async fn open(url: &str) -> Database {
    let config = ConfigLoader::new()
        .set("url", url)
        .load()
        .expect("the test's configuration is valid");
    Database::builder()
        .create_if_missing()
        .open(&config)
        .await
        .expect("the test database opens")
}

async fn sqlite() -> Target {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    Target {
        db: open(&url).await,
        _file: Some(folder),
        _database: None,
    }
}

/// An empty database on a server, where there is one.
async fn on_server(kind: ServerKind) -> Option<Target> {
    let server = require(kind)?;
    let database = TestDatabase::create(&server).expect("a database");
    Some(Target {
        db: open(database.url().as_str()).await,
        _file: None,
        _database: Some(database),
    })
}

async fn targets() -> Vec<Target> {
    let mut all = vec![sqlite().await];
    for kind in [ServerKind::Postgres, ServerKind::MariaDb] {
        all.extend(on_server(kind).await);
    }
    all
}

impl Target {
    async fn run(&self, sql: &str) {
        if let Err(error) = self.db.script(sql.to_owned()).await {
            panic!("{error}: {sql}");
        }
    }

    async fn runs(&self, sql: &str) -> bool {
        self.db.script(sql.to_owned()).await.is_ok()
    }

    async fn close(self) {
        self.db
            .close(Duration::from_secs(5))
            .await
            .expect("the handle closes");
    }
}

/// What is found in a statement that follows on an earlier migration.
fn found_in(dialect: Dialect, before: &str, statement: &str) -> Vec<Finding> {
    let source = |version: &str, up: &str| Source {
        dialect,
        version: version.to_owned(),
        name: "step".to_owned(),
        path: "up.sql".to_owned(),
        up: up.to_owned(),
        down: None,
    };
    let options = Options {
        after: Some("1"),
        ..Options::default()
    };
    lint(&[source("1", before), source("2", statement)], &options).findings
}

/// The rules that find something in it.
fn rules_of(dialect: Dialect, before: &str, statement: &str) -> Vec<&'static str> {
    let found = found_in(dialect, before, statement);
    found.iter().map(|finding| finding.rule).collect()
}

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
async fn mariadb_copies_what_the_lint_says_it_copies() {
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
    ];
    let copies = ["alter-copies-table", "change-column-copies-table"];
    let mut wrong = Vec::new();
    for statement in statements {
        let Some(target) = on_server(ServerKind::MariaDb).await else {
            return;
        };
        target.run(MARIADB_TABLES).await;
        if statement.contains("RENAME INDEX") {
            target.run("CREATE INDEX f ON goals (user_id)").await;
        }
        // The server refuses to copy when it must not.
        let copied = !target
            .runs(&format!("{statement}, ALGORITHM=INPLACE"))
            .await;
        let found = rules_of(Dialect::MariaDb, MARIADB_TABLES, statement);
        let said = found.iter().any(|rule| copies.contains(rule));
        if copied != said {
            wrong.push(format!("{statement}: copied is {copied}, {found:?}"));
        }
        // It is refused only for being copied.
        assert!(!copied || target.runs(statement).await, "{statement}");
        target.close().await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_numbers_of_rows_are_about_right() {
    for target in targets().await {
        target
            .run("CREATE TABLE none_yet (id INTEGER PRIMARY KEY); CREATE TABLE few (id INTEGER PRIMARY KEY);
                  CREATE TABLE many (id INTEGER PRIMARY KEY);")
            .await;
        target.run("INSERT INTO few VALUES (1), (2), (3)").await;
        let digits: Vec<_> = (1..=9).map(|digit| format!("({digit})")).collect();
        let digits = digits.join(", ");
        target
            .run(&format!("INSERT INTO many VALUES {digits}"))
            .await;
        let mut number = 9;
        while number < 20_000 {
            target
                .run(&format!("INSERT INTO many SELECT id + {number} FROM many"))
                .await;
            number *= 2;
        }
        // Before the engine has looked at the tables, and after.
        for analysed in [false, true] {
            if analysed {
                let sql = match target.db.dialect().slug() {
                    "mysql" => "ANALYZE TABLE none_yet, few, many",
                    _ => "ANALYZE",
                };
                target.run(sql).await;
            }
            let rows = row_estimates(&target.db).await.expect("the numbers");
            assert_eq!(rows.get("none_yet"), Some(&0), "{rows:?}");
            assert_eq!(rows.get("few"), Some(&3), "{rows:?}");
            let many = rows.get("many").copied().unwrap_or_default();
            assert!(
                (number / 2..number * 2).contains(&many),
                "{many} of {number}"
            );
            assert_eq!(rows.len(), 3, "{rows:?}");
        }
        target.close().await;
    }
}

const REWRITE_TABLES: &str = "\
    CREATE TABLE users (id BIGINT PRIMARY KEY, email VARCHAR(100), size INT);
    CREATE TABLE goals (id BIGINT PRIMARY KEY, user_id BIGINT, title VARCHAR(50));
    CREATE INDEX users_size_idx ON users (size);
    INSERT INTO users VALUES (1, 'a', 1); INSERT INTO goals VALUES (1, 1, 'a');";

/// A statement, and the rule whose rewrite of it is run in its place.
const REWRITES: &[(Dialect, &str, &str)] = &[
    (
        Dialect::Postgres,
        "index-not-concurrent",
        "CREATE INDEX i ON goals (title)",
    ),
    (
        Dialect::Postgres,
        "index-not-concurrent",
        "CREATE UNIQUE INDEX ON goals USING btree (title)",
    ),
    (
        Dialect::Postgres,
        "drop-index-not-concurrent",
        "DROP INDEX IF EXISTS users_size_idx",
    ),
    (
        Dialect::Postgres,
        "concurrently-in-transaction",
        "CREATE INDEX CONCURRENTLY i ON goals (title)",
    ),
    (
        Dialect::Postgres,
        "blocking-maintenance",
        "REINDEX TABLE goals",
    ),
    (
        Dialect::Postgres,
        "foreign-key-validated",
        "ALTER TABLE goals ADD FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE",
    ),
    (
        Dialect::Postgres,
        "foreign-key-validated",
        "ALTER TABLE public.goals ADD COLUMN o BIGINT CONSTRAINT x REFERENCES users ON DELETE SET NULL",
    ),
    (
        Dialect::Postgres,
        "check-validated",
        "ALTER TABLE users ADD CHECK (size > 0 AND id > 0)",
    ),
    (
        Dialect::Postgres,
        "constraint-builds-index",
        "ALTER TABLE users ADD CONSTRAINT k UNIQUE (email, size)",
    ),
    (
        Dialect::Postgres,
        "constraint-builds-index",
        "ALTER TABLE users ADD COLUMN n text UNIQUE",
    ),
    (
        Dialect::Postgres,
        "set-not-null",
        "ALTER TABLE users ALTER COLUMN email SET NOT NULL",
    ),
    (
        Dialect::Postgres,
        "add-column-rewrites",
        "ALTER TABLE goals ADD COLUMN token uuid DEFAULT gen_random_uuid()",
    ),
    (
        Dialect::Postgres,
        "foreign-key-without-index",
        "ALTER TABLE goals ADD FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID",
    ),
    (
        Dialect::Postgres,
        "rename-table",
        "ALTER TABLE goals RENAME TO aims",
    ),
    (
        Dialect::Postgres,
        "missing-lock-timeout",
        "ALTER TABLE users ADD COLUMN a integer",
    ),
    (
        Dialect::MariaDb,
        "alter-copies-table",
        "ALTER TABLE goals ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES users (id)",
    ),
    (
        Dialect::MariaDb,
        "set-not-null",
        "ALTER TABLE users MODIFY email VARCHAR(100) NOT NULL",
    ),
    (
        Dialect::MariaDb,
        "rename-table",
        "RENAME TABLE goals TO aims",
    ),
    (
        Dialect::Sqlite,
        "add-column-refused",
        "ALTER TABLE users ADD COLUMN n TEXT UNIQUE",
    ),
    (
        Dialect::Sqlite,
        "table-not-strict",
        "CREATE TABLE t (a TEXT PRIMARY KEY) WITHOUT ROWID",
    ),
];

#[tokio::test]
async fn the_rewrites_run_and_satisfy_their_rule() {
    for target in targets().await {
        let dialect = target.db.dialect();
        for (_, rule, statement) in REWRITES.iter().filter(|(of, ..)| *of == dialect) {
            target.run(REWRITE_TABLES).await;
            let found = found_in(dialect, REWRITE_TABLES, statement);
            let finding = found.iter().find(|finding| finding.rule == *rule);
            let finding = finding.unwrap_or_else(|| panic!("{rule} in {statement}: {found:?}"));
            let rewrite = &finding.rewrite;
            // One at a time: none of them needs to share a transaction.
            for step in split(dialect, rewrite).expect("the rewrite can be read") {
                target.run(step.text).await;
            }
            // What must not stand together stands in migrations of its own.
            let parts = rewrite.split("-- in ").filter(|part| part.contains(';'));
            for part in parts {
                let left = rules_of(dialect, REWRITE_TABLES, part);
                let view_stays = *rule == "rename-table";
                assert!(!left.contains(rule) || view_stays, "{part}: {left:?}");
            }
            // A view may stand under the name of a table now.
            target.runs("DROP VIEW goals").await;
            for table in ["aims", "goals", "users", "t"] {
                target.run(&format!("DROP TABLE IF EXISTS {table}")).await;
            }
        }
        target.close().await;
    }
}
