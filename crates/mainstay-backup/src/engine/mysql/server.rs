//! What is asked of the server.

use mainstay::schema::Dialect;
use mainstay::{Database, Error, ErrorKind, Result};

use super::quote;
use crate::engine::users::User;

/// A server, as far as a backup needs to know it.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) version: String,
    pub(super) dialect: Dialect,
    /// Whether it writes a binary log.
    pub(super) has_log: bool,
}

/// The character set and collation that new tables of a database get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Defaults {
    character_set: String,
    collation: String,
}

impl Defaults {
    /// As it stands in CREATE DATABASE and ALTER DATABASE.
    pub(super) fn clause(&self) -> String {
        format!(
            "CHARACTER SET {} COLLATE {}",
            self.character_set, self.collation
        )
    }

    /// Those of a database that Mainstay makes.
    pub(super) fn usual(dialect: Dialect) -> Self {
        Self {
            character_set: "utf8mb4".to_owned(),
            collation: match dialect {
                Dialect::MySql => "utf8mb4_0900_bin",
                _ => "utf8mb4_nopad_bin",
            }
            .to_owned(),
        }
    }
}

/// A table, view or sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) name: String,
    /// As the server calls it: BASE TABLE, SYSTEM VERSIONED, SEQUENCE, VIEW.
    pub(super) kind: String,
    pub(super) engine: Option<String>,
}

impl Item {
    pub(super) fn is_view(&self) -> bool {
        self.kind.contains("VIEW")
    }

    pub(super) fn is_versioned(&self) -> bool {
        self.kind == "SYSTEM VERSIONED"
    }

    pub(super) fn is_table(&self) -> bool {
        !self.is_view() && self.kind != "SEQUENCE"
    }
}

/// What the server is.
pub(super) async fn facts(db: &Database) -> Result<Facts> {
    let rows = db
        .sql("SELECT VERSION(), @@log_bin")
        .fetch_with(|row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?)))
        .await?;
    let (version, log) = rows.into_iter().next().ok_or_else(no_answer)?;
    Ok(Facts {
        version,
        dialect: db.dialect(),
        has_log: log != 0,
    })
}

fn no_answer() -> Error {
    Error::new(ErrorKind::Decode, "the server answered with no row")
}

/// The defaults of a database. `None` if there is no such database.
pub(super) async fn defaults(db: &Database, name: &str) -> Result<Option<Defaults>> {
    let rows = db
        .sql(
            "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME \
             FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?",
        )
        .bind(name)
        .fetch_with(|row| {
            Ok(Defaults {
                character_set: row.get(0)?,
                collation: row.get(1)?,
            })
        })
        .await?;
    Ok(rows.into_iter().next())
}

/// The tables, views and sequences of a database, by name.
pub(super) async fn items(db: &Database, name: &str) -> Result<Vec<Item>> {
    db.sql(
        "SELECT TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = ? AND TABLE_TYPE <> 'TEMPORARY' ORDER BY TABLE_NAME",
    )
    .bind(name)
    .fetch_with(|row| {
        Ok(Item {
            name: row.get(0)?,
            kind: row.get(1)?,
            engine: row.get(2)?,
        })
    })
    .await
}

/// About how many bytes the rows of a database have.
pub(super) async fn size(db: &Database, name: &str) -> Result<Option<u64>> {
    let size: Option<i64> = db
        .sql(
            "SELECT CAST(SUM(DATA_LENGTH) AS SIGNED) FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = ?",
        )
        .bind(name)
        .scalar()
        .await?;
    Ok(size.and_then(|size| u64::try_from(size).ok()))
}

/// The names of things of one kind in a database.
async fn names(db: &Database, sql: &'static str, database: &str) -> Result<Vec<String>> {
    db.sql(sql)
        .bind(database)
        .fetch_with(|row| row.get::<String>(0))
        .await
}

/// The triggers of a database.
pub(super) async fn triggers(db: &Database, database: &str) -> Result<Vec<String>> {
    let sql = "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ?";
    names(db, sql, database).await
}

/// The events of a database.
pub(super) async fn events(db: &Database, database: &str) -> Result<Vec<String>> {
    let sql = "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ?";
    names(db, sql, database).await
}

/// The events of a database that are in a state, as the server calls it.
pub(super) async fn events_in(
    db: &Database,
    database: &str,
    state: &'static str,
) -> Result<Vec<String>> {
    db.sql("SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ? AND STATUS = ?")
        .bind(database)
        .bind(state)
        .fetch_with(|row| row.get::<String>(0))
        .await
}

/// The names of all databases.
pub(super) async fn databases(db: &Database) -> Result<Vec<String>> {
    db.sql("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA ORDER BY SCHEMA_NAME")
        .fetch_with(|row| row.get::<String>(0))
        .await
}

/// The procedures, functions and packages of a database: what it is, and its name. Bodies of
/// packages go with their packages.
pub(super) async fn routines(db: &Database, database: &str) -> Result<Vec<(String, String)>> {
    db.sql(
        "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES \
         WHERE ROUTINE_SCHEMA = ? AND ROUTINE_TYPE <> 'PACKAGE BODY'",
    )
    .bind(database)
    .fetch_with(|row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)))
    .await
}

/// A session that has a database chosen.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: i64,
    pub(super) user: User,
}

/// The sessions that have a database chosen. Without the right PROCESS these are only those of the
/// same user.
pub(super) async fn sessions(db: &Database, database: &str) -> Result<Vec<Session>> {
    let mut sessions = db
        .sql(
            "SELECT ID, USER, HOST, COMMAND, CAST(TIME AS SIGNED) \
             FROM information_schema.PROCESSLIST WHERE DB = ? AND ID <> CONNECTION_ID() ORDER BY ID",
        )
        .bind(database)
        .fetch_with(|row| {
            let (id, user): (i64, String) = (row.get(0)?, row.get(1)?);
            let (host, command): (String, String) = (row.get(2)?, row.get(3)?);
            let time: Option<i64> = row.get(4)?;
            let facts = vec![
                format!("session {id}"),
                format!("user {user}"),
                format!("from {host}"),
                format!("{} for {} s", command.to_lowercase(), time.unwrap_or_default()),
            ];
            let user = User {
                application: None,
                facts,
            };
            Ok(Session { id, user })
        })
        .await?;
    if sessions.is_empty() {
        return Ok(sessions);
    }
    // What they call themselves is told only where the server keeps it, and to whom may look there.
    let names = db
        .sql(
            "SELECT PROCESSLIST_ID, ATTR_VALUE FROM performance_schema.session_connect_attrs \
             WHERE ATTR_NAME = 'program_name'",
        )
        .fetch_with(|row| Ok((row.get::<i64>(0)?, row.get::<Option<String>>(1)?)))
        .await
        .unwrap_or_default();
    for session in &mut sessions {
        let name = names.iter().find(|(id, _)| *id == session.id);
        session.user.application = name.and_then(|(_, name)| name.clone());
    }
    Ok(sessions)
}

/// The tables of other databases whose foreign keys refer to a table of this one.
pub(super) async fn referring(db: &Database, database: &str) -> Result<Vec<String>> {
    db.sql(
        "SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE \
         WHERE REFERENCED_TABLE_SCHEMA = ? AND TABLE_SCHEMA <> ?",
    )
    .bind(database)
    .bind(database)
    .fetch_with(|row| {
        Ok(format!(
            "{}.{}",
            row.get::<String>(0)?,
            row.get::<String>(1)?
        ))
    })
    .await
}

/// What a database has that belongs to other users than this one.
pub(super) async fn definers(db: &Database, database: &str) -> Result<Vec<String>> {
    db.sql(
        "SELECT CONCAT(name, ' of ', definer) FROM (\
         SELECT TRIGGER_NAME name, DEFINER definer FROM information_schema.TRIGGERS \
         WHERE TRIGGER_SCHEMA = ? \
         UNION ALL SELECT TABLE_NAME, DEFINER FROM information_schema.VIEWS \
         WHERE TABLE_SCHEMA = ? \
         UNION ALL SELECT ROUTINE_NAME, DEFINER FROM information_schema.ROUTINES \
         WHERE ROUTINE_SCHEMA = ? \
         UNION ALL SELECT EVENT_NAME, DEFINER FROM information_schema.EVENTS \
         WHERE EVENT_SCHEMA = ?) found WHERE definer <> CURRENT_USER()",
    )
    .bind_all((0..4).map(|_| mainstay::Value::Text(database.to_owned())))
    .fetch_with(|row| row.get::<String>(0))
    .await
}

/// Whether the user may make views, triggers, events and routines that belong to others.
pub(super) async fn may_define_for_others(db: &Database) -> Result<bool> {
    let grants = db
        .sql("SHOW GRANTS")
        .fetch_with(|row| row.get::<String>(0))
        .await?;
    Ok(grants.iter().any(|grant| gives_definers(grant)))
}

fn gives_definers(grant: &str) -> bool {
    let Some((rights, _)) = grant.split_once(" ON *.* TO ") else {
        return false;
    };
    let rights = rights.trim_start_matches("GRANT ").split(',');
    rights.map(str::trim).any(|right| {
        [
            "ALL PRIVILEGES",
            "SUPER",
            "SET USER",
            "SET_USER_ID",
            "SET_ANY_DEFINER",
        ]
        .contains(&right)
    })
}

/// A foreign key: its table, its name, and the pairs of columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ForeignKey {
    pub(super) table: String,
    pub(super) name: String,
    pub(super) parent_database: String,
    pub(super) parent: String,
    pub(super) columns: Vec<(String, String)>,
}

impl ForeignKey {
    /// Counts the rows that refer to nothing.
    pub(super) fn count_lost(&self, database: &str) -> String {
        let mut on = Vec::new();
        let mut given = Vec::new();
        for (column, parent) in &self.columns {
            let (column, parent) = (quote(column), quote(parent));
            on.push(format!("p.{parent} = c.{column}"));
            given.push(format!("c.{column} IS NOT NULL"));
        }
        format!(
            "SELECT COUNT(*) FROM {}.{} c WHERE {} AND NOT EXISTS (SELECT 1 FROM {}.{} p WHERE {})",
            quote(database),
            quote(&self.table),
            given.join(" AND "),
            quote(&self.parent_database),
            quote(&self.parent),
            on.join(" AND ")
        )
    }
}

/// The foreign keys of a database.
pub(super) async fn foreign_keys(db: &Database, database: &str) -> Result<Vec<ForeignKey>> {
    let rows = db
        .sql(
            "SELECT TABLE_NAME, CONSTRAINT_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, \
             COLUMN_NAME, REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE \
             WHERE TABLE_SCHEMA = ? AND REFERENCED_TABLE_NAME IS NOT NULL \
             ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION",
        )
        .bind(database)
        .fetch_with(|row| {
            let columns: (String, String) = (row.get(4)?, row.get(5)?);
            Ok(ForeignKey {
                table: row.get(0)?,
                name: row.get(1)?,
                parent_database: row.get(2)?,
                parent: row.get(3)?,
                columns: vec![columns],
            })
        })
        .await?;
    let mut keys: Vec<ForeignKey> = Vec::new();
    for row in rows {
        match keys.last_mut() {
            Some(last) if last.table == row.table && last.name == row.name => {
                last.columns.extend(row.columns);
            }
            _ => keys.push(row),
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_read() {
        for (grant, gives) in [
            (
                "GRANT ALL PRIVILEGES ON *.* TO `a`@`b` WITH GRANT OPTION",
                true,
            ),
            ("GRANT BINLOG MONITOR, SET USER ON *.* TO `a`@`b`", true),
            ("GRANT ALL PRIVILEGES ON `shop`.* TO `a`@`b`", false),
            ("GRANT USAGE ON *.* TO `a`@`b`", false),
        ] {
            assert_eq!(gives_definers(grant), gives, "{grant}");
        }
    }

    #[test]
    fn rows_that_refer_to_nothing_are_counted() {
        let key = ForeignKey {
            table: "steps".to_owned(),
            name: "fk".to_owned(),
            parent_database: "shop".to_owned(),
            parent: "goals".to_owned(),
            columns: vec![
                ("a".to_owned(), "x".to_owned()),
                ("b".to_owned(), "y".to_owned()),
            ],
        };
        assert_eq!(
            key.count_lost("new"),
            "SELECT COUNT(*) FROM `new`.`steps` c WHERE c.`a` IS NOT NULL AND c.`b` IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM `shop`.`goals` p WHERE p.`x` = c.`a` AND p.`y` = c.`b`)"
        );
    }
}
