-- What is allowed and seldom seen.

CREATE TYPE "odd. ""type""" AS ENUM ('it''s', 'a, b', 'back\slash', '');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN small AS positive DEFAULT 1 CHECK (VALUE < 100) CHECK (VALUE <> 13);
CREATE TYPE span AS RANGE (SUBTYPE = double precision);
CREATE SEQUENCE down AS smallint INCREMENT BY -1 MINVALUE -100 MAXVALUE -1 START WITH -1 CYCLE;

CREATE TABLE "select" (
    "order" integer NOT NULL DEFAULT -1,
    "a b.c" text COLLATE "C" DEFAULT 'it''s; a \ "b"',
    "q""q" "odd. ""type"""[] DEFAULT ARRAY['it''s', 'a, b']::"odd. ""type"""[],
    e text DEFAULT E'line\nnext\ttab\\',
    codes varchar(3)[] NOT NULL DEFAULT ARRAY['a', 'b']::varchar(3)[],
    s small,
    d span,
    data jsonb NOT NULL DEFAULT '{"a": [1, "x;y"]}',
    at timestamptz(3) DEFAULT (now() AT TIME ZONE 'UTC') + interval '1 day 2 hours',
    t time without time zone DEFAULT '12:30',
    bits bit varying(5) DEFAULT B'101',
    number numeric DEFAULT 1e10,
    up text GENERATED ALWAYS AS (upper("a b.c") || '-' || coalesce("order"::text, '')) STORED,
    CONSTRAINT "key ""of"" it" PRIMARY KEY ("order") DEFERRABLE,
    CONSTRAINT one UNIQUE NULLS NOT DISTINCT ("a b.c", e),
    CONSTRAINT "c1" CHECK ("order" BETWEEN -5 AND 5 OR "a b.c" ~* '^[a-z''"]+$' AND e NOT LIKE '%\%%'),
    CONSTRAINT c2 CHECK (CASE WHEN s > 3 THEN data ? 'a' AND data @> '{"b": 1}' ELSE data ->> 'c' IS DISTINCT FROM 'x' END),
    CONSTRAINT c3 CHECK (("order", s) <> (1, 2) AND codes[1:2] && '{a,b}' AND NOT (t < '13:00'::time)),
    CONSTRAINT c4 CHECK (e IN ('a', 'b') AND "a b.c" NOT IN ('c', 'd') AND codes[1] IN ('x', 'y')) NO INHERIT,
    CHECK (extract(year FROM at) > 2000), CHECK (substring(e FROM 1 FOR 2) <> 'ab'),
    CHECK ("order" + - s * 2 > -(3)), CHECK (codes <> ARRAY['a'::varchar, 'b'] OR e IS NULL)
);
CREATE INDEX "odd index" ON "select" USING gin (data jsonb_path_ops);
CREATE INDEX i1 ON "select" (((data ->> 'a')::int) DESC NULLS LAST, ("a b.c" || 'x') COLLATE "C" text_pattern_ops)
    WHERE e IS NOT NULL AND "a b.c" IN ('a', 'b');
CREATE INDEX i2 ON "select" ((e COLLATE "C"), lower(e) varchar_pattern_ops, (s + 1)) INCLUDE ("a b.c", "q""q");
CREATE UNIQUE INDEX i3 ON "select" (s) NULLS NOT DISTINCT;
CREATE INDEX i4 ON "select" USING brin (at) WITH (pages_per_range = 16);
COMMENT ON COLUMN "select"."a b.c" IS E'two\nlines; and ''more''';

CREATE TABLE pair (
    a integer GENERATED ALWAYS AS IDENTITY, b integer, c integer,
    during tsrange,
    PRIMARY KEY (a, b) INCLUDE (c),
    EXCLUDE USING gist (during WITH &&) WHERE (c > 0) DEFERRABLE
);
CREATE TABLE of_pair (
    a integer, b integer,
    FOREIGN KEY (a, b) REFERENCES pair ON DELETE SET NULL (b) ON UPDATE SET DEFAULT
);

-- Partitions of partitions, and what refers to them.
CREATE TABLE hits (region text NOT NULL, day date NOT NULL, n integer DEFAULT 0, PRIMARY KEY (region, day))
    PARTITION BY LIST (region);
CREATE TABLE hits_eu PARTITION OF hits (n DEFAULT 7, CONSTRAINT few CHECK (n < 10))
    FOR VALUES IN ('de', 'it''s', NULL) PARTITION BY RANGE (day, region);
CREATE TABLE hits_eu_old PARTITION OF hits_eu FOR VALUES FROM (MINVALUE, MINVALUE) TO ('2026-01-01', 'm');
CREATE TABLE a_hits PARTITION OF hits DEFAULT PARTITION BY HASH (day);
CREATE TABLE a_hits_0 PARTITION OF a_hits FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE INDEX ON hits (day);
CREATE TABLE notes (id serial PRIMARY KEY, region text, day date, FOREIGN KEY (region, day) REFERENCES hits);

CREATE FUNCTION twice(x integer DEFAULT 2 + 3, OUT y integer) LANGUAGE sql IMMUTABLE
    BEGIN ATOMIC SELECT x * 2; END;
CREATE FUNCTION is_fine(x text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog AS $do$ begin return x ~ '$$;'; end $do$;
CREATE TABLE checked (x text CHECK (is_fine(x)), y integer DEFAULT twice(4));
CREATE INDEX ON checked (is_fine(x));

CREATE VIEW v2 (one, "two ""2""") AS WITH RECURSIVE r(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < 5)
    SELECT n, sum(n) OVER (PARTITION BY n % 2 ORDER BY n DESC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM r;
CREATE VIEW v1 AS SELECT v2.one, l.x, "select".codes[1]::text IN ('a', 'b') AS b
    FROM v2, LATERAL (SELECT v2.one + 1 AS x) l, "select" WHERE "select"."a b.c" = ANY ('{a,b}'::text[])
    UNION ALL SELECT 1, 2, EXISTS (SELECT FROM checked WHERE x IN ('p'::varchar, 'q')) ORDER BY 1;
CREATE VIEW updatable AS SELECT id, region FROM notes WHERE id > 3 WITH CASCADED CHECK OPTION;

CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER "odd trigger" AFTER UPDATE ON notes REFERENCING NEW TABLE AS fresh OLD TABLE AS stale
    FOR EACH STATEMENT EXECUTE FUNCTION fires('a', 'it''s');
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (new.region IN ('a', 'b')) EXECUTE FUNCTION fires();
