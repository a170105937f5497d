//! A database with everything in it.

use super::*;

const SCHEMA: &str = r#"
CREATE SCHEMA "Shop";
CREATE EXTENSION IF NOT EXISTS pgcrypto;
CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'happy');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE SEQUENCE loose START 7;
SELECT nextval('loose'), nextval('loose');
CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL COLLATE "C" CHECK (name <> ''),
    mood mood DEFAULT 'happy',
    size positive,
    born timestamptz,
    price numeric(12, 4),
    share double precision,
    raw bytea,
    about jsonb,
    tags text[],
    upper_name text GENERATED ALWAYS AS (upper(name)) STORED
);
COMMENT ON TABLE users IS 'People; COPY public.users (id) FROM stdin;
\.
it''s all here';
INSERT INTO users (name, mood, size, born, price, share, raw, about, tags) VALUES
    (E'Ada\tLovelace\nbackslash \\ quote '' \\.', 'sad', 1, '1815-12-10 01:02:03.456789+00', 1.5,
     0.1::float8 + 0.2::float8, '\x00ff5c2e0a', '{"a": [1, "\\n"]}', ARRAY['a,b', NULL, '"']),
    (E'\\.', NULL, NULL, 'infinity', 'NaN', 'Infinity', NULL, NULL, '{}'),
    ('ünïcödé ✓', 'it''s ok', 2, '-infinity', -0.0001, '-0', '', 'null', NULL);
CREATE TABLE "Shop"."Order; ""x"".y" (
    id integer PRIMARY KEY,
    "user" bigint REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED,
    parent integer REFERENCES "Shop"."Order; ""x"".y" (id)
);
INSERT INTO "Shop"."Order; ""x"".y" VALUES (2, 1, 1), (1, 2, NULL);
CREATE TABLE events (at date NOT NULL, text text) PARTITION BY RANGE (at);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
INSERT INTO events VALUES ('2025-05-05', 'one'), ('2026-06-06', 'two');
CREATE INDEX ON events (at DESC);
CREATE TABLE parents (a integer);
CREATE TABLE children (b integer) INHERITS (parents);
INSERT INTO children VALUES (1, 2);
CREATE TABLE no_columns ();
INSERT INTO no_columns DEFAULT VALUES;
INSERT INTO no_columns DEFAULT VALUES;
CREATE UNLOGGED TABLE fleeting AS SELECT 1 AS x;
CREATE VIEW names AS SELECT name FROM users;
CREATE MATERIALIZED VIEW counts AS SELECT count(*) FROM users;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    -- COPY public.fake (a) FROM stdin;
COPY public.fake (a) FROM stdin;
    RAISE NOTICE 'it''s $$ ; \';
    RETURN NEW;
END $body$;
CREATE FUNCTION standard(a integer) RETURNS integer LANGUAGE sql
    BEGIN ATOMIC SELECT a + 1; SELECT a + 2; END;
CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1; SELECT 2;';
CREATE TRIGGER touched BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
CREATE RULE quiet AS ON DELETE TO children DO INSTEAD
    (UPDATE children SET b = 0; SELECT 1);
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON users USING (name = current_user);
CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER watcher ON ddl_command_start EXECUTE FUNCTION watch();
CREATE PUBLICATION everyone FOR TABLE users (id, name);
CREATE STATISTICS name_and_mood ON name, mood FROM users;
CREATE INDEX lower_name ON users (lower(name)) WHERE size > 0;
CREATE AGGREGATE total (integer) (sfunc = int4pl, stype = integer, initcond = '0');
SELECT lo_from_bytea(4711, convert_to(repeat('large; '' object', 5000), 'UTF8'));
SELECT lo_from_bytea(4712, '');
COMMENT ON LARGE OBJECT 4711 IS 'large';
"#;

/// The definitions as the engine's own program writes them, without what differs each time.
fn definitions(engine: &Postgres, database: &str) -> String {
    use crate::engine::tools::Pipe;
    use std::io::Read;

    let version = crate::engine::tools::Version::new(0, 0, 0);
    let found = engine
        .places
        .find(
            &crate::engine::tools::Program {
                names: &["pg_dump"],
                marks: &["(PostgreSQL) "],
                package: "",
                elsewhere: "",
            },
            "any",
            |found| found > version,
        )
        .expect("it is installed");
    let mut running = programs::launch(&found, &engine.config, database)
        .args(["--schema-only", "--no-owner"])
        .start(Pipe::Output, &Control::new())
        .expect("it starts");
    let mut out = String::new();
    running.read_to_string(&mut out).expect("text");
    running.finish().expect("it ends well");
    // A comparison with a list is written in another of its forms once it has been read again.
    let lines = out
        .lines()
        .filter(|line| !line.contains("restrict ") && !line.contains("= ANY ("));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_comes_back() {
    let Some(target) = target() else { return };
    target.sql(SCHEMA);
    let engine = target.engine();
    let taken = capture(&engine).await.expect("it is taken");
    let names: Vec<(&str, u64)> = taken
        .captured
        .tables
        .iter()
        .map(|table| (table.name.as_str(), table.rows))
        .collect();
    assert_eq!(
        names,
        [
            ("(large objects)", 2),
            ("(sequences)", 2),
            ("Shop.\"Order; \"\"x\"\".y\"", 2),
            ("children", 1),
            ("events_2025", 1),
            ("events_rest", 1),
            ("fleeting", 1),
            ("no_columns", 2),
            ("parents", 0),
            ("users", 3),
        ]
    );
    let before = definitions(&engine, &target.name());

    let (place, tables) = restore(&engine, &taken).await.expect("it is restored");
    assert_eq!(tables, taken.captured.tables);
    assert_eq!(definitions(&engine, &place.name), before);
    let swapped = engine.swap(&place, false).await.expect("it is swapped");
    let kept = swapped.kept.expect("the old one is kept");
    assert!(
        kept.starts_with(&format!("{}_before_restore_", target.name())),
        "{kept}"
    );

    assert_eq!(target.sql("SELECT count FROM counts"), "3");
    assert_eq!(target.sql("SELECT nextval('loose')"), "9");
    assert_eq!(
        target
            .sql("INSERT INTO users (name) VALUES ('new') RETURNING id")
            .lines()
            .next(),
        Some("4")
    );
    assert_eq!(
        target.sql("SELECT share = 0.1::float8 + 0.2::float8 FROM users WHERE id = 1"),
        "t"
    );
    assert_eq!(target.sql("SELECT length(lo_get(4711))"), "75000");

    // Any change is seen.
    for (change, table) in [
        (
            "ALTER TABLE users DISABLE TRIGGER touched; UPDATE users SET share = share + 1e-16 WHERE id = 1",
            "users",
        ),
        (
            "UPDATE \"Shop\".\"Order; \"\"x\"\".y\" SET parent = NULL",
            "Shop",
        ),
        ("SELECT nextval('loose')", "(sequences)"),
        ("SELECT lo_put(4711, 7, 'x')", "(large objects)"),
        ("DELETE FROM no_columns WHERE ctid = '(0,1)'", "no_columns"),
    ] {
        let before = capture(&engine).await.expect("it is taken").captured.tables;
        target.sql(change);
        let after = capture(&engine).await.expect("it is taken").captured.tables;
        let changed: Vec<&str> = before
            .iter()
            .zip(&after)
            .filter(|(before, after)| before != after)
            .map(|(before, _)| before.name.as_str())
            .collect();
        assert!(
            changed.len() == 1 && changed[0].starts_with(table),
            "{change}: {changed:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_foreign_schemas_come_back() {
    let Some(_) = require(ServerKind::Postgres) else {
        return;
    };
    for schema in [
        include_str!("../../../../../mainstay-migrate/tests/schemas/music.postgres.sql"),
        include_str!("../../../../../mainstay-migrate/tests/schemas/odd.postgres.sql"),
        include_str!("../../../../../mainstay-migrate/tests/schemas/rental.postgres.sql"),
    ] {
        let target = target().expect("it was there");
        target.sql(schema);
        let engine = target.engine();
        let taken = capture(&engine).await.expect("it is taken");
        let (place, tables) = restore(&engine, &taken).await.expect("it is restored");
        assert_eq!(tables, taken.captured.tables);
        assert_eq!(
            definitions(&engine, &place.name),
            definitions(&engine, &target.name())
        );
        engine.discard(place).await.expect("it is dropped");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_database_and_another_encoding_come_back() {
    let Some(target) = target() else { return };
    let name = format!("{}_before_restore_latin", target.name());
    target.server_sql(&format!(
        "CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
    ));
    let config = server::config_of(&target.config(), &name);
    let engine = engine(&config);
    let taken = capture(&engine).await.expect("it is taken");
    assert_eq!(taken.captured.tables, []);
    let (place, tables) = restore(&engine, &taken).await.expect("it is restored");
    assert_eq!(tables, []);
    let encoding = target.server_sql(&format!(
        "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = '{}'",
        place.name
    ));
    assert_eq!(encoding, "LATIN1");
    engine.discard(place).await.expect("it is dropped");

    // Also when the database is gone, and nothing but the backup tells of it.
    admin::drop_if_exists(&config).await.expect("it is dropped");
    let (place, _) = restore(&engine, &taken).await.expect("it is restored");
    engine.swap(&place, false).await.expect("it is swapped");
    let encoding = target.server_sql(&format!(
        "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = '{name}'"
    ));
    assert_eq!(encoding, "LATIN1");
}
