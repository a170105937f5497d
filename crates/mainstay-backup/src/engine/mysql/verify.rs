//! Looking at a database that was restored.

use mainstay::{Database, Error, ErrorKind, Result};

use super::server::{self, Item};
use super::{MySql, close, quote};
use crate::archive::{Manifest, Table};
use crate::control::Control;
use crate::engine::Place;

impl MySql {
    /// Has the server check each table, looks for rows that refer to nothing, and tells the tables
    /// as capture would.
    ///
    /// Rows that refer to nothing are warned about: they may have been so in the backup, and that
    /// it has the same rows is what the tables say.
    ///
    /// # Errors
    /// `CORRUPT` for a table that the server finds damaged; those of connecting and dumping.
    pub(crate) fn verify(
        &self,
        _manifest: &Manifest,
        place: &Place,
        control: &Control,
    ) -> Result<Vec<Table>> {
        self.check_place(&place.name)?;
        self.wait(async {
            let db = self.connect().await?;
            let looked = look(&db, &place.name, control).await;
            close(db).await;
            looked
        })?;
        let scanned = self.tables_of(&place.name, control)?;
        Ok(scanned.tables)
    }
}

/// Has the server look at everything in a database.
pub(super) async fn look(db: &Database, database: &str, control: &Control) -> Result<()> {
    let items = server::items(db, database).await?;
    for item in items.iter().filter(|item| item.is_table()) {
        control.check()?;
        check(db, database, item).await?;
    }
    for key in server::foreign_keys(db, database).await? {
        control.check()?;
        let lost: i64 = db.sql(key.count_lost(database)).scalar().await?;
        if lost > 0 {
            tracing::warn!(
                target: "mainstay::backup",
                table = key.table, foreign_key = key.name, rows = lost,
                "rows refer to nothing; they were so in the backup, or the backup is damaged"
            );
        }
    }
    Ok(())
}

async fn check(db: &Database, database: &str, item: &Item) -> Result<()> {
    let sql = format!("CHECK TABLE {}.{}", quote(database), quote(&item.name));
    // Several lines: what was found, and the verdict at the end.
    let said = db
        .sql(sql)
        .fetch_with(|row| Ok((row.get::<String>(2)?, row.get::<String>(3)?)))
        .await?;
    let is_fine = said
        .iter()
        .all(|(kind, text)| kind == "note" || (kind == "status" && text == "OK"));
    if is_fine && !said.is_empty() {
        return Ok(());
    }
    let said: Vec<String> = said
        .into_iter()
        .map(|(kind, text)| format!("{kind}: {text}"))
        .collect();
    Err(Error::new(
        ErrorKind::Corrupt,
        format!(
            "the server found damage in {}: {}",
            item.name,
            said.join("; ")
        ),
    )
    .with_hint("restore another backup, and look at the server's disk")
    .with_table(item.name.clone()))
}
