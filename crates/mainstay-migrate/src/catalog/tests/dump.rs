use mainstay::schema::Dialect::{self, MariaDb, Postgres, Sqlite};

use super::*;
use crate::catalog::{Column, ForeignKey, Other, Trigger, View};
use crate::split::split;

fn table(name: &str, refers_to: &[&str]) -> Table {
    Table {
        name: name.to_owned(),
        columns: vec![Column {
            name: "id".to_owned(),
            ty: "bigint".to_owned(),
            collation: None,
            nullable: false,
            default: None,
            identity: None,
            generated: None,
            on_update: None,
            comment: None,
        }],
        primary_key: None,
        uniques: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: refers_to
            .iter()
            .map(|references| ForeignKey {
                name: Some(format!("{name}_{references}")),
                columns: vec!["id".to_owned()],
                references: (*references).to_owned(),
                referenced_columns: vec!["id".to_owned()],
                on_delete: "CASCADE".to_owned(),
                on_update: "NO ACTION".to_owned(),
                options: Vec::new(),
            })
            .collect(),
        checks: Vec::new(),
        triggers: Vec::new(),
        options: Vec::new(),
        comment: None,
    }
}

fn other(kind: &str, name: &str, definition: &str) -> Other {
    Other {
        kind: kind.to_owned(),
        name: name.to_owned(),
        definition: definition.to_owned(),
    }
}

fn heads(statements: &[String]) -> Vec<String> {
    let head = |sql: &String| {
        sql.lines()
            .next()
            .unwrap_or_default()
            .trim_end_matches(" (")
            .to_owned()
    };
    statements.iter().map(head).collect()
}

fn catalog(dialect: Dialect, tables: Vec<Table>) -> Catalog {
    Catalog {
        tables,
        ..Catalog::empty(dialect)
    }
}

#[test]
fn tables_come_behind_those_they_refer_to() {
    let tables = vec![table("a", &["c"]), table("b", &["b"]), table("c", &["b"])];
    let statements = statements(&catalog(Postgres, tables));
    assert_eq!(
        heads(&statements),
        [
            "CREATE TABLE \"b\"",
            "CREATE TABLE \"c\"",
            "CREATE TABLE \"a\""
        ]
    );
    assert_eq!(
        statements[1],
        "CREATE TABLE \"c\" (\n    \"id\" bigint NOT NULL,\n    \
         CONSTRAINT \"c_b\" FOREIGN KEY (\"id\") REFERENCES \"b\" (\"id\") ON DELETE CASCADE\n)"
    );
}

#[test]
fn a_circle_is_closed_behind_the_tables() {
    let tables = || vec![table("a", &["b"]), table("b", &["a"])];
    let closed = statements(&catalog(MariaDb, tables()));
    assert_eq!(
        heads(&closed),
        [
            "CREATE TABLE `a`",
            "CREATE TABLE `b`",
            "ALTER TABLE `a` ADD CONSTRAINT `a_b` FOREIGN KEY (`id`) REFERENCES `b` (`id`) \
             ON DELETE CASCADE ON UPDATE NO ACTION",
        ]
    );
    // SQLite looks for the table only when it writes.
    let inside = statements(&catalog(Sqlite, tables()));
    assert_eq!(inside.len(), 2);
    assert!(inside.iter().all(|sql| sql.contains("FOREIGN KEY")));
}

#[test]
fn a_circle_is_opened_at_one_of_its_own() {
    let tables = vec![table("a", &["b"]), table("b", &["c"]), table("c", &["b"])];
    let statements = statements(&catalog(Postgres, tables));
    let heads = heads(&statements);
    assert_eq!(
        heads[..3],
        [
            "CREATE TABLE \"b\"",
            "CREATE TABLE \"c\"",
            "CREATE TABLE \"a\""
        ]
    );
    assert!(
        heads[3].starts_with("ALTER TABLE \"b\" ADD CONSTRAINT \"b_c\""),
        "{heads:?}"
    );
    assert_eq!(heads.len(), 4);
}

#[test]
fn what_is_needed_comes_first() {
    let mut tables = vec![table("events", &[])];
    tables[0].columns[0].ty = "mood".to_owned();
    tables[0].columns[0].default = Some("nextval('\"Numbers\"'::regclass)".to_owned());
    tables[0].triggers = vec![Trigger {
        name: "t".to_owned(),
        definition: "CREATE TRIGGER t BEFORE INSERT ON events EXECUTE FUNCTION touch()".to_owned(),
    }];
    let mut catalog = catalog(Postgres, tables);
    let view = |name: &str, from: &str| View {
        name: name.to_owned(),
        definition: format!("CREATE VIEW \"{name}\" AS SELECT * FROM {from}"),
    };
    catalog.views = vec![view("a_view", "z_view"), view("z_view", "events")];
    catalog.others = vec![
        other(
            "FUNCTION",
            "all_events()",
            "CREATE FUNCTION all_events() RETURNS SETOF events LANGUAGE sql AS $$SELECT * FROM a_view$$",
        ),
        other(
            "FUNCTION",
            "first()",
            "CREATE FUNCTION first() AS $f$ DECLARE one events%ROWTYPE; BEGIN z_view; END $f$",
        ),
        other(
            "FUNCTION",
            "touch()",
            "CREATE FUNCTION touch() RETURNS trigger AS $$ a_view $$ LANGUAGE plpgsql",
        ),
        other(
            "SEQUENCE",
            "Numbers",
            "CREATE SEQUENCE \"Numbers\" AS integer OWNED BY events.id",
        ),
        other("TYPE", "mood", "CREATE TYPE mood AS ENUM ('good')"),
    ];
    assert_eq!(
        heads(&statements(&catalog)),
        [
            "CREATE TYPE mood AS ENUM ('good')",
            "CREATE SEQUENCE \"Numbers\" AS integer",
            "CREATE FUNCTION touch() RETURNS trigger AS $$ a_view $$ LANGUAGE plpgsql",
            "CREATE TABLE \"events\"",
            // Its variable is of the table's type.
            "CREATE FUNCTION first() AS $f$ DECLARE one events%ROWTYPE; BEGIN z_view; END $f$",
            "CREATE VIEW \"z_view\" AS SELECT * FROM events",
            "CREATE VIEW \"a_view\" AS SELECT * FROM z_view",
            "CREATE FUNCTION all_events() RETURNS SETOF events LANGUAGE sql AS $$SELECT * FROM a_view$$",
            "ALTER SEQUENCE \"Numbers\" OWNED BY events.id",
            "CREATE TRIGGER t BEFORE INSERT ON events EXECUTE FUNCTION touch()",
        ]
    );
}

#[test]
fn a_partition_is_attached_behind_its_indexes() {
    let mut part = table("a_part", &[]);
    part.options = vec![
        "UNLOGGED".to_owned(),
        "PARTITION OF whole FOR VALUES FROM (1) TO (2)".to_owned(),
        "WITH (fillfactor=70)".to_owned(),
        "ENABLE ROW LEVEL SECURITY".to_owned(),
    ];
    part.comment = Some("it's".to_owned());
    let mut whole = table("whole", &[]);
    whole.options = vec!["PARTITION BY RANGE (id)".to_owned()];
    assert_eq!(
        statements(&catalog(Postgres, vec![part, whole])),
        [
            "CREATE TABLE \"whole\" (\n    \"id\" bigint NOT NULL\n) PARTITION BY RANGE (id)",
            "CREATE UNLOGGED TABLE \"a_part\" (\n    \"id\" bigint NOT NULL\n) WITH (fillfactor=70)",
            "COMMENT ON TABLE \"a_part\" IS 'it''s'",
            "ALTER TABLE whole ATTACH PARTITION \"a_part\" FOR VALUES FROM (1) TO (2)",
            "ALTER TABLE \"a_part\" ENABLE ROW LEVEL SECURITY",
        ]
    );
}

#[test]
fn a_dump_can_be_split_again() {
    let mut tables = vec![table("a", &[])];
    tables[0].triggers = vec![Trigger {
        name: "t".to_owned(),
        definition: "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; SELECT 1; END"
            .to_owned(),
    }];
    let catalog = catalog(Sqlite, tables);
    let text = dump(&catalog);
    let found = split(Sqlite, &text).expect("the dump can be split");
    let found: Vec<_> = found
        .iter()
        .map(|statement| statement.text.to_owned())
        .collect();
    assert_eq!(found, statements(&catalog));
    assert!(text.ends_with("END;\n"), "{text}");
}
