-- What is allowed and seldom seen.

CREATE TABLE "select" (
    "order" INTEGER CONSTRAINT a CONSTRAINT "b c" NOT NULL CHECK ("order" > - 5 AND -"order" < + 5),
    'a b' TEXT DEFAULT "double", [c.d] "odd type" (3) DEFAULT 'it''s; "so"', `e``f` DEFAULT (1 + (2 * -3)),
    g UNSIGNED BIG INT DEFAULT 0x1F, h DOUBLE PRECISION DEFAULT -1.5e-3, i BLOB DEFAULT X'00',
    j DEFAULT TRUE, k DEFAULT CURRENT_DATE COLLATE RTRIM NOT NULL, l TEXT CHECK (l GLOB '[a-z]*' OR l LIKE '%\%' ESCAPE '\'),
    m TEXT CHECK (CASE WHEN m IS NULL THEN 1 ELSE json_extract(m, '$.a') -> '$.b' ->> 'c' END),
    n AS (substr("a b", 1, 2) || '-' || coalesce(g, 0)) STORED UNIQUE,
    o INT GENERATED ALWAYS AS (g IN (1, 2) AND NOT (h IS NOT NULL)) VIRTUAL,
    p INT REFERENCES "nowhere to be found" (x) ON DELETE SET DEFAULT ON UPDATE RESTRICT,
    CONSTRAINT "key ""of"" it" PRIMARY KEY ("order" COLLATE NOCASE DESC, 'a b') ON CONFLICT FAIL,
    UNIQUE (g, h), CONSTRAINT z CHECK (~g & 3 <> 0 AND (g << 2) | 1 = g % 4), CHECK (g == h OR g != 2)
) WITHOUT ROWID;
CREATE INDEX "odd index" ON "select" ("a b" COLLATE RTRIM, -g, (h + 1) * 2 DESC, abs(g) || 'x, y') WHERE g NOT IN (1, 2) AND l IS NOT NULL;

CREATE TABLE Parent (Id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE ON CONFLICT IGNORE);
CREATE TABLE child (
    id INT PRIMARY KEY, parent_id INT REFERENCES PARENT, code REFERENCES parent(code) MATCH PARTIAL,
    -- two constraints on one line, and no comma
    CHECK (id > 0) CHECK (id < 10) UNIQUE (parent_id, code) FOREIGN KEY (code) REFERENCES parent (code)
);
ALTER TABLE child ADD COLUMN added TEXT DEFAULT 'x' CHECK (added <> 'y');
ALTER TABLE child RENAME COLUMN added TO "added later";
CREATE TABLE copied AS SELECT 1 AS a, 'b' AS "b c";
CREATE TABLE t2(a ANY, b INT, c REAL) STRICT;
ALTER TABLE t2 RENAME TO "renamed ""2""";

CREATE VIEW v2 AS WITH RECURSIVE r(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < 5)
    SELECT n, sum(n) OVER (PARTITION BY n % 2 ORDER BY n DESC) AS s FROM r; -- the end
CREATE VIEW "odd view" ("a b", c) AS SELECT v2.n, 'x;y' FROM v2;
CREATE TRIGGER "odd trigger" BEFORE UPDATE OF parent_id, code ON child FOR EACH ROW WHEN new.id > 3 OR old.code = ';'
BEGIN
    SELECT CASE WHEN new.id = 4 THEN RAISE(IGNORE) ELSE (SELECT max(id) FROM child) END;
    INSERT INTO parent (code) VALUES ('begin; end') ON CONFLICT (code) DO UPDATE SET code = excluded.code;
END;
