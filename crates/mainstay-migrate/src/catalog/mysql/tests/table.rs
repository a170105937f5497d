use mainstay::schema::Dialect::{self, MariaDb, MySql};

use super::*;
use crate::catalog::mysql::shown::unqualified;
use crate::catalog::{Identity, render};

fn table_of(dialect: Dialect, sql: &str) -> Table {
    let sql = unqualified(dialect, sql, Some("shop"));
    read(dialect, "t".to_owned(), &sql).expect("the table is understood")
}

const MARIADB: &str = "CREATE TABLE `t` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `name` varchar(100) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT 'it''s, (a)' COMMENT 'one; it''s\\na\\\\b',
  `kind` enum('a,b','c)') DEFAULT NULL,
  `price` decimal(10,2) NOT NULL DEFAULT 0.00,
  `data` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(`data`)),
  `low` int(11) DEFAULT (1 + 2) CHECK (`low` > 0),
  `at` timestamp NULL DEFAULT NULL,
  `changed` timestamp(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6),
  `twice` int(11) GENERATED ALWAYS AS (`low` * 2) STORED,
  `number` int(11) NOT NULL DEFAULT nextval(`shop`.`numbers`),
  `owner_id` bigint(20) NOT NULL,
  `hidden` int(11) INVISIBLE DEFAULT 5,
  PRIMARY KEY (`id`),
  UNIQUE KEY `t_name` (`name`) USING BTREE,
  UNIQUE KEY `t_start` (`name`(10) DESC,`low`),
  KEY `t_owner` (`owner_id`),
  KEY `t_low` (`low` DESC) USING HASH COMMENT 'why',
  KEY `t_fk` (`owner_id`,`low`),
  KEY `t_tree` (`at`) USING BTREE,
  FULLTEXT KEY `t_text` (`name`,`data`),
  CONSTRAINT `t_owner` FOREIGN KEY (`owner_id`) REFERENCES `owners` (`id`) ON DELETE CASCADE ON UPDATE NO ACTION,
  CONSTRAINT `t_fk` FOREIGN KEY (`owner_id`) REFERENCES `other`.`owners` (`id`),
  CONSTRAINT `t_check` CHECK (`low` < 10 and `name` <> 'x')
) ENGINE=InnoDB AUTO_INCREMENT=77 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='all of it'
 PARTITION BY RANGE (`id`)
(PARTITION `p0` VALUES LESS THAN (10) ENGINE = InnoDB,
 PARTITION `p1` VALUES LESS THAN MAXVALUE ENGINE = InnoDB)";

#[test]
fn a_table_of_mariadb() {
    let table = table_of(MariaDb, MARIADB);
    let lines: Vec<_> = table
        .columns
        .iter()
        .map(|column| render::column_of(MariaDb, &table, column))
        .collect();
    assert_eq!(
        lines,
        [
            "`id` bigint(20) unsigned NOT NULL AUTO_INCREMENT",
            "`name` varchar(100) COLLATE latin1_bin NOT NULL DEFAULT 'it''s, (a)' \
             COMMENT 'one; it''s\na\\\\b'",
            "`kind` enum('a,b','c)')",
            "`price` decimal(10,2) NOT NULL DEFAULT 0.00",
            "`data` json",
            "`low` int(11) DEFAULT (1 + 2) CHECK (`low` > 0)",
            "`at` timestamp NULL",
            "`changed` timestamp(6) NOT NULL DEFAULT current_timestamp(6) \
             ON UPDATE current_timestamp(6)",
            "`twice` int(11) GENERATED ALWAYS AS (`low` * 2) STORED",
            "`number` int(11) NOT NULL DEFAULT nextval(`numbers`)",
            "`owner_id` bigint(20) NOT NULL",
            "`hidden` int(11) INVISIBLE DEFAULT 5",
        ]
    );
    assert_eq!(table.columns[0].identity, Some(Identity::AutoIncrement));
    assert_eq!(
        table.primary_key.as_ref().map(|key| key.name.clone()),
        Some(None)
    );
    let uniques: Vec<_> = table
        .uniques
        .iter()
        .map(|key| key.name.as_deref())
        .collect();
    assert_eq!(uniques, [Some("t_name")]);
    let indexes: Vec<_> = table
        .indexes
        .iter()
        .map(|index| render::index(MariaDb, "t", index))
        .collect();
    assert_eq!(
        indexes,
        [
            "CREATE UNIQUE INDEX `t_start` ON `t` (`name`(10) DESC, `low`)",
            // t_owner is the server's own, for the foreign key of that name; t_fk is not.
            "CREATE INDEX `t_low` ON `t` (`low` DESC) USING HASH COMMENT 'why'",
            "CREATE INDEX `t_fk` ON `t` (`owner_id`, `low`)",
            // InnoDB has no other way.
            "CREATE INDEX `t_tree` ON `t` (`at`)",
            "CREATE FULLTEXT INDEX `t_text` ON `t` (`name`, `data`)",
        ]
    );
    let keys: Vec<_> = table
        .foreign_keys
        .iter()
        .map(|key| render::foreign_key(MariaDb, key))
        .collect();
    assert_eq!(
        keys,
        [
            "CONSTRAINT `t_owner` FOREIGN KEY (`owner_id`) REFERENCES `owners` (`id`) ON DELETE CASCADE",
            "CONSTRAINT `t_fk` FOREIGN KEY (`owner_id`) REFERENCES `other`.`owners` (`id`)",
        ]
    );
    assert_eq!(table.checks.len(), 2);
    assert!(table.checks[0].is_of("low") && !table.checks[1].is_of_column());
    assert_eq!(
        table.options,
        [
            "ENGINE=InnoDB",
            "DEFAULT CHARSET=utf8mb4",
            "COLLATE=utf8mb4_nopad_bin",
            "PARTITION BY RANGE (`id`) (PARTITION `p0` VALUES LESS THAN (10) ENGINE = InnoDB, \
             PARTITION `p1` VALUES LESS THAN MAXVALUE ENGINE = InnoDB)",
        ]
    );
    assert_eq!(table.comment.as_deref(), Some("all of it"));
    let statements = render::table(MariaDb, &table, true);
    assert!(
        statements[0].contains("COLLATE=utf8mb4_nopad_bin COMMENT='all of it' PARTITION BY"),
        "{}",
        statements[0]
    );
}

#[test]
fn a_table_of_mysql_8() {
    let table = table_of(
        MySql,
        "CREATE TABLE `t` (
  `id` int NOT NULL,
  `data` json DEFAULT (_utf8mb4'{}'),
  `name` varchar(10) COLLATE utf8mb4_bin DEFAULT NULL,
  `code` char(3) CHARACTER SET ascii DEFAULT '0',
  `secret` int DEFAULT NULL /*!80023 INVISIBLE */,
  `upper` varchar(10) GENERATED ALWAYS AS (upper(`name`)) VIRTUAL NOT NULL,
  PRIMARY KEY (`id`),
  KEY `t_expr` ((lower(`name`)) DESC,`id`) /*!80000 INVISIBLE */,
  CONSTRAINT `t_chk_1` CHECK ((`id` > 0)) /*!80016 NOT ENFORCED */
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
/*!50100 PARTITION BY HASH (`id`)
PARTITIONS 4 */",
    );
    let lines: Vec<_> = table
        .columns
        .iter()
        .map(|column| render::column(MySql, column))
        .collect();
    assert_eq!(
        lines,
        [
            "`id` int NOT NULL",
            "`data` json DEFAULT (_utf8mb4'{}')",
            "`name` varchar(10) COLLATE utf8mb4_bin",
            "`code` char(3) CHARACTER SET ascii DEFAULT '0'",
            "`secret` int INVISIBLE",
            "`upper` varchar(10) GENERATED ALWAYS AS (upper(`name`)) VIRTUAL NOT NULL",
        ]
    );
    assert_eq!(
        render::index(MySql, "t", &table.indexes[0]),
        "CREATE INDEX `t_expr` ON `t` ((lower(`name`)) DESC, `id`) USING BTREE INVISIBLE"
    );
    assert_eq!(
        render::check(MySql, &table.checks[0]),
        "CONSTRAINT `t_chk_1` CHECK (`id` > 0) NOT ENFORCED"
    );
    assert_eq!(
        table.options.last().map(String::as_str),
        Some("PARTITION BY HASH (`id`) PARTITIONS 4")
    );
}

#[test]
fn a_column_that_counts_up_has_its_index_from_the_beginning() {
    let table = table_of(
        MariaDb,
        "CREATE TABLE `t` (
  `number` int(11) NOT NULL AUTO_INCREMENT,
  `id` char(36) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `t_number` (`number`)
) ENGINE=InnoDB",
    );
    let statements = render::table(MariaDb, &table, true);
    assert_eq!(statements.len(), 1);
    assert!(
        statements[0].contains("INDEX `t_number` (`number`)"),
        "{}",
        statements[0]
    );
}
