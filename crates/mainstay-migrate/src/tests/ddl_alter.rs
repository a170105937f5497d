use mainstay::schema::Dialect::{self, MariaDb, Postgres, Sqlite};

use super::tests::{act, name};
use super::*;

fn alter(dialect: Dialect, sql: &str) -> AlterTable {
    match act(dialect, sql) {
        Act::AlterTable(alter) => alter,
        other => panic!("{sql}: {other:?}"),
    }
}

fn action(dialect: Dialect, rest: &str) -> Action {
    let mut alter = alter(dialect, &format!("ALTER TABLE a {rest}"));
    assert_eq!(alter.actions.len(), 1, "{rest}: {:?}", alter.actions);
    alter.actions.remove(0)
}

#[test]
fn every_action_of_a_table_is_told_apart() {
    let add = |rest: &str| match action(Postgres, rest) {
        Action::AddColumn { column, .. } => column.name,
        other => panic!("{rest}: {other:?}"),
    };
    assert_eq!(add("ADD b int"), "b");
    assert_eq!(add("ADD COLUMN IF NOT EXISTS b int"), "b");
    assert_eq!(add("ADD COLUMN key text"), "key");
    assert_eq!(add("ADD index int"), "index");
    let renamed = Action::RenameColumn {
        from: "b".to_owned(),
        to: "c".to_owned(),
    };
    assert_eq!(action(Postgres, "RENAME COLUMN b TO c"), renamed);
    assert_eq!(action(Sqlite, "RENAME b TO c"), renamed);
    for table in ["RENAME TO c", "RENAME AS c", "RENAME c"] {
        assert_eq!(
            action(MariaDb, table),
            Action::RenameTable { to: name("c") }
        );
    }
    let column = || "b".to_owned();
    assert_eq!(
        action(Postgres, "ALTER b SET NOT NULL"),
        Action::SetNotNull { column: column() }
    );
    assert_eq!(
        action(Postgres, "ALTER COLUMN b DROP NOT NULL"),
        Action::DropNotNull { column: column() }
    );
    assert_eq!(
        action(Postgres, "ALTER b SET DEFAULT 1"),
        Action::AlterColumn
    );
    match action(Postgres, "ALTER b SET DATA TYPE varchar(5) USING b::text") {
        Action::SetType { ty, .. } => assert_eq!(ty.to_string(), "varchar(5)"),
        other => panic!("{other:?}"),
    }
    let named = || "b".to_owned();
    assert_eq!(
        action(Postgres, "DROP CONSTRAINT IF EXISTS b CASCADE"),
        Action::DropConstraint {
            name: named(),
            cascade: true
        }
    );
    assert_eq!(
        action(Postgres, "DROP b"),
        Action::DropColumn {
            name: named(),
            cascade: false
        }
    );
    assert_eq!(action(MariaDb, "DROP PRIMARY KEY"), Action::DropPrimaryKey);
    assert_eq!(
        action(MariaDb, "DROP FOREIGN KEY b"),
        Action::DropForeignKey { name: named() }
    );
    assert_eq!(
        action(MariaDb, "DROP KEY b"),
        Action::DropIndex { name: named() }
    );
    assert_eq!(
        action(Postgres, "VALIDATE CONSTRAINT b"),
        Action::ValidateConstraint { name: named() }
    );
    assert_eq!(
        action(MariaDb, "ENGINE=InnoDB"),
        Action::Engine {
            engine: "innodb".to_owned()
        }
    );
    assert_eq!(
        action(MariaDb, "CONVERT TO CHARACTER SET 'utf8'"),
        Action::Other,
        "a text in quotes is no name"
    );
    assert_eq!(
        action(MariaDb, "DEFAULT CHARACTER SET = utf8"),
        Action::Charset {
            charset: "utf8".to_owned(),
            converts: false
        }
    );
    assert_eq!(
        action(Postgres, "DETACH PARTITION s.b CONCURRENTLY"),
        Action::DetachPartition { concurrently: true }
    );
    assert_eq!(
        action(Postgres, "SET LOGGED"),
        Action::Rewrite {
            what: "SET LOGGED".to_owned()
        }
    );
    assert_eq!(action(Postgres, "ENABLE ROW LEVEL SECURITY"), Action::Other);
    assert_eq!(
        action(MariaDb, "ADD PARTITION (PARTITION p VALUES IN (1))"),
        Action::Other
    );
}

#[test]
fn several_actions_stand_between_commas() {
    let many = alter(
        MariaDb,
        "ALTER ONLINE TABLE IF EXISTS s.a WAIT 5 ADD (b INT DEFAULT (1, 2), c DECIMAL(5,2), KEY k (b)), \
         CHANGE d e VARCHAR(5) NOT NULL AFTER b, MODIFY COLUMN f INT, ADD UNIQUE u (b), \
         ALGORITHM=INPLACE, LOCK=NONE",
    );
    assert_eq!(many.table.schema.as_deref(), Some("s"));
    assert_eq!(many.algorithm.as_deref(), Some("inplace"));
    assert_eq!(many.actions.len(), 6, "{:#?}", many.actions);
    match &many.actions[3] {
        Action::Modify { old, column } => {
            assert_eq!((old.as_str(), column.name.as_str()), ("d", "e"));
            assert!(column.not_null);
        }
        other => panic!("{other:?}"),
    }
    match &many.actions[5] {
        Action::AddConstraint(constraint) => assert_eq!(constraint.name.as_deref(), Some("u")),
        other => panic!("{other:?}"),
    }
}
