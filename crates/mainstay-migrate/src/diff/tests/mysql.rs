//! The statements of MariaDB and MySQL.

use super::super::testing::{catalog, check, drafted, index, key, lines, refers, table};
use super::*;

fn between(from: &Table, to: &Table) -> Vec<String> {
    let all = |t: &Table| catalog(DIALECT, [t.clone(), table("p", &[])]);
    lines(&drafted(&all(from), &all(to)))
}

#[test]
fn all_that_changes_in_a_table_is_one_statement() {
    let mut from = table("t", &["a int(11)", "b int(11)", "c int(11)"]);
    from.indexes.push(index("t_b_idx", &["b"]));
    from.checks.push(check("t_c_check", "`c` > 0"));
    let mut to = table(
        "t",
        &["x date", "a bigint(20) NOT NULL DEFAULT 0", "c int(11)"],
    );
    to.uniques.push(key("t_a_key", &["a"]));
    to.primary_key = Some(key("t_pkey", &["id", "a"]));
    assert_eq!(
        between(&from, &to),
        [
            "ALTER TABLE `t` DROP CONSTRAINT `t_c_check`, DROP INDEX `t_b_idx`, DROP PRIMARY KEY, \
          DROP COLUMN `b`, MODIFY COLUMN `a` bigint(20) NOT NULL DEFAULT 0, \
          ADD COLUMN `x` date AFTER `id`, ADD CONSTRAINT `t_pkey` PRIMARY KEY (`id`, `a`), \
          ADD CONSTRAINT `t_a_key` UNIQUE (`a`)"
        ]
    );
    let all = |t: &Table| catalog(DIALECT, [t.clone()]);
    let draft = drafted(&all(&from), &all(&to));
    assert_eq!(
        draft.steps[0].destructive.as_deref(),
        Some("drops t.b and all it holds\nfails where t.a holds NULL")
    );
    let text = draft.to_string();
    assert!(
        text.contains("-- Destructive: drops t.b and all it holds\n--   fails where"),
        "{text}"
    );
}

#[test]
fn foreign_keys_go_before_and_come_behind() {
    let mut from = table("t", &["p_id bigint(20)"]);
    from.foreign_keys.push(refers("t_p_fkey", "p_id", "p"));
    let mut to = from.clone();
    to.foreign_keys[0].on_delete = "SET NULL".to_owned();
    to.indexes = vec![index("t_p_id_id_idx", &["p_id", "id"])];
    assert_eq!(
        between(&from, &to),
        [
            "ALTER TABLE `t` DROP FOREIGN KEY `t_p_fkey`",
            "ALTER TABLE `t` ADD INDEX `t_p_id_id_idx` (`p_id`, `id`)",
            "ALTER TABLE `t` ADD CONSTRAINT `t_p_fkey` FOREIGN KEY (`p_id`) REFERENCES `p` \
             (`id`) ON DELETE SET NULL ON UPDATE NO ACTION",
        ]
    );
}

#[test]
fn the_index_of_a_foreign_key_goes_with_it() {
    let mut from = table("t", &["p_id bigint(20)"]);
    from.foreign_keys.push(refers("t_p_fkey", "p_id", "p"));
    let to = table("t", &["p_id bigint(20)"]);
    assert_eq!(
        between(&from, &to),
        [
            "ALTER TABLE `t` DROP FOREIGN KEY `t_p_fkey`",
            "ALTER TABLE `t` DROP INDEX `t_p_fkey`",
        ]
    );
    let idx = index("t_p_id_idx", &["p_id"]);
    let (mut served, mut serves) = (from.clone(), to);
    served.indexes.push(idx.clone());
    serves.indexes.push(idx);
    assert_eq!(
        between(&served, &serves),
        [
            "ALTER TABLE `t` DROP FOREIGN KEY `t_p_fkey`",
            "ALTER TABLE `t` DROP INDEX IF EXISTS `t_p_fkey`",
        ]
    );
    // An index that a foreign key needs cannot go while it is there.
    let without = between(&served, &from);
    assert_eq!(
        without[..2],
        [
            "ALTER TABLE `t` DROP FOREIGN KEY `t_p_fkey`",
            "ALTER TABLE `t` DROP INDEX `t_p_id_idx`",
        ]
    );
    assert!(
        without[2].starts_with("ALTER TABLE `t` ADD CONSTRAINT `t_p_fkey`"),
        "{without:?}"
    );
}

#[test]
fn indexes_are_renamed_and_written_without_their_table() {
    let mut from = table("t", &["a int(11)"]);
    from.indexes = vec![index("old", &["a"])];
    let mut to = from.clone();
    to.indexes = vec![
        index("new", &["a"]),
        Index {
            method: Some("FULLTEXT".to_owned()),
            ..index("words", &["b"])
        },
        Index {
            unique: true,
            ..index("one", &["a", "id"])
        },
    ];
    assert_eq!(
        between(&from, &to),
        [
            "ALTER TABLE `t` RENAME INDEX `old` TO `new`, ADD FULLTEXT INDEX `words` (`b`), \
          ADD UNIQUE INDEX `one` (`a`, `id`)"
        ]
    );
}

#[test]
fn checks_of_a_column_change_with_it() {
    let of_column = |condition: &str| Check {
        options: vec!["COLUMN".to_owned()],
        ..check("a", condition)
    };
    let mut from = table("t", &["a int(11)"]);
    from.checks.push(of_column("`a` > 0"));
    let mut to = from.clone();
    to.checks = vec![of_column("`a` > 1")];
    assert_eq!(
        between(&from, &to),
        ["ALTER TABLE `t` MODIFY COLUMN `a` int(11) CHECK (`a` > 1)"]
    );
}

#[test]
fn options_comments_and_partitions() {
    let from = table("t", &["a varchar(10)"]);
    let mut to = from.clone();
    to.options = vec![
        "ENGINE=InnoDB".to_owned(),
        "DEFAULT CHARSET=utf8mb4".to_owned(),
        "PARTITION BY HASH (`id`)".to_owned(),
    ];
    to.comment = Some("so".to_owned());
    assert_eq!(
        between(&from, &to),
        [
            "ALTER TABLE `t` MODIFY COLUMN `id` bigint NOT NULL, MODIFY COLUMN `a` varchar(10), \
             COMMENT='so', ENGINE=InnoDB, DEFAULT CHARSET=utf8mb4",
            "ALTER TABLE `t` PARTITION BY HASH (`id`)",
        ]
    );
    let mut other = to.clone();
    to.options[2] = "ROW_FORMAT=DYNAMIC".to_owned();
    other.comment = None;
    assert_eq!(
        between(&to, &other),
        [
            "ALTER TABLE `t` COMMENT='', ROW_FORMAT=DEFAULT",
            "ALTER TABLE `t` PARTITION BY HASH (`id`)",
        ]
    );
    assert_eq!(
        between(&other, &to)[1],
        "ALTER TABLE `t` REMOVE PARTITIONING",
    );
}
