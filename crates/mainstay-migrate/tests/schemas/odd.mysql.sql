-- What is allowed and seldom seen.

CREATE TABLE `select` (
    `order` INT NOT NULL DEFAULT -1,
    `a b.c` VARCHAR(20) DEFAULT 'it''s; a \\ "b"\n`c`' COMMENT 'two\nlines; it''s "this" \\ `that`',
    `e``f` ENUM('it''s', 'a, b', 'back\\slash', '', ')') NOT NULL DEFAULT 'it''s',
    `g` SET('x', 'y)') CHARACTER SET latin1 COLLATE latin1_bin DEFAULT 'x,y)',
    `h` DOUBLE UNSIGNED DEFAULT 1.5e-3, `i` FLOAT(7,3), `j` BIT(8) DEFAULT b'10000001', `k` YEAR DEFAULT 2026,
    `l` TIME(3) DEFAULT '12:30:00.500', `m` DATETIME(6) DEFAULT NOW(6) ON UPDATE NOW(6),
    `n` LONGTEXT DEFAULT (concat('a', repeat('b', 3))), `o` JSON DEFAULT (json_object('a', 1)),
    `p` VARCHAR(50) AS (concat(upper(`a b.c`), '-', 'it''s')) STORED UNIQUE,
    `q` INT AS (if(`order` in (1, 2) and not `h` is null, -1, 2 * (3 + `order`))) VIRTUAL COMMENT 'computed',
    `r` UUID DEFAULT uuid(), `s` INET6, `t` VARBINARY(3) DEFAULT x'0a0b', `u` BINARY(2),
    `v` CHAR(3) CHARACTER SET ascii CHECK (`v` REGEXP '^[a-z\'"\\\\]+$' OR `v` LIKE '%|%%' ESCAPE '|'),
    `w` BOOL CHECK (`w` XOR TRUE), `x` DATE CHECK (`x` BETWEEN '2000-01-01' AND '2100-01-01' + INTERVAL 1 DAY),
    CONSTRAINT `c 1` CHECK (CASE WHEN `order` > 3 THEN json_extract(`o`, '$.a') = 1 ELSE `a b.c` <> _utf8mb4'x' END),
    CONSTRAINT `c``v` CHECK (`order` + - `h` > -(3) AND (`order` & 3 | 1) << 2 <> 5 AND ~`order` <> 0),
    CHECK (`a b.c` NOT IN ('c', 'd;e') AND NOT (`order` = 1 OR `order` <=> NULL)),
    PRIMARY KEY (`order`, `a b.c`(5)),
    UNIQUE KEY `un``ique` (`g`, `k` DESC),
    KEY `odd key` (`n`(10), `order`) COMMENT 'it''s',
    FULLTEXT `text` (`n`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin ROW_FORMAT=COMPACT COMMENT='it''s \\ "odd"\nreally';

CREATE TABLE `long` (`id` INT PRIMARY KEY, `body` TEXT, `blob` BLOB NOT NULL, UNIQUE (`body`));
CREATE TABLE `pair` (`a` INT, `b` INT, `c` INT, PRIMARY KEY (`a`, `b`), KEY `c_a` (`c`, `a`)) ENGINE=InnoDB;
CREATE TABLE `of_pair` (
    `a` INT, `b` INT, `c` INT, `d` INT,
    CONSTRAINT `to pair` FOREIGN KEY (`a`, `b`) REFERENCES `pair` (`a`, `b`) ON DELETE SET NULL ON UPDATE NO ACTION,
    -- An index that begins with its columns is enough.
    KEY `wide` (`c`, `d`, `a`), CONSTRAINT `by c` FOREIGN KEY (`c`) REFERENCES `pair` (`c`),
    FOREIGN KEY (`d`) REFERENCES `pair` (`a`) ON DELETE CASCADE, FOREIGN KEY (`d`) REFERENCES `pair` (`c`)
);
CREATE TABLE `memory` (`a` INT, `b` INT, KEY (`a`) USING HASH, KEY (`b`) USING BTREE) ENGINE=MEMORY MAX_ROWS=100;
CREATE TABLE `aria` (`id` INT NOT NULL, `n` INT AUTO_INCREMENT, PRIMARY KEY (`id`, `n`)) ENGINE=Aria PAGE_CHECKSUM=1 TRANSACTIONAL=1;
CREATE TABLE `by_hash` (`id` INT NOT NULL) PARTITION BY HASH (`id` + 1) PARTITIONS 3;
CREATE TABLE `by_key` (`id` INT NOT NULL PRIMARY KEY) PARTITION BY KEY () PARTITIONS 2;
CREATE TABLE `by_list` (`id` INT NOT NULL, `at` DATE NOT NULL) PARTITION BY LIST (`id`) SUBPARTITION BY HASH (to_days(`at`)) SUBPARTITIONS 2
    (PARTITION `p 0` VALUES IN (1, 3, NULL), PARTITION `p1` VALUES IN (2, 4));

CREATE VIEW `v2` (`one`, `two ``2```) AS WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5)
    SELECT n, sum(n) OVER (PARTITION BY n % 2 ORDER BY n DESC) FROM r;
CREATE ALGORITHM = TEMPTABLE VIEW `v1` AS
    SELECT `v2`.`one`, (SELECT max(`order`) FROM `select` WHERE `a b.c` = 'x;y') AS `x` FROM `v2`
    WHERE EXISTS (SELECT 1 FROM `pair` WHERE `a` = `v2`.`one`) OR `one` IN (SELECT `b` FROM `pair`)
    UNION SELECT 1, CAST('2' AS UNSIGNED) ORDER BY 1 LIMIT 3;
CREATE FUNCTION `odd ``function` (`a` VARCHAR(10) CHARSET utf8mb4, b ENUM('x', 'y')) RETURNS INT READS SQL DATA SQL SECURITY INVOKER COMMENT 'it''s'
BEGIN
    DECLARE n INT DEFAULT 0;
    l: LOOP
        SET n = n + 1;
        IF n > 3 THEN LEAVE l; END IF;
    END LOOP l;
    CASE WHEN n = 4 THEN RETURN n; ELSE RETURN length('a;b'); END CASE;
END;
CREATE TRIGGER `odd ``trigger` BEFORE UPDATE ON `pair` FOR EACH ROW
BEGIN
    IF NEW.a <> OLD.a THEN SET NEW.b = (SELECT count(*) FROM `select`); END IF;
END;
