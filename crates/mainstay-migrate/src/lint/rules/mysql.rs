//! What only MariaDB and MySQL have: statements that commit by themselves, changes that stop writes,
//! engines and character sets.

use mainstay::schema::Dialect;

use super::change::forbids_copy;
use super::rule::{Example, MYSQL, Rule, Weight};
use crate::ddl::{Act, Action, AlterTable, ConstraintKind, Dropped};
use crate::lint::context::{Context, Hit};
use crate::lint::report::Severity;

pub(super) const RULES: &[&Rule] = &[&MIXED, &SEVERAL_DDL, &BLOCKS_WRITES, &CHARSET, &ENGINE];

const IMPLICIT_COMMIT: &str =
    "https://mariadb.com/kb/en/sql-statements-that-cause-an-implicit-commit/";

const SLOW_INDEX: &str = "every row is read for an index of its own kind";

/// Whether a statement changes something that was there before, and commits by that.
fn changes_old(context: &Context<'_>, act: &Act) -> bool {
    match act {
        Act::AlterTable(alter) => context.is_old(&alter.table),
        Act::CreateIndex(index) => context.is_old(&index.table),
        Act::Drop(drop) => match (&drop.on, drop.what) {
            (Some(table), _) => context.is_old(table),
            (None, Dropped::Table) => drop.names.iter().any(|name| context.is_old(name)),
            (None, _) => true,
        },
        Act::RenameTables(renames) => renames.iter().any(|(from, _)| context.is_old(from)),
        Act::Truncate { tables, .. } => tables.iter().any(|table| context.is_old(table)),
        _ => false,
    }
}

/// Whether a statement writes rows of a table that was there before.
fn writes_old(context: &Context<'_>, act: &Act) -> bool {
    match act {
        Act::Insert { table, .. } | Act::Update { table, .. } | Act::Delete { table, .. } => {
            context.is_old(table)
        }
        _ => false,
    }
}

static MIXED: Rule = Rule {
    id: "mixed-migration",
    severity: Severity::Warning,
    dialects: MYSQL,
    summary: "Rows written beside changes of tables",
    why: "Every change of a table commits what came before it. When a later statement fails, the \
          rows stay written and nothing undoes them.",
    source: Some(IMPLICIT_COMMIT),
    rewrite: "Change tables in one migration and write rows in another.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::MariaDb,
        before: "",
        fires: "ALTER TABLE users ADD COLUMN locale VARCHAR(10);\n\
                UPDATE users SET locale = 'en' WHERE locale IS NULL;",
        passes: "CREATE TABLE locales (id VARCHAR(10) PRIMARY KEY);\n\
                 INSERT INTO locales VALUES ('en');",
    }],
    check: |context| {
        let commits = |act: &Act| {
            matches!(act, Act::CreateTable(create) if !create.temporary)
                || changes_old(context, act)
        };
        let first = writes_old(context, context.act())
            && !context
                .earlier()
                .iter()
                .any(|step| writes_old(context, &step.act));
        let mut steps = context.script.steps.iter();
        let Some(ddl) = steps.find(|step| commits(&step.act)).filter(|_| first) else {
            return Vec::new();
        };
        let message = format!("line {} commits by itself", ddl.statement.line);
        let rewrite = format!("-- in a migration of its own\n{};", context.text());
        vec![Hit::new(message, rewrite)]
    },
};

static SEVERAL_DDL: Rule = Rule {
    id: "several-changes",
    severity: Severity::Warning,
    dialects: MYSQL,
    summary: "Several changes of tables in use in one migration",
    why: "Each commits by itself: when the second fails, the first stands, and no rollback takes \
          it back. Several changes of one table also rebuild it several times.",
    source: Some(IMPLICIT_COMMIT),
    rewrite: "Put the changes of one table into one ALTER TABLE, and those of others into \
              migrations of their own.",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::MariaDb,
        before: "",
        fires: "ALTER TABLE users ADD COLUMN locale VARCHAR(10);\n\
                ALTER TABLE users ADD COLUMN tone VARCHAR(10);",
        passes: "ALTER TABLE users\n    ADD COLUMN locale VARCHAR(10),\n    \
                 ADD COLUMN tone VARCHAR(10);\n\
                 CREATE TABLE tones (id VARCHAR(10) PRIMARY KEY);\n\
                 CREATE INDEX tones_id_idx ON tones (id, id);",
    }],
    check: |context| {
        let mut before = context
            .earlier()
            .iter()
            .filter(|step| changes_old(context, &step.act));
        let (Some(first), None) = (before.next(), before.next()) else {
            return Vec::new();
        };
        if !changes_old(context, context.act()) {
            return Vec::new();
        }
        let message = format!(
            "if this fails, line {} stands all the same",
            first.statement.line
        );
        let rewrite = match (&first.act, context.act()) {
            (Act::AlterTable(one), Act::AlterTable(two)) if one.table == two.table => format!(
                "{},\n    ... -- with the actions of line {} in front",
                context.text(),
                first.statement.line
            ),
            _ => format!("-- in a migration of its own\n{};", context.text()),
        };
        vec![Hit::new(message, rewrite)]
    },
};

/// Whether an index is of a kind that is built while nobody may write.
fn is_slow(definition: &str) -> bool {
    let first = definition.split_whitespace().next().unwrap_or_default();
    ["fulltext", "spatial"].contains(&first.to_ascii_lowercase().as_str())
}

/// Why nobody may write to the table while an action is carried out, in words.
fn stopped_for(context: &Context<'_>, alter: &AlterTable, action: &Action) -> Option<String> {
    let adds_key = || {
        alter.actions.iter().any(|action| match action {
            Action::AddConstraint(added) => {
                matches!(added.kind, ConstraintKind::PrimaryKey { .. })
            }
            _ => false,
        })
    };
    // Said in SET STATEMENT in front, the check of old rows is left out.
    let unchecked = || {
        context
            .text()
            .to_ascii_lowercase()
            .contains("foreign_key_checks")
    };
    match action {
        Action::Charset {
            charset,
            converts: true,
        } => Some(format!("every text is converted to {charset}")),
        Action::AddConstraint(added) => match &added.kind {
            ConstraintKind::ForeignKey { references, .. } if !unchecked() => {
                Some(format!("every row is looked up in {}", references.to.name))
            }
            ConstraintKind::Check { .. } => Some("every row is checked".to_owned()),
            ConstraintKind::Index { .. } if is_slow(&added.text) => Some(SLOW_INDEX.to_owned()),
            _ => None,
        },
        Action::DropPrimaryKey if !adds_key() => Some("rows are ordered by the key".to_owned()),
        Action::AddColumn { column, .. } if column.identity => {
            Some(format!("every row is numbered in {}", column.name))
        }
        Action::AddColumn { column, .. } if column.generated == Some(true) => {
            Some(format!("{} is computed and stored", column.name))
        }
        // MySQL reads REFERENCES of a column and does nothing about it.
        Action::AddColumn { column, .. } if context.dialect == Dialect::MariaDb => {
            let to = &column.references.as_ref()?.to;
            Some(format!("every row is looked up in {}", to.name))
        }
        Action::Engine { engine } if engine != "innodb" => {
            Some(format!("rows are moved to {engine}"))
        }
        Action::Rewrite { what } if !what.eq_ignore_ascii_case("force") => {
            Some(format!("{what} stores rows in another way"))
        }
        _ => None,
    }
}

static BLOCKS_WRITES: Rule = Rule {
    id: "alter-blocks-writes",
    severity: Severity::Error,
    dialects: MYSQL,
    summary: "A change during which nobody may write to the table",
    why: "What InnoDB cannot do in place is done by ALGORITHM=COPY: the whole table is written \
          anew, and every write waits until that is done. Full-text and spatial indexes and the \
          numbering of rows stop writes too.",
    source: Some("https://mariadb.com/kb/en/innodb-online-ddl-overview/"),
    rewrite: "Let gh-ost or pt-online-schema-change do it. With ALGORITHM=INPLACE, LOCK=NONE the \
              server refuses rather than stop writes.",
    weight: Weight::Rows,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "ALTER TABLE goals ADD CONSTRAINT goals_user_id_fkey\n    \
                    FOREIGN KEY (user_id) REFERENCES users (id);",
            passes: "SET STATEMENT foreign_key_checks = 0 FOR ALTER TABLE goals\n    \
                     ADD CONSTRAINT goals_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id);",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "CREATE FULLTEXT INDEX goals_title_idx ON goals (title);",
            passes: "CREATE INDEX goals_title_idx ON goals (title);",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "ALTER TABLE users CONVERT TO CHARACTER SET utf8mb4;",
            passes: "ALTER TABLE users DEFAULT CHARACTER SET utf8mb4;",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "ALTER TABLE users ADD COLUMN locale VARCHAR(10), ALGORITHM=COPY;",
            passes: "ALTER TABLE users ADD COLUMN locale VARCHAR(10), ALGORITHM=INSTANT;",
        },
    ],
    check: |context| {
        if let Act::CreateIndex(index) = context.act()
            && index.special
            && context.is_old(&index.table)
        {
            let name = &index.table.name;
            let message = format!("nobody may write to {name} meanwhile, because {SLOW_INDEX}");
            return vec![Hit::new(message, BLOCKS_WRITES.rewrite).on(&index.table)];
        }
        let Some(alter) = context.alter() else {
            return Vec::new();
        };
        let algorithm = alter.algorithm.as_deref();
        if forbids_copy(algorithm) {
            return Vec::new();
        }
        let actions = &alter.actions;
        let cause = if algorithm == Some("copy") {
            Some("ALGORITHM=COPY asks for it".to_owned())
        } else {
            let mut causes = actions
                .iter()
                .filter_map(|action| stopped_for(context, alter, action));
            causes.next()
        };
        let Some(cause) = cause else {
            return Vec::new();
        };
        let foreign_key = actions.iter().any(|action| match action {
            Action::AddConstraint(added) => {
                matches!(added.kind, ConstraintKind::ForeignKey { .. })
            }
            _ => false,
        });
        let rewrite = if algorithm == Some("copy") {
            "-- leave ALGORITHM=COPY out, or say ALGORITHM=INPLACE, LOCK=NONE".to_owned()
        } else if foreign_key && context.dialect == Dialect::MariaDb {
            format!(
                "-- after a look that every row has its counterpart\n\
                 SET STATEMENT foreign_key_checks = 0 FOR {}, ALGORITHM=INPLACE, LOCK=NONE;",
                context.text()
            )
        } else {
            BLOCKS_WRITES.rewrite.to_owned()
        };
        let message = format!(
            "nobody may write to {} meanwhile, because {cause}",
            alter.table.name
        );
        vec![Hit::new(message, rewrite).on(&alter.table)]
    },
};

static CHARSET: Rule = Rule {
    id: "legacy-charset",
    severity: Severity::Warning,
    dialects: MYSQL,
    summary: "A character set that cannot hold every character",
    why: "utf8 means utf8mb3 here, which has no characters of four bytes, and latin1 has Western \
          letters only: inserts of anything else fail.",
    source: Some("https://mariadb.com/kb/en/supported-character-sets-and-collations/"),
    rewrite: "CHARACTER SET utf8mb4",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "CREATE TABLE notes (id BIGINT PRIMARY KEY) DEFAULT CHARSET=utf8;",
            passes: "CREATE TABLE notes (id BIGINT PRIMARY KEY) DEFAULT CHARSET=utf8mb4;",
        },
        Example {
            dialect: Dialect::MariaDb,
            before: "",
            fires: "ALTER TABLE notes ADD COLUMN body VARCHAR(100) CHARACTER SET latin1;",
            passes: "ALTER TABLE notes ADD COLUMN body VARCHAR(100) CHARACTER SET utf8mb4;",
        },
    ],
    check: |context| {
        let mut used: Vec<&str> = Vec::new();
        match context.act() {
            Act::CreateTable(create) => {
                used.extend(create.charset.as_deref());
                used.extend(create.columns.iter().filter_map(|c| c.charset.as_deref()));
            }
            Act::AlterTable(alter) => {
                used.extend(alter.actions.iter().filter_map(|action| match action {
                    Action::Charset { charset, .. } => Some(charset.as_str()),
                    Action::AddColumn { column, .. } | Action::Modify { column, .. } => {
                        column.charset.as_deref()
                    }
                    _ => None,
                }));
            }
            _ => {}
        }
        let legacy = [
            "utf8", "utf8mb3", "latin1", "latin2", "ucs2", "cp1250", "cp1251",
        ];
        let Some(found) = used.into_iter().find(|name| legacy.contains(name)) else {
            return Vec::new();
        };
        let message = format!("{found} cannot hold every character");
        vec![Hit::new(message, CHARSET.rewrite)]
    },
};

static ENGINE: Rule = Rule {
    id: "engine-not-innodb",
    severity: Severity::Error,
    dialects: MYSQL,
    summary: "A table of another engine than InnoDB",
    why: "MyISAM, Aria, MEMORY and their like have no transactions and no foreign keys: half of a \
          failed transaction stays, and a crash may lose rows.",
    source: Some("https://mariadb.com/kb/en/choosing-the-right-storage-engine/"),
    rewrite: "ENGINE=InnoDB",
    weight: Weight::Any,
    needs_entities: false,
    examples: &[Example {
        dialect: Dialect::MariaDb,
        before: "",
        fires: "CREATE TABLE logs (id BIGINT PRIMARY KEY) ENGINE=MyISAM;",
        passes: "CREATE TABLE logs (id BIGINT PRIMARY KEY) ENGINE=InnoDB;",
    }],
    check: |context| {
        let engine = match context.act() {
            Act::CreateTable(create) if !create.temporary => create.engine.as_deref(),
            Act::AlterTable(alter) => alter.actions.iter().find_map(|action| match action {
                Action::Engine { engine } => Some(engine.as_str()),
                _ => None,
            }),
            _ => None,
        };
        match engine.filter(|engine| *engine != "innodb") {
            Some(engine) => {
                vec![Hit::new(
                    format!("{engine} has no transactions"),
                    ENGINE.rewrite,
                )]
            }
            None => Vec::new(),
        }
    },
};
