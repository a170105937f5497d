//! What the entities say, what the migrations make and what the database has.

use mainstay::schema::{Dialect, ddl};
use mainstay::{Database, Error, ErrorKind, Result, Schema};

use crate::MigrationSet;
use crate::catalog::{self, Catalog};
use crate::diff::compare;
use crate::journal;
use crate::plan::{Standing, survey};
use crate::runner::migrate;
use crate::scratch::{Place, Scratch};

/// The states that are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct States {
    /// What the entities say.
    pub entities: Catalog,
    /// What all migrations make.
    pub migrations: Catalog,
    /// What those that are applied to the database make.
    pub applied: Catalog,
    /// What the database has.
    pub live: Catalog,
    /// The migrations that are not applied, by version and name.
    pub pending: Vec<String>,
    /// How many are applied.
    pub count: usize,
    /// What is in the way of migrating, in words.
    pub problems: Vec<String>,
}

impl States {
    /// What is to be known beside the differences.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.count == 0 && self.live != Catalog::empty(self.live.dialect) {
            let fits = compare(&self.migrations, &self.live).is_empty();
            out.push(match fits {
                true => "no migration is recorded as applied, and the database is what all of \
                         them make: adopt it by a baseline"
                    .to_owned(),
                false => "no migration is recorded as applied; if the database was made by other \
                          means, adopt it by a baseline first"
                    .to_owned(),
            });
        }
        out
    }
}

/// Finds out about all of them. The database is only read.
///
/// # Errors
/// As [`check`](super::check).
pub async fn states(
    db: &Database,
    entities: &Schema,
    set: &MigrationSet,
    place: &Place,
) -> Result<States> {
    let dialect = db.dialect();
    let recorded = journal::read(db).await?;
    let survey = survey(set, dialect, &recorded)?;
    let mut problems: Vec<String> = survey
        .problems
        .iter()
        .map(|problem| format!("{problem} ({})", problem.hint()))
        .collect();
    let (mut applied, mut pending) = (Vec::new(), Vec::new());
    for one in &survey.migrations {
        let label = one.migration.label();
        match one.standing {
            Standing::Applied => applied.push(one.migration.version),
            Standing::Pending => pending.push(label),
            Standing::Running(_) => {
                let version = one.migration.version;
                if !survey.problems.iter().any(|p| p.version() == version) {
                    problems.push(format!(
                        "migration {label} has begun and not ended (apply what is pending, which \
                         goes on with it)"
                    ));
                }
                pending.push(label);
            }
        }
    }
    let live = catalog::read(db).await?;
    let entities = made_by_entities(entities, dialect, place, Some(db)).await?;
    let migrations = made_by_migrations(set, place, Some(db)).await?;
    let applied_state = match (pending.is_empty(), applied.is_empty()) {
        (true, _) => migrations.clone(),
        (false, true) => Catalog::empty(dialect),
        (false, false) => {
            let only = set.only(|version| applied.contains(&version));
            made_by_migrations(&only, place, Some(db)).await?
        }
    };
    Ok(States {
        entities,
        migrations,
        applied: applied_state,
        live,
        pending,
        count: applied.len(),
        problems,
    })
}

/// What entities say, as a database has it: made on a scratch database, `like` another one.
///
/// # Errors
/// `UNSUPPORTED` when the engine cannot hold them; those of making the database.
pub async fn made_by_entities(
    entities: &Schema,
    dialect: Dialect,
    place: &Place,
    like: Option<&Database>,
) -> Result<Catalog> {
    // Before anything is made.
    let statements = ddl::create_all(dialect, entities)?;
    let scratch = place.make(like).await?;
    let made = async {
        let db = scratch.database()?;
        for sql in statements {
            db.script(sql).await?;
        }
        catalog::read(db).await
    }
    .await;
    remove(scratch, made).await
}

/// What migrations make of an empty database: made on a scratch database, `like` another one.
///
/// # Errors
/// Those of the migrations, saying that an empty database is what they do not run on; those of
/// making the database.
pub async fn made_by_migrations(
    set: &MigrationSet,
    place: &Place,
    like: Option<&Database>,
) -> Result<Catalog> {
    set.check()?;
    let scratch = place.make(like).await?;
    let made = async {
        let db = scratch.database()?;
        migrate(db, set).await.map_err(on_empty)?;
        catalog::read(db).await
    }
    .await;
    remove(scratch, made).await
}

/// The error of running migrations, saying where they were run.
pub(super) fn on_empty(error: Error) -> Error {
    if error.kind() == ErrorKind::Configuration {
        return error;
    }
    let mut out = Error::new(
        error.kind(),
        format!(
            "the migrations do not run on an empty database: {}",
            error.detail()
        ),
    )
    .with_hint(
        "they must make all they need; what a database is prepared with, such as an extension, \
         can be in a scratch database that is given",
    );
    if let Some(code) = error.native_code() {
        out = out.with_native_code(code.to_owned());
    }
    out.with_source(error)
}

/// Removes a scratch database, whatever came of the work on it.
pub(super) async fn remove<T>(scratch: Scratch, made: Result<T>) -> Result<T> {
    let removed = scratch.remove().await;
    let made = made?;
    removed?;
    Ok(made)
}
