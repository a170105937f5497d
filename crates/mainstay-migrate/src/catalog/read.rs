//! Reads a catalog from a database.

use mainstay::driver::Isolation;
use mainstay::{Database, Result, Tx};

use super::{Catalog, engine};

/// Reads everything a database has, or the current schema of it on PostgreSQL; tables of Mainstay
/// itself are left out.
///
/// It only reads, in one transaction that only may, and in one snapshot where the engine has such
/// for its own tables. It needs no more than the right to read what it describes.
///
/// ```
/// # use mainstay::{Database, config::ConfigLoader};
/// # use mainstay_migrate::catalog;
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let url = format!("sqlite:{}", folder.path().join("example.db").display());
/// # let config = ConfigLoader::new().set("url", url).load()?;
/// # let db = Database::builder().create_if_missing().open(&config).await?;
/// db.script("CREATE TABLE users (name TEXT NOT NULL)").await?;
/// let found = catalog::read(&db).await?;
/// assert_eq!(found.tables[0].columns[0].name, "name");
/// # db.close(std::time::Duration::from_secs(5)).await?;
/// # Ok(())
/// # }
/// ```
///
/// # What is not read
/// Who may do what; comments on anything but tables and columns; foreign tables and statistics;
/// whether a trigger is switched off; what an identity column counts by; what SQLite's NOT NULL
/// does ON CONFLICT. Such a thing is in no dump, and its change is no difference.
///
/// # Errors
/// Those of reading; [`ErrorKind::AccessDenied`](mainstay::ErrorKind::AccessDenied) where MariaDB
/// does not tell the user what a view or a trigger is.
pub async fn read(db: &Database) -> Result<Catalog> {
    let dialect = db.dialect();
    let mut catalog = db
        .transaction(|tx: Tx| async move { engine::read(&tx, dialect).await })
        .isolation(Isolation::RepeatableRead)
        .read_only()
        .await?;
    sort(&mut catalog);
    Ok(catalog)
}

/// Puts lists without an order of their own in one.
fn sort(catalog: &mut Catalog) {
    catalog.tables.sort_by(|a, b| a.name.cmp(&b.name));
    catalog.views.sort_by(|a, b| a.name.cmp(&b.name));
    catalog
        .others
        .sort_by(|a, b| (&a.kind, &a.name).cmp(&(&b.kind, &b.name)));
    for table in &mut catalog.tables {
        table
            .uniques
            .sort_by(|a, b| (&a.name, &a.columns).cmp(&(&b.name, &b.columns)));
        table.indexes.sort_by(|a, b| a.name.cmp(&b.name));
        let target = |key: &super::ForeignKey| {
            (
                key.name.clone(),
                key.columns.clone(),
                key.references.clone(),
            )
        };
        table.foreign_keys.sort_by_key(target);
        table
            .checks
            .sort_by(|a, b| (&a.name, &a.condition).cmp(&(&b.name, &b.condition)));
    }
}
