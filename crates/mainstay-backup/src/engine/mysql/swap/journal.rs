//! What is written down before a swap changes anything.

use mainstay::database::Exclusive;
use mainstay::{Database, Error, Result};

use super::super::{names, quote};

/// The table in the restored database that has it. It goes with that database when all is done.
pub(super) const TABLE: &str = "_mainstay_swap";

/// A swap: what moves where, and what is to be made again behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Journal {
    /// The database whose place is taken.
    pub(super) old: String,
    /// The one that takes it.
    pub(super) new: String,
    /// The one in which the old one is kept. `None` if there was none.
    pub(super) kept: Option<String>,
    pub(super) old_tables: Vec<String>,
    pub(super) new_tables: Vec<String>,
    /// Statements that make triggers, views, events and routines.
    pub(super) old_objects: Vec<u8>,
    pub(super) new_objects: Vec<u8>,
}

impl Journal {
    /// Writes it. When this has been answered it stays, whatever happens to this process.
    pub(super) async fn write(&self, held: &Exclusive) -> Result<()> {
        let table = format!("{}.{}", quote(&self.new), quote(TABLE));
        held.script(format!(
            "CREATE TABLE {table} (id INT NOT NULL PRIMARY KEY, old_name VARCHAR(64) NOT NULL, \
             kept_name VARCHAR(64) NULL, old_tables LONGBLOB NOT NULL, new_tables LONGBLOB NOT NULL, \
             old_objects LONGBLOB NOT NULL, new_objects LONGBLOB NOT NULL) \
             ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        ))
        .await?;
        let list = |tables: &[String]| serde_json::to_vec(tables).map_err(Error::unexpected);
        held.sql(format!("INSERT INTO {table} VALUES (1, ?, ?, ?, ?, ?, ?)"))
            .bind(self.old.clone())
            .bind(self.kept.clone())
            .bind(list(&self.old_tables)?)
            .bind(list(&self.new_tables)?)
            .bind(self.old_objects.clone())
            .bind(self.new_objects.clone())
            .execute()
            .await?;
        Ok(())
    }
}

/// Whether a swap that was begun needs a database.
pub(in crate::engine::mysql) async fn is_in(db: &Database, name: &str) -> Result<bool> {
    let count: i64 = db
        .sql(
            "SELECT COUNT(*) FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?",
        )
        .bind(name)
        .bind(TABLE)
        .scalar()
        .await?;
    Ok(count > 0)
}

/// A swap of this database that was begun and is not done.
pub(super) async fn find(db: &Database, old: &str) -> Result<Option<Journal>> {
    let databases = db
        .sql("SELECT TABLE_SCHEMA FROM information_schema.TABLES WHERE TABLE_NAME = ?")
        .bind(TABLE)
        .fetch_with(|row| row.get::<String>(0))
        .await?;
    for new in databases {
        if !names::is_place_of(&new, old) {
            continue;
        }
        if let Some(journal) = read(db, &new).await?
            && journal.old == old
        {
            return Ok(Some(journal));
        }
    }
    Ok(None)
}

async fn read(db: &Database, new: &str) -> Result<Option<Journal>> {
    let table = format!("{}.{}", quote(new), quote(TABLE));
    let database = new.to_owned();
    let rows = db
        .sql(format!(
            "SELECT old_name, kept_name, old_tables, new_tables, old_objects, new_objects \
             FROM {table}"
        ))
        .fetch_with(move |row| {
            let list = |bytes: Vec<u8>| {
                serde_json::from_slice::<Vec<String>>(&bytes).map_err(Error::unexpected)
            };
            Ok(Journal {
                old: row.get(0)?,
                new: database.clone(),
                kept: row.get(1)?,
                old_tables: list(row.get(2)?)?,
                new_tables: list(row.get(3)?)?,
                old_objects: row.get(4)?,
                new_objects: row.get(5)?,
            })
        })
        .await?;
    Ok(rows.into_iter().next())
}
