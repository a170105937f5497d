//! What is changed behind the back of the migrations is found, exactly that, in words; and the
//! draft that takes it back leaves no difference.

use mainstay_migrate::diff::{Renames, compare, describe, draft};

use super::drift_cases::{MARIADB, POSTGRES, SQLITE};
use super::targets::{Engine, Target, engines};

/// What somebody does, and what is found: `M` stands for the migrations, `D` for the database.
pub(crate) type Case = (&'static str, &'static [&'static str]);

/// What the migrations make.
fn base(engine: Engine) -> Vec<String> {
    let (key, text, notes) = match engine {
        Engine::Sqlite => ("INTEGER", "TEXT", SQLITE_NOTES),
        Engine::Postgres => (
            "bigint",
            "varchar(200)",
            "CREATE TABLE notes (id bigint NOT NULL, body varchar(200), user_id bigint, \
             CONSTRAINT notes_pkey PRIMARY KEY (id))",
        ),
        Engine::MariaDb => (
            "bigint(20)",
            "varchar(200)",
            "CREATE TABLE notes (id bigint NOT NULL PRIMARY KEY, body varchar(200), user_id \
             bigint, seen_at datetime)",
        ),
    };
    let touch = match engine {
        Engine::Sqlite => vec![
            "CREATE TRIGGER touch AFTER UPDATE ON goals BEGIN DELETE FROM notes WHERE id = 0; END",
        ],
        Engine::Postgres => vec![
            "CREATE TYPE mood AS ENUM ('a', 'b')",
            "CREATE TABLE moods (id bigint NOT NULL PRIMARY KEY, mood mood NOT NULL DEFAULT 'a', \
             CONSTRAINT moods_check CHECK (mood <> 'b'))",
            "CREATE INDEX moods_idx ON moods (mood) WHERE mood <> 'b'",
            "CREATE VIEW all_moods AS SELECT mood FROM moods",
            "CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; \
             END $$",
            "CREATE TRIGGER touch BEFORE UPDATE ON goals FOR EACH ROW EXECUTE FUNCTION touched()",
        ],
        Engine::MariaDb => {
            vec!["CREATE TRIGGER touch BEFORE UPDATE ON goals FOR EACH ROW SET NEW.points = 1"]
        }
    };
    let mut all = vec![
        format!("CREATE TABLE users (id {key} NOT NULL PRIMARY KEY, name {text} NOT NULL)"),
        format!(
            "CREATE TABLE goals (id {key} NOT NULL PRIMARY KEY, title {text} NOT NULL, \
             points {key}, user_id {key}, CONSTRAINT goals_title_key UNIQUE (title), \
             CONSTRAINT goals_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) \
             ON DELETE CASCADE, CONSTRAINT goals_points_check CHECK (points >= 0))"
        ),
        notes.to_owned(),
        "CREATE INDEX goals_points_idx ON goals (points)".to_owned(),
        "CREATE VIEW titles AS SELECT title FROM goals".to_owned(),
    ];
    all.extend(touch.into_iter().map(str::to_owned));
    all
}

const SQLITE_NOTES: &str = "CREATE TABLE notes (id INTEGER NOT NULL CONSTRAINT notes_pkey PRIMARY \
                            KEY, body TEXT, user_id INTEGER)";

/// What can be done alike on every engine.
const EVERYWHERE: &[Case] = &[
    (
        "CREATE TABLE extra (id INTEGER)",
        &["table extra is in D and not in M"],
    ),
    ("DROP TABLE notes", &["table notes is in M and not in D"]),
    ("DROP VIEW titles", &["view titles is in M and not in D"]),
    (
        "CREATE VIEW extra AS SELECT id FROM goals",
        &["view extra is in D and not in M"],
    ),
    (
        "DROP VIEW titles; CREATE VIEW titles AS SELECT title FROM goals WHERE points > 1",
        &["view titles is defined in one way in M and in another in D"],
    ),
    (
        "CREATE INDEX extra ON goals (user_id)",
        &["index extra of goals, (user_id), is in D and not in M"],
    ),
];

#[tokio::test]
async fn drift_of_every_kind_is_found_and_taken_back() {
    let mut wrong = Vec::new();
    for engine in engines() {
        let target = Target::new(engine).await;
        target.run(&base(engine)).await;
        let base = target.read().await;
        assert!(
            compare(&base, &target.read().await).is_empty(),
            "{engine:?}"
        );
        let own = match engine {
            Engine::Sqlite => SQLITE,
            Engine::Postgres => POSTGRES,
            Engine::MariaDb => MARIADB,
        };
        for (sql, expected) in EVERYWHERE.iter().chain(own) {
            target.run(&[(*sql).to_owned()]).await;
            let live = target.read().await;
            let changes = compare(&base, &live);
            let found: Vec<String> = changes.iter().map(|c| describe(c, "M", "D")).collect();
            let swapped: Vec<String> = compare(&live, &base)
                .iter()
                .map(|c| describe(c, "D", "M"))
                .collect();
            if found != *expected {
                wrong.push(format!(
                    "{engine:?}: {sql}: {found:#?}, and not {expected:#?}"
                ));
            }
            assert_eq!(
                swapped.len(),
                expected.len(),
                "{engine:?}: {sql}: {swapped:?}"
            );

            let back = draft(&live, &base, &Renames::default());
            let done = target.apply(&back).await;
            done.unwrap_or_else(|error| panic!("{engine:?}: {sql}: {error}\n{back}"));
            let left: Vec<String> = compare(&base, &target.read().await)
                .iter()
                .map(|change| describe(change, "M", "D"))
                .collect();
            assert!(left.is_empty(), "{engine:?}: {sql}: {left:?}\n{back}");
        }
        target.close().await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
