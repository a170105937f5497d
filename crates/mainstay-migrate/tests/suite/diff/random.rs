//! Random schemas, their statements and rows.
//!
//! A schema is made of a row of bytes, one for each choice; 0 stands for the simplest, so that a
//! failing case shrinks to a simple one.

use super::targets::Engine;

/// A row of choices; zeros when it has run out.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl Choices<'_> {
    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or_default()) % limit
    }

    fn yes(&mut self) -> bool {
        self.below(2) == 1
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Schema {
    engine: Engine,
    pub(crate) tables: Vec<Table>,
    views: Vec<String>,
    wide_keys: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<Column>,
    /// Columns of the shape `other_id`, and what deleting the other does; none: no foreign key.
    refers: Vec<(&'static str, Option<&'static str>)>,
    constraints: Vec<String>,
    indexes: Vec<String>,
    trigger: Option<usize>,
    makes_keys: bool,
    strict: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) ty: &'static str,
    nullable: bool,
    default: bool,
    collated: bool,
    pub(crate) computed: Option<String>,
    comment: bool,
}

const TABLES: [&str; 4] = ["a", "b", "c", "d"];
const COLUMNS: [&str; 5] = ["k", "l", "m", "n", "o"];
const ACTIONS: [&str; 3] = ["CASCADE", "SET NULL", "RESTRICT"];

/// Types, numbers first.
fn types(engine: Engine) -> (&'static [&'static str], &'static [&'static str]) {
    match engine {
        Engine::Sqlite => (&["INTEGER", "REAL"], &["TEXT"]),
        Engine::Postgres => (
            &[
                "integer",
                "bigint",
                "smallint",
                "numeric(10,2)",
                "double precision",
            ],
            &["text", "varchar(20)", "varchar(10)"],
        ),
        Engine::MariaDb => (
            &[
                "int(11)",
                "bigint(20)",
                "smallint(6)",
                "decimal(10,2)",
                "double",
            ],
            &["varchar(40)", "varchar(20)", "varchar(30)"],
        ),
    }
}

impl Column {
    fn is_number(&self, engine: Engine) -> bool {
        types(engine).0.contains(&self.ty)
    }

    fn literal(&self, engine: Engine, number: usize) -> String {
        match self.is_number(engine) {
            true => number.to_string(),
            false => format!("'{number}'"),
        }
    }

    fn line(&self, engine: Engine) -> String {
        let mut line = format!("{} {}", self.name, self.ty);
        if self.collated && !self.is_number(engine) {
            line.push_str(match engine {
                Engine::Sqlite => " COLLATE NOCASE",
                Engine::Postgres => " COLLATE \"C\"",
                Engine::MariaDb => " COLLATE utf8mb4_bin",
            });
        }
        if let Some(expression) = &self.computed {
            return format!("{line} GENERATED ALWAYS AS ({expression}) STORED");
        }
        if !self.nullable {
            line.push_str(" NOT NULL");
        }
        if self.default {
            line.push_str(&format!(" DEFAULT {}", self.literal(engine, 5)));
        }
        if self.comment && engine == Engine::MariaDb {
            line.push_str(" COMMENT 'it''s so'");
        }
        line
    }
}

impl Schema {
    pub(crate) fn new(engine: Engine, bytes: &[u8]) -> Self {
        let mut choices = Choices(bytes.iter());
        let wide_keys = choices.yes();
        let names: Vec<&'static str> = TABLES
            .into_iter()
            .filter(|name| *name == "a" || choices.below(3) > 0)
            .collect();
        let tables: Vec<Table> = names
            .iter()
            .map(|name| table(engine, name, &names, &mut choices))
            .collect();
        let mut views = Vec::new();
        if choices.yes() {
            let column = tables[0].columns.first().map_or("id", |column| column.name);
            views.push(format!(
                "CREATE VIEW v AS SELECT id, {column} AS other FROM a"
            ));
            if choices.yes() {
                views.push("CREATE VIEW above_v AS SELECT id FROM v".to_owned());
            }
        }
        Self {
            engine,
            tables,
            views,
            wide_keys,
        }
    }

    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    fn key_type(&self) -> &'static str {
        match (self.engine, self.wide_keys) {
            (Engine::Sqlite, _) => "INTEGER",
            (Engine::Postgres, true) | (Engine::MariaDb, true) => "bigint",
            (Engine::Postgres, false) | (Engine::MariaDb, false) => "integer",
        }
    }

    /// The statements that make it.
    pub(crate) fn statements(&self) -> Vec<String> {
        let engine = self.engine;
        let mut out = Vec::new();
        let mut later = Vec::new();
        for table in &self.tables {
            let name = table.name;
            let mut lines = vec![self.key_line(table)];
            lines.extend(table.columns.iter().map(|column| column.line(engine)));
            for (other, _) in &table.refers {
                lines.push(format!("{other}_id {}", self.key_type()));
            }
            lines.extend(table.constraints.iter().cloned());
            for (other, action) in &table.refers {
                let Some(action) = action else { continue };
                let key = format!(
                    "CONSTRAINT {name}_{other}_fkey FOREIGN KEY ({other}_id) REFERENCES {other} \
                     (id) ON DELETE {action}"
                );
                match engine {
                    Engine::Sqlite => lines.push(key),
                    _ => later.push(format!("ALTER TABLE {name} ADD {key}")),
                }
            }
            let strict = if table.strict { " STRICT" } else { "" };
            out.push(format!(
                "CREATE TABLE {name} ({}){strict}",
                lines.join(", ")
            ));
            later.extend(table.indexes.iter().cloned());
            later.extend(self.trigger(table));
            let commented = table.columns.iter().filter(|column| column.comment);
            if engine == Engine::Postgres {
                later.extend(commented.map(|column| {
                    format!("COMMENT ON COLUMN {name}.{} IS 'it''s so'", column.name)
                }));
            }
        }
        if engine == Engine::Postgres && self.tables.iter().any(|t| t.trigger.is_some()) {
            out.push(
                "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; \
                 END $$"
                    .to_owned(),
            );
        }
        out.extend(later);
        out.extend(self.views.iter().cloned());
        out
    }

    fn key_line(&self, table: &Table) -> String {
        let name = table.name;
        let ty = self.key_type();
        let named = format!("CONSTRAINT {name}_pkey PRIMARY KEY");
        match (self.engine, table.makes_keys) {
            (Engine::Sqlite, true) => format!("id {ty} NOT NULL {named} AUTOINCREMENT"),
            (Engine::Postgres, true) => {
                format!("id {ty} NOT NULL GENERATED BY DEFAULT AS IDENTITY {named}")
            }
            (Engine::MariaDb, true) => format!("id {ty} NOT NULL AUTO_INCREMENT PRIMARY KEY"),
            (Engine::MariaDb, false) => format!("id {ty} NOT NULL PRIMARY KEY"),
            (_, false) => format!("id {ty} NOT NULL {named}"),
        }
    }

    fn trigger(&self, table: &Table) -> Option<String> {
        let name = table.name;
        let variant = table.trigger?;
        Some(match self.engine {
            Engine::Sqlite => format!(
                "CREATE TRIGGER {name}_touch AFTER UPDATE ON {name} BEGIN UPDATE a SET id = id \
                 WHERE id = -{variant}; END"
            ),
            Engine::Postgres => format!(
                "CREATE TRIGGER {name}_touch {} UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION \
                 touch()",
                ["BEFORE", "AFTER"][variant % 2]
            ),
            Engine::MariaDb => format!(
                "CREATE TRIGGER {name}_touch BEFORE UPDATE ON {name} FOR EACH ROW SET NEW.id = \
                 NEW.id + {variant} - {variant}"
            ),
        })
    }

    /// Three rows for each table, as they can be in this schema and the next.
    pub(crate) fn rows(&self, next: &Self) -> Vec<String> {
        let mut out = Vec::new();
        let mut later = Vec::new();
        for table in &self.tables {
            let next = next.table(table.name);
            let plain: Vec<&Column> = table
                .columns
                .iter()
                .filter(|column| column.computed.is_none())
                .collect();
            let mut names = vec!["id".to_owned()];
            names.extend(plain.iter().map(|column| column.name.to_owned()));
            for id in 1..=3 {
                let mut values = vec![id.to_string()];
                for column in &plain {
                    let then = next.and_then(|t| t.columns.iter().find(|c| c.name == column.name));
                    let may_be_null = column.nullable && then.is_none_or(|then| then.nullable);
                    values.push(match may_be_null && id == 2 {
                        true => "NULL".to_owned(),
                        false => column.literal(self.engine, id),
                    });
                }
                out.push(format!(
                    "INSERT INTO {} ({}) VALUES ({})",
                    table.name,
                    names.join(", "),
                    values.join(", ")
                ));
            }
            for (other, _) in &table.refers {
                if self.table(other).is_some() {
                    let name = table.name;
                    later.push(format!("UPDATE {name} SET {other}_id = id WHERE id < 3"));
                }
            }
        }
        out.extend(later);
        out
    }

    /// The statements that delete all rows.
    pub(crate) fn emptied(&self) -> Vec<String> {
        let mut out = Vec::new();
        for table in &self.tables {
            for (other, _) in &table.refers {
                out.push(format!("UPDATE {} SET {other}_id = NULL", table.name));
            }
        }
        out.extend(
            self.tables
                .iter()
                .map(|table| format!("DELETE FROM {}", table.name)),
        );
        out
    }
}

fn table(
    engine: Engine,
    name: &'static str,
    tables: &[&'static str],
    choices: &mut Choices<'_>,
) -> Table {
    let makes_keys = choices.yes();
    // MariaDB lets no expression mention a column whose values it makes.
    let key = match (engine, makes_keys) {
        (Engine::MariaDb, true) => "7",
        _ => "id",
    };
    let mut columns: Vec<Column> = Vec::new();
    for column in COLUMNS {
        if choices.below(3) > 0 {
            columns.push(plain_column(engine, column, choices));
        }
    }
    if choices.below(3) == 2 {
        let base = columns.first().filter(|_| choices.yes());
        let expression = match base {
            Some(base) if base.is_number(engine) => format!("{} + 1", base.name),
            _ => format!("{key} {}", ["+ 1", "* 2"][choices.below(2)]),
        };
        columns.push(Column {
            name: "g",
            ty: types(engine).0[0],
            nullable: true,
            default: false,
            collated: false,
            computed: Some(expression),
            comment: false,
        });
    }
    let mut refers = Vec::new();
    for other in TABLES {
        if choices.below(3) == 2 {
            let action = ACTIONS[choices.below(3)];
            let is_key = choices.yes() && tables.contains(&other);
            refers.push((other, is_key.then_some(action)));
        }
    }
    let mut constraints = Vec::new();
    let mut indexes = Vec::new();
    for column in columns.iter().filter(|column| column.computed.is_none()) {
        let on = column.name;
        // A default would be the same in all rows that are there.
        let may_be_unique = !column.default;
        match choices.below(6) {
            1 if may_be_unique => {
                constraints.push(format!("CONSTRAINT {name}_{on}_key UNIQUE ({on})"));
            }
            2 => constraints.push(format!("CONSTRAINT {name}_{on}_key UNIQUE ({on}, id)")),
            3 if may_be_unique => {
                constraints.push(format!("CONSTRAINT {name}_one_{on}_key UNIQUE ({on})"));
            }
            _ => {}
        }
        let condition = match (choices.below(5), column.is_number(engine)) {
            (1, true) => Some(format!("{on} >= 0")),
            (1, false) => Some(format!("{on} <> ''")),
            (2, _) => Some(format!("{on} IS NULL OR {key} > 0")),
            _ => None,
        };
        if let Some(condition) = condition {
            constraints.push(format!("CONSTRAINT {name}_{on}_check CHECK ({condition})"));
        }
        match (choices.below(6), engine) {
            (1, _) => indexes.push(format!("CREATE INDEX {name}_{on}_idx ON {name} ({on})")),
            (2, _) => indexes.push(format!("CREATE INDEX {name}_{on}_idx ON {name} ({on}, id)")),
            (3, _) => indexes.push(format!("CREATE INDEX {name}_{on}_by ON {name} ({on} DESC)")),
            (4, Engine::Sqlite | Engine::Postgres) if may_be_unique => indexes.push(format!(
                "CREATE UNIQUE INDEX {name}_{on}_idx ON {name} ({on}) WHERE {on} IS NOT NULL"
            )),
            _ => {}
        }
    }
    for (other, _) in &refers {
        if choices.yes() {
            indexes.push(format!(
                "CREATE INDEX {name}_{other}_idx ON {name} ({other}_id)"
            ));
        }
    }
    let trigger = (choices.below(4) == 3).then(|| choices.below(3));
    Table {
        name,
        columns,
        refers,
        constraints,
        indexes,
        trigger,
        makes_keys,
        strict: engine == Engine::Sqlite && choices.yes(),
    }
}

fn plain_column(engine: Engine, name: &'static str, choices: &mut Choices<'_>) -> Column {
    let (numbers, texts) = types(engine);
    let ty = choices.below(numbers.len() + texts.len());
    let ty = numbers
        .iter()
        .chain(texts)
        .nth(ty)
        .copied()
        .unwrap_or(numbers[0]);
    let nullable = choices.below(3) > 0;
    Column {
        name,
        ty,
        nullable,
        // What is added as NOT NULL needs something for the rows that are there.
        default: !nullable || choices.yes(),
        collated: choices.below(3) == 2,
        computed: None,
        comment: engine != Engine::Sqlite && choices.below(4) == 3,
    }
}
