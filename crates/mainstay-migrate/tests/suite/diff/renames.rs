//! Renames are made as told, rows keep what they hold, and nothing else is drafted.

use mainstay_migrate::diff::{
    Candidate, Renames, candidates, compare, describe, draft, draft_back,
};

use super::targets::{Engine, Target, engines};

/// A table with what can mention its columns, and one that refers to it.
fn statements(engine: Engine, [table, column, reader]: [&str; 3]) -> Vec<String> {
    let (key, text) = match engine {
        Engine::Sqlite => ("INTEGER", "TEXT"),
        Engine::Postgres => ("bigint", "varchar(200)"),
        Engine::MariaDb => ("bigint", "varchar(200)"),
    };
    let touch = match engine {
        Engine::Sqlite => format!(
            "CREATE TRIGGER touch AFTER UPDATE OF {column} ON {table} BEGIN UPDATE {table} SET \
             parent_id = NULL WHERE {column} = ''; END"
        ),
        Engine::Postgres => format!(
            "CREATE TRIGGER touch AFTER UPDATE OF {column} ON {table} FOR EACH ROW EXECUTE \
             FUNCTION touched()"
        ),
        Engine::MariaDb => format!(
            "CREATE TRIGGER touch BEFORE UPDATE ON {table} FOR EACH ROW SET NEW.{column} = \
             trim(NEW.{column})"
        ),
    };
    let mut all = Vec::new();
    if engine == Engine::Postgres {
        all.push(
            "CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; \
             END $$"
                .to_owned(),
        );
    }
    all.extend([
        format!(
            "CREATE TABLE {table} (id {key} NOT NULL CONSTRAINT pk PRIMARY KEY, \
             {column} {text} NOT NULL, parent_id {key}, \
             CONSTRAINT one UNIQUE ({column}, parent_id), \
             CONSTRAINT filled CHECK ({column} <> ''), \
             CONSTRAINT parent FOREIGN KEY (parent_id) REFERENCES {table} (id))"
        )
        .replace(
            "CONSTRAINT pk ",
            if engine == Engine::MariaDb {
                ""
            } else {
                "CONSTRAINT pk "
            },
        ),
        format!("CREATE INDEX by_text ON {table} ({column}, id)"),
        format!(
            "CREATE TABLE steps (id {key} NOT NULL PRIMARY KEY, {reader} {key}, \
             CONSTRAINT of_goal FOREIGN KEY ({reader}) REFERENCES {table} (id) ON DELETE CASCADE)"
        ),
        format!("CREATE INDEX by_goal ON steps ({reader})"),
        format!("CREATE VIEW texts AS SELECT {column} FROM {table}"),
        touch,
    ]);
    all
}

#[tokio::test]
async fn renames_keep_the_rows() {
    let own = str::to_owned;
    let renames = Renames {
        tables: vec![(own("goals"), own("aims"))],
        columns: vec![
            (own("aims"), own("title"), own("name")),
            (own("steps"), own("goal_id"), own("aim_id")),
        ],
    };
    for engine in engines() {
        let (left, right) = (Target::new(engine).await, Target::new(engine).await);
        left.run(&statements(engine, ["goals", "title", "goal_id"]))
            .await;
        right
            .run(&statements(engine, ["aims", "name", "aim_id"]))
            .await;
        let rows = [
            "INSERT INTO goals VALUES (1, 'a', NULL)",
            "INSERT INTO goals VALUES (2, 'b', 1)",
            "INSERT INTO steps VALUES (7, 2)",
        ];
        left.run(&rows.map(own)).await;
        let (before, aim) = (left.read().await, right.read().await);

        let there = draft(&before, &aim, &renames);
        assert_eq!(there.destructive().count(), 0, "{engine:?}: {there}");
        assert_eq!(
            (there.rebuilds.len(), there.remarks.len()),
            (0, 0),
            "{engine:?}: {there}"
        );
        let done = left.apply(&there).await;
        done.unwrap_or_else(|error| panic!("{engine:?}: {error}\n{there}"));
        let changes = compare(&left.read().await, &aim);
        let words: Vec<String> = changes.iter().map(|c| describe(c, "L", "R")).collect();
        assert!(
            words.is_empty(),
            "{engine:?}: {words:?}\n{changes:?}\n{there}"
        );
        let sql = "SELECT a.name FROM steps s JOIN aims a ON a.id = s.aim_id WHERE a.parent_id = 1";
        let name: String = left.db.sql(sql).scalar().await.expect("the row is there");
        assert_eq!(name, "b");

        let back = draft_back(&before, &aim, &renames);
        assert!(back.remarks.is_empty(), "{engine:?}: {back}");
        let done = left.apply(&back).await;
        done.unwrap_or_else(|error| panic!("{engine:?}: {error}\n{back}"));
        let changes = compare(&left.read().await, &before);
        assert!(changes.is_empty(), "{engine:?}: {changes:?}\n{back}");
        let count = left
            .db
            .sql("SELECT count(*) FROM steps WHERE goal_id = 2")
            .scalar::<i64>();
        assert_eq!(count.await.expect("the rows"), 1);

        // Nothing is taken for renamed that the caller has not told; it is offered.
        let offered = candidates(&before, &aim);
        let (from, to) = (own("goals"), own("aims"));
        assert!(
            offered.contains(&Candidate::Table { from, to }),
            "{engine:?}: {offered:?}"
        );
        left.close().await;
        right.close().await;
    }
}
