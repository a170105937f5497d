//! A restore to a place of its own, looked over.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use mainstay::{Database, Error, ErrorKind, Result};
use mainstay_migrate::history;
use tokio::time::Instant;

use super::Backups;
use super::work::{attended, blocking};
use crate::archive::{Archive, Manifest, SchemaVersion, Table};
use crate::control::Control;
use crate::engine::{Driver, Place};
use crate::failure::from_io;
use crate::pipe;
use crate::plan::name::ENDING;

/// How long the database may take to be closed again.
const CLOSE: Duration = Duration::from_secs(10);

/// So many differences are named.
const NAMED: usize = 5;

/// A backup that was restored and found to be what its manifest says.
pub(super) struct Trial {
    pub(super) place: Place,
    /// The places of earlier restores, which were killed, that were removed.
    pub(super) cleared: Vec<String>,
    /// How long restoring took.
    pub(super) restored_in: Duration,
    /// How long looking it over took.
    pub(super) verified_in: Duration,
}

impl Backups {
    /// Restores to a new place and looks it over. What was not found right is removed again.
    pub(super) async fn try_out(
        &self,
        driver: &Arc<Driver>,
        id: &str,
        control: &Control,
    ) -> Result<Trial> {
        let archive = self.archive(id).await?;
        self.refuse(&archive)?;
        let cleared = driver.clear_leftovers().await?;
        let tried = self.try_in_place(driver, archive, control).await;
        if tried.is_err() {
            // Otherwise whoever asked is told with the rest.
            for name in &cleared {
                tracing::warn!(
                    target: "mainstay::backup",
                    name,
                    "removed: it was left by a restore that was killed"
                );
            }
        }
        Ok(Trial { cleared, ..tried? })
    }

    async fn try_in_place(
        &self,
        driver: &Arc<Driver>,
        archive: Archive,
        control: &Control,
    ) -> Result<Trial> {
        let place = driver.place().await?;
        match self.fill(driver, archive, place, control).await {
            Ok(trial) => Ok(trial),
            Err((place, error)) => {
                if let Some(place) = place {
                    // The first error says more.
                    if let Err(error) = driver.discard(place).await {
                        tracing::warn!(target: "mainstay::backup", %error, "the place of a failed restore was not removed");
                    }
                }
                Err(hinted(error))
            }
        }
    }

    /// What is not restored, before anything is made.
    pub(super) fn refuse(&self, archive: &Archive) -> Result<()> {
        archive.expect_engine(self.config.url.engine().into())?;
        archive.require_open()?;
        let manifest = archive.manifest();
        let (Some(known), Some(schema)) = (&self.known, &manifest.schema) else {
            return Ok(());
        };
        if known.contains(&schema.version) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "in backup {} migration {} was applied, which this program does not have",
                manifest.id, schema.version
            ),
        )
        .with_hint("restore it with the version of the program that has it, or a later one"))
    }

    /// Looks a place over once more, after changes to it; removes it if something is wrong.
    pub(super) async fn look_over(
        &self,
        driver: &Arc<Driver>,
        manifest: &Manifest,
        place: &Place,
        control: &Control,
    ) -> Result<()> {
        let work = (
            Arc::clone(driver),
            manifest.clone(),
            place.clone(),
            control.clone(),
        );
        let looked = blocking(control, move || {
            let (driver, manifest, place, control) = work;
            driver.verify(&manifest, &place, &control)
        })
        .await;
        if looked.is_err() {
            driver.discard(place.clone()).await?;
        }
        looked.map(|_| ())
    }

    /// The data of the archive into a place.
    async fn pour(
        &self,
        driver: &Arc<Driver>,
        archive: Archive,
        place: Arc<Place>,
        control: &Control,
    ) -> Result<()> {
        let name = self.object(&archive.manifest().id, ENDING);
        let range = archive.data();
        let (driver, work) = (Arc::clone(driver), control.clone());
        let poured = pipe::download(&self.target, &name, range, move |input| {
            let mut reader = archive.reader(input, work.clone())?;
            driver.restore(archive.manifest(), &mut reader, &place, &work)?;
            drain(&mut reader)
        });
        attended(control, poured).await
    }

    async fn fill(
        &self,
        driver: &Arc<Driver>,
        archive: Archive,
        place: Place,
        control: &Control,
    ) -> std::result::Result<Trial, (Option<Place>, Error)> {
        let started = Instant::now();
        let manifest = archive.manifest().clone();
        control.begin("restoring", Some(manifest.raw_bytes));
        let place = Arc::new(place);
        let restored = self.pour(driver, archive, place.clone(), control).await;
        let place = match Arc::try_unwrap(place) {
            Ok(place) => place,
            Err(_) => return Err((None, restored.err().unwrap_or_else(in_use))),
        };
        if let Err(error) = restored {
            return Err((Some(place), error));
        }
        let restored_in = started.elapsed();

        control.begin("comparing", Some(manifest.raw_bytes));
        let work = (Arc::clone(driver), manifest.clone(), control.clone());
        let looked = blocking(control, move || {
            let (driver, manifest, control) = work;
            let tables = driver.verify(&manifest, &place, &control);
            Ok((place, tables))
        })
        .await;
        let (place, tables) = match looked {
            Ok(both) => both,
            Err(error) => return Err((None, error)),
        };
        let compared = match tables {
            Ok(tables) => compare(&manifest, &tables),
            Err(error) => Err(error),
        };
        let compared = match compared {
            Ok(()) => compare_schema(&manifest, &place).await,
            Err(error) => Err(error),
        };
        if let Err(error) = compared {
            return Err((Some(place), error));
        }
        Ok(Trial {
            place,
            cleared: Vec::new(),
            restored_in,
            verified_in: started.elapsed().saturating_sub(restored_in),
        })
    }
}

/// The thread still has it, which is not to be: it has ended.
fn in_use() -> Error {
    Error::new(
        ErrorKind::Unexpected,
        "the place of the restore is still in use",
    )
}

/// What to do about a full disk, where whoever noticed it did not say.
fn hinted(error: Error) -> Error {
    if error.kind() == ErrorKind::DiskFull && error.hint().is_none() {
        return error.with_hint("make room where the database is; nothing was replaced");
    }
    error
}

/// Reads what is left, so that the end of the archive is checked too.
fn drain(input: &mut impl io::Read) -> Result<()> {
    match io::copy(input, &mut io::sink()) {
        Ok(0) => Ok(()),
        Ok(more) => Err(Error::new(
            ErrorKind::BackupDamaged,
            format!("the archive holds {more} bytes behind the end of the backup"),
        )),
        Err(why) => Err(from_io("reading the archive", why)),
    }
}

/// Compares what was restored with what was backed up.
fn compare(manifest: &Manifest, found: &[Table]) -> Result<()> {
    let mut wrong = Vec::new();
    for table in &manifest.tables {
        match found.iter().find(|other| other.name == table.name) {
            None => wrong.push(format!("{} is missing", table.name)),
            Some(other) if other.rows != table.rows => wrong.push(format!(
                "{} has {} rows instead of {}",
                table.name, other.rows, table.rows
            )),
            Some(other) if other.hash != table.hash => {
                wrong.push(format!("{} has other contents", table.name));
            }
            Some(_) => {}
        }
    }
    let is_known = |table: &&Table| manifest.tables.iter().any(|one| one.name == table.name);
    let more = found.iter().filter(|table| !is_known(table));
    wrong.extend(more.map(|table| format!("{} is there besides", table.name)));
    if wrong.is_empty() {
        return Ok(());
    }
    let mut said = wrong[..wrong.len().min(NAMED)].join("; ");
    if wrong.len() > NAMED {
        let _ = write!(said, "; and {} more", wrong.len() - NAMED);
    }
    Err(Error::new(
        ErrorKind::BackupDamaged,
        format!(
            "backup {} was restored and is not what was backed up: {said}",
            manifest.id
        ),
    )
    .with_hint("nothing was replaced; restore an earlier backup, and make a new one"))
}

/// Compares the migrations that are recorded.
async fn compare_schema(manifest: &Manifest, place: &Place) -> Result<()> {
    let Some(wanted) = &manifest.schema else {
        return Ok(());
    };
    let found = schema_version(&place.config).await?;
    if found.as_ref() == Some(wanted) {
        return Ok(());
    }
    let found = found.map_or("none".to_owned(), |found| found.version);
    Err(Error::new(
        ErrorKind::BackupDamaged,
        format!(
            "backup {} was restored, and its last migration is {found} instead of {}",
            manifest.id, wanted.version
        ),
    )
    .with_hint("nothing was replaced; restore an earlier backup, and make a new one"))
}

/// Which migrations are recorded in a database.
pub(super) async fn schema_version(config: &mainstay::Config) -> Result<Option<SchemaVersion>> {
    with_database(config, async |db| {
        let rows = history::read(db).await?;
        Ok(rows.last().map(|last| SchemaVersion {
            version: last.version.clone(),
            applied: rows.len() as u64,
        }))
    })
    .await
}

/// Opens a database for a moment.
pub(super) async fn with_database<T>(
    config: &mainstay::Config,
    work: impl AsyncFnOnce(&Database) -> Result<T>,
) -> Result<T> {
    let mut config = config.clone();
    config.pool.min = 0;
    config.pool.max = 1;
    let db = Database::builder()
        .require_database(true)
        .open(&config)
        .await?;
    let worked = work(&db).await;
    let closed = db.close(CLOSE).await;
    let value = worked?;
    closed?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::tests::manifest as sample;

    fn table(name: &str, rows: u64, hash: &str) -> Table {
        Table {
            name: name.to_owned(),
            rows,
            hash: hash.to_owned(),
        }
    }

    #[test]
    fn every_difference_is_named() {
        let mut manifest = sample();
        manifest.tables = vec![table("goals", 2, "aa"), table("users", 1, "bb")];
        let same = manifest.tables.clone();
        compare(&manifest, &same).expect("the same");
        for (found, said) in [
            (vec![table("goals", 2, "aa")], "users is missing"),
            (
                vec![table("goals", 3, "aa"), table("users", 1, "bb")],
                "goals has 3 rows instead of 2",
            ),
            (
                vec![table("goals", 2, "ab"), table("users", 1, "bb")],
                "goals has other contents",
            ),
            (
                [same.clone(), vec![table("more", 0, "")]].concat(),
                "more is there besides",
            ),
        ] {
            let error = compare(&manifest, &found).expect_err("must be found");
            assert_eq!(error.kind(), ErrorKind::BackupDamaged);
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
