//! What the lint recommends, run on real engines; and the numbers of rows it weighs by.

use crate::lint_support::{Target, found_in, on_server, rules_of, sqlite};
use mainstay::schema::Dialect;
use mainstay_migrate::row_estimates;
use mainstay_migrate::split::split;
use mainstay_testkit::servers::ServerKind;

async fn targets() -> Vec<Target> {
    let mut all = vec![sqlite().await];
    for kind in [ServerKind::Postgres, ServerKind::MariaDb] {
        all.extend(on_server(kind).await);
    }
    all
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
        "alter-blocks-writes",
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
