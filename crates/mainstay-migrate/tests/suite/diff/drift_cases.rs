//! What somebody does on one engine or another, and what is found.

use super::drift::Case;

/// On SQLite a property changes only with its table.
pub(crate) const SQLITE: &[Case] = &[
    (
        "CREATE UNIQUE INDEX extra ON goals (user_id, points)",
        &["index extra of goals, UNIQUE (user_id, points), is in D and not in M"],
    ),
    (
        "ALTER TABLE goals ADD COLUMN extra INTEGER",
        &["column goals.extra, INTEGER, is in D and not in M"],
    ),
    (
        "ALTER TABLE notes DROP COLUMN body",
        &["column notes.body, TEXT, is in M and not in D"],
    ),
    (
        "DROP INDEX goals_points_idx",
        &["index goals_points_idx of goals, (points), is in M and not in D"],
    ),
    (
        "DROP INDEX goals_points_idx; CREATE INDEX goals_points_idx ON goals (points DESC) WHERE \
         points > 1",
        &[
            "index goals_points_idx of goals is (points) in M and (points DESC) WHERE points > 1 in D",
        ],
    ),
    (
        "DROP TRIGGER touch",
        &["trigger touch of goals is in M and not in D"],
    ),
    (
        "DROP TRIGGER touch; CREATE TRIGGER touch AFTER INSERT ON goals BEGIN SELECT 1; END",
        &["trigger touch of goals is defined in one way in M and in another in D"],
    ),
    (
        "DROP TABLE notes; CREATE TABLE notes (id INTEGER NOT NULL CONSTRAINT notes_pkey PRIMARY \
         KEY, body BLOB, user_id INTEGER)",
        &["notes.body is TEXT in M and BLOB in D"],
    ),
    (
        "DROP TABLE notes; CREATE TABLE notes (id INTEGER NOT NULL CONSTRAINT notes_pkey PRIMARY \
         KEY, body TEXT NOT NULL, user_id INTEGER DEFAULT 5)",
        &[
            "notes.body is nullable in M and NOT NULL in D",
            "notes.user_id has no default in M and the default 5 in D",
        ],
    ),
    (
        "DROP TABLE notes; CREATE TABLE notes (id INTEGER NOT NULL CONSTRAINT notes_pkey PRIMARY \
         KEY AUTOINCREMENT, body TEXT COLLATE NOCASE, user_id INTEGER AS (id + 1))",
        &[
            "notes.id is not made by the database in M and auto-incremented in D",
            "notes.body has the collation of its type in M and the collation NOCASE in D",
            "notes.user_id is not computed in M and computed as (id + 1) VIRTUAL in D",
        ],
    ),
    (
        "DROP TABLE notes; CREATE TABLE notes (id INTEGER NOT NULL, body TEXT, user_id INTEGER, \
         CONSTRAINT notes_pkey PRIMARY KEY (id, body), CONSTRAINT extra UNIQUE (user_id))",
        &[
            "primary key notes_pkey of notes is (id) in M and (id, body) in D",
            "unique constraint extra of notes, (user_id), is in D and not in M",
        ],
    ),
    (
        "DROP TABLE notes; CREATE TABLE notes (id INTEGER NOT NULL CONSTRAINT notes_pkey PRIMARY \
         KEY, body TEXT CHECK (body <> ''), user_id INTEGER CONSTRAINT extra REFERENCES users) \
         STRICT",
        &[
            "foreign key extra of notes, (user_id) REFERENCES users (id) ON DELETE NO ACTION ON \
             UPDATE NO ACTION, is in D and not in M",
            "check of notes, (body <> ''), is in D and not in M",
            "table notes has no options in M and the options STRICT in D",
        ],
    ),
];

pub(crate) const POSTGRES: &[Case] = &[
    (
        "CREATE UNIQUE INDEX extra ON goals (user_id, points)",
        &["index extra of goals, UNIQUE (user_id, points), is in D and not in M"],
    ),
    (
        "ALTER TABLE goals ADD COLUMN extra integer NOT NULL DEFAULT 1",
        &["column goals.extra, integer NOT NULL, is in D and not in M"],
    ),
    (
        "ALTER TABLE notes DROP COLUMN body",
        &["column notes.body, character varying(200), is in M and not in D"],
    ),
    (
        "ALTER TABLE notes ALTER COLUMN body TYPE varchar(100)",
        &["notes.body is character varying(200) in M and character varying(100) in D"],
    ),
    (
        "ALTER TABLE notes ALTER COLUMN body TYPE varchar(200) COLLATE \"C\"",
        &["notes.body has the collation of its type in M and the collation \"C\" in D"],
    ),
    (
        "ALTER TABLE notes ALTER COLUMN body SET NOT NULL, ALTER COLUMN user_id SET DEFAULT 5",
        &[
            "notes.user_id has no default in M and the default 5 in D",
            "notes.body is nullable in M and NOT NULL in D",
        ],
    ),
    (
        "ALTER TABLE notes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY",
        &["notes.id is not made by the database in M and GENERATED ALWAYS AS IDENTITY in D"],
    ),
    (
        "ALTER TABLE notes DROP COLUMN user_id, ADD COLUMN user_id bigint GENERATED ALWAYS AS (id \
         + 1) STORED",
        &["notes.user_id is not computed in M and computed as (id + 1) STORED in D"],
    ),
    (
        "COMMENT ON TABLE notes IS 'so'; COMMENT ON COLUMN notes.body IS 'it''s so'",
        &[
            "notes.body has no comment in M and the comment \"it's so\" in D",
            "table notes has no comment in M and the comment \"so\" in D",
        ],
    ),
    (
        "ALTER TABLE notes SET (fillfactor = 70)",
        &["table notes has no options in M and the options WITH (fillfactor=70) in D"],
    ),
    (
        "ALTER TABLE notes DROP CONSTRAINT notes_pkey",
        &["primary key notes_pkey of notes, (id), is in M and not in D"],
    ),
    (
        "ALTER TABLE notes RENAME CONSTRAINT notes_pkey TO other",
        &["primary key notes_pkey of notes has the name notes_pkey in M and the name other in D"],
    ),
    (
        "ALTER TABLE goals DROP CONSTRAINT goals_title_key, ADD CONSTRAINT goals_title_key UNIQUE \
         (title, points)",
        &["unique constraint goals_title_key of goals is (title) in M and (title, points) in D"],
    ),
    (
        "ALTER TABLE goals DROP CONSTRAINT goals_user_id_fkey, ADD CONSTRAINT goals_user_id_fkey \
         FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL DEFERRABLE",
        &[
            "foreign key goals_user_id_fkey of goals is (user_id) REFERENCES users (id) ON DELETE \
             CASCADE ON UPDATE NO ACTION in M and (user_id) REFERENCES users (id) ON DELETE SET \
             NULL ON UPDATE NO ACTION DEFERRABLE in D",
        ],
    ),
    (
        "ALTER TABLE goals DROP CONSTRAINT goals_points_check, ADD CONSTRAINT extra CHECK (points \
         > 1)",
        &[
            "check goals_points_check of goals, (points >= 0), is in M and not in D",
            "check extra of goals, (points > 1), is in D and not in M",
        ],
    ),
    (
        "DROP INDEX goals_points_idx; CREATE INDEX goals_points_idx ON goals USING hash (points)",
        &["index goals_points_idx of goals is (points) in M and hash (points) in D"],
    ),
    (
        "DROP TRIGGER touch ON goals",
        &["trigger touch of goals is in M and not in D"],
    ),
    (
        "CREATE OR REPLACE TRIGGER touch AFTER UPDATE ON goals FOR EACH ROW EXECUTE FUNCTION \
         touched()",
        &["trigger touch of goals is defined in one way in M and in another in D"],
    ),
    (
        "CREATE OR REPLACE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN \
         OLD; END $$",
        &["function touched() is defined in one way in M and in another in D"],
    ),
    (
        "ALTER TYPE mood ADD VALUE 'c' BEFORE 'b'",
        &["type mood is defined in one way in M and in another in D"],
    ),
    (
        "CREATE SEQUENCE extra",
        &["sequence extra is in D and not in M"],
    ),
    (
        "CREATE TYPE extra AS ENUM ('a', 'b')",
        &["type extra is in D and not in M"],
    ),
    (
        "CREATE TYPE extra AS ENUM ('a', 'b'); ALTER TABLE notes ADD COLUMN extra extra DEFAULT \
         'a'",
        &[
            "column notes.extra, extra, is in D and not in M",
            "type extra is in D and not in M",
        ],
    ),
    (
        "CREATE MATERIALIZED VIEW extra AS SELECT title FROM goals; CREATE INDEX extra_idx ON \
         extra (title)",
        &[
            "index extra_idx is in D and not in M",
            "materialized view extra is in D and not in M",
        ],
    ),
    (
        "ALTER TABLE notes ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON notes USING (true)",
        &[
            "table notes has no options in M and the options ENABLE ROW LEVEL SECURITY in D",
            "policy own ON notes is in D and not in M",
        ],
    ),
];

pub(crate) const MARIADB: &[Case] = &[
    (
        "CREATE UNIQUE INDEX extra ON goals (user_id, points)",
        &["unique constraint extra of goals, (user_id, points), is in D and not in M"],
    ),
    (
        "ALTER TABLE goals ADD COLUMN extra int NOT NULL DEFAULT 1 AFTER id",
        &["column goals.extra, int(11) NOT NULL, is in D and not in M"],
    ),
    (
        "ALTER TABLE notes DROP COLUMN body",
        &["column notes.body, varchar(200), is in M and not in D"],
    ),
    (
        "ALTER TABLE notes MODIFY body varchar(100) NOT NULL, ALTER user_id SET DEFAULT 5",
        &[
            "notes.body is varchar(200) in M and varchar(100) in D",
            "notes.body is nullable in M and NOT NULL in D",
            "notes.user_id has no default in M and the default 5 in D",
        ],
    ),
    (
        "ALTER TABLE notes MODIFY body varchar(200) COLLATE utf8mb4_bin COMMENT 'it''s so'",
        &[
            "notes.body has the collation of its type in M and the collation utf8mb4_bin \
             in D",
            "notes.body has no comment in M and the comment \"it's so\" in D",
        ],
    ),
    (
        "ALTER TABLE notes MODIFY id bigint NOT NULL AUTO_INCREMENT, MODIFY seen_at datetime ON \
         UPDATE current_timestamp()",
        &[
            "notes.id is not made by the database in M and auto-incremented in D",
            "notes.seen_at is left alone by an update in M and set to current_timestamp() by an \
             update in D",
        ],
    ),
    (
        "ALTER TABLE notes DROP COLUMN user_id, ADD COLUMN user_id bigint AS (id + 1) STORED",
        &["notes.user_id is not computed in M and computed as (`id` + 1) STORED in D"],
    ),
    (
        "ALTER TABLE notes COMMENT = 'so'",
        &["table notes has no comment in M and the comment \"so\" in D"],
    ),
    (
        "ALTER TABLE notes DROP PRIMARY KEY, ADD PRIMARY KEY (id, user_id)",
        &[
            "notes.user_id is nullable in M and NOT NULL in D",
            "primary key of notes is (id) in M and (id, user_id) in D",
        ],
    ),
    (
        "ALTER TABLE goals DROP INDEX goals_title_key, ADD CONSTRAINT extra UNIQUE (points)",
        &[
            "unique constraint goals_title_key of goals, (title), is in M and not in D",
            "unique constraint extra of goals, (points), is in D and not in M",
        ],
    ),
    (
        "ALTER TABLE goals DROP FOREIGN KEY goals_user_id_fkey",
        &[
            "index goals_user_id_fkey of goals, (user_id), is in D and not in M",
            "foreign key goals_user_id_fkey of goals, (user_id) REFERENCES users (id) ON DELETE \
             CASCADE ON UPDATE RESTRICT, is in M and not in D",
        ],
    ),
    (
        "ALTER TABLE goals DROP CONSTRAINT goals_points_check",
        &["check goals_points_check of goals, (`points` >= 0), is in M and not in D"],
    ),
    (
        "ALTER TABLE notes MODIFY body varchar(200) CHECK (body <> '')",
        &["check body of notes, (`body` <> ''), is in D and not in M"],
    ),
    (
        "ALTER TABLE goals DROP INDEX goals_points_idx, ADD INDEX goals_points_idx (points, \
         title(10))",
        &["index goals_points_idx of goals is (points) in M and (points, title (10)) in D"],
    ),
    (
        "ALTER TABLE notes ADD FULLTEXT INDEX words (body)",
        &["index words of notes, FULLTEXT (body), is in D and not in M"],
    ),
    (
        "DROP TRIGGER touch",
        &["trigger touch of goals is in M and not in D"],
    ),
    (
        "CREATE OR REPLACE TRIGGER touch BEFORE UPDATE ON goals FOR EACH ROW SET NEW.points = 2",
        &["trigger touch of goals is defined in one way in M and in another in D"],
    ),
    (
        "CREATE PROCEDURE extra() SELECT 1",
        &["procedure extra is in D and not in M"],
    ),
    (
        "CREATE SEQUENCE extra",
        &["sequence extra is in D and not in M"],
    ),
];
