//! One scratch database, and how it goes again.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mainstay::database::admin;
use mainstay::{Config, Database, Error, ErrorKind, Result};

use crate::catalog::{self, Catalog};
use crate::diff::{Renames, draft};
use crate::drift::apply;
use crate::history::{self, table_exists};
use crate::journal;

/// The table that says that a database which was given is in use, and its content thrown away.
pub(super) const MARK: &str = "_mainstay_scratch";

/// How long work in progress may take at the end.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

/// A throw-away database.
///
/// [`remove`](Self::remove) drops it and says whether that worked. One that is dropped without, as
/// when a call is dropped or panics, is removed in the background as long as the runtime runs; see
/// [`Place::settle`](super::Place::settle).
#[derive(Debug)]
pub struct Scratch {
    name: String,
    db: Option<Database>,
    remains: Option<Remains>,
}

/// What is there to be removed.
#[derive(Debug)]
pub(super) struct Remains {
    pub(super) kind: Kind,
    pub(super) config: Config,
    /// Held for as long as something is there.
    pub(super) _token: Arc<()>,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// A file in a folder of its own.
    File(PathBuf),
    /// A database of its own on a server.
    Server,
    /// A database that was given, to be left as it was: empty but for what it was prepared with.
    Given(Box<Catalog>),
}

impl Scratch {
    /// A database that may be made from now on, and is removed whatever happens.
    pub(super) fn begin(name: String, remains: Remains) -> Self {
        Self {
            name,
            db: None,
            remains: Some(remains),
        }
    }

    pub(super) fn opened(mut self, db: Database) -> Self {
        self.db = Some(db);
        self
    }

    /// Its name; a file's path on SQLite.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The handle on it.
    ///
    /// # Errors
    /// None while it is there.
    pub fn database(&self) -> Result<&Database> {
        self.db.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::Unexpected,
                format!("the scratch database {} is not open", self.name),
            )
        })
    }

    /// Closes the handle and drops the database; one that was given is left empty.
    ///
    /// # Errors
    /// Those of dropping, with the name of what is left.
    pub async fn remove(mut self) -> Result<()> {
        let (db, remains) = (self.db.take(), self.remains.take());
        let Some(remains) = remains else {
            return Ok(());
        };
        let name = self.name.clone();
        // In a task of its own: it goes on when this call is dropped.
        let removed = tokio::spawn(async move { remove(db, remains).await });
        let removed = removed.await.map_err(Error::unexpected)?;
        removed.map_err(|error| {
            Error::new(
                error.kind(),
                format!(
                    "the scratch database {name} was not removed: {}",
                    error.detail()
                ),
            )
            .with_hint("drop it by hand; nothing in it is needed")
            .with_source(error)
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let (db, remains) = (self.db.take(), self.remains.take());
        let Some(remains) = remains else { return };
        let name = self.name.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = remove(db, remains).await {
                    tracing::warn!(
                        target: "mainstay::migrate", %error, name, "a scratch database is left over"
                    );
                }
            });
        } else if let Kind::File(folder) = &remains.kind {
            drop(db);
            // What is left is found by its name.
            let _ = fs::remove_dir_all(folder);
        }
    }
}

async fn remove(db: Option<Database>, remains: Remains) -> Result<()> {
    match (&remains.kind, db) {
        (Kind::Given(was), Some(db)) => {
            let emptied = empty(&db, was).await;
            db.close(CLOSE_LIMIT).await?;
            emptied
        }
        (Kind::Given(_), None) => Ok(()),
        (Kind::Server, db) => {
            // Dropping ends what still runs on it.
            if let Some(db) = db {
                let _ = db.close(CLOSE_LIMIT).await;
            }
            admin::drop_if_exists(&remains.config).await.map(drop)
        }
        (Kind::File(folder), db) => {
            let closed = match db {
                Some(db) => db.close(CLOSE_LIMIT).await,
                None => Ok(()),
            };
            fs::remove_dir_all(folder).map_err(|source| {
                Error::new(
                    ErrorKind::Configuration,
                    format!("cannot remove {}: {source}", folder.display()),
                )
                .with_source(source)
            })?;
            closed
        }
    }
}

/// Drops everything in a database that was given but what it had, the mark last.
pub(super) async fn empty(db: &Database, was: &Catalog) -> Result<()> {
    let there = catalog::read(db).await?;
    apply(db, &draft(&there, was, &Renames::default())).await?;
    for own in [journal::TABLE, history::TABLE, MARK] {
        if table_exists(db, own).await? {
            db.script(format!("DROP TABLE {}", db.dialect().quote(own)))
                .await?;
        }
    }
    Ok(())
}

/// What of a database may be there without its being in use: what it was prepared with by somebody
/// who may more than the migrations.
pub(super) fn prepared(there: &Catalog) -> Catalog {
    let mut out = Catalog::empty(there.dialect);
    let extensions = there.others.iter().filter(|one| one.kind == "EXTENSION");
    out.others = extensions.cloned().collect();
    out
}
