//! What commands need that look at entities or migrations on scratch databases.

use std::path::Path;
use std::time::Duration;

use mainstay::config::{DatabaseUrl, Profile, TlsMode};
use mainstay::{Config, Database};
use mainstay_migrate::scratch::Place;
use mainstay_migrate::{MigrationSet, source};

use crate::args::ScratchAt;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::signals;

/// How long removing may take when the process is asked to stop.
const SETTLE: Duration = Duration::from_secs(10);

/// Runs what makes scratch databases. When the process is asked to stop meanwhile, they are removed
/// first.
pub(crate) async fn with_scratch<T>(
    context: &Context<'_>,
    at: &ScratchAt,
    work: impl AsyncFnOnce(&Place) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let place = place(context, at)?;
    with_places(context, std::slice::from_ref(&place), async || {
        work(&place).await
    })
    .await
}

/// The same with places that are known.
pub(crate) async fn with_places<T>(
    context: &Context<'_>,
    places: &[Place],
    work: impl AsyncFnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let (_listener, shutdown) = signals::listen(context.terminal.is_process());
    tokio::select! {
        done = work() => done,
        exit = shutdown.signal() => {
            context.terminal.stop_drawing();
            // The work was dropped, and what it made is being removed.
            let mut settled = true;
            for place in places {
                settled &= place.settle(SETTLE).await;
            }
            let what = match settled {
                true => "interrupted; nothing was changed",
                false => "interrupted; a scratch database may be left over",
            };
            Err(Failure::new(exit, what))
        }
    }
}

/// The place that was asked for.
pub(crate) fn place(context: &Context<'_>, at: &ScratchAt) -> Result<Place, Failure> {
    let Some(text) = &at.scratch else {
        return Ok(Place::beside(&context.config));
    };
    let wrong = |what: String| Failure::new(Exit::Usage, format!("--scratch: {what}"));
    let url = DatabaseUrl::parse(text).map_err(|error| wrong(error.to_string()))?;
    let live = &context.config.url;
    if url.engine() != live.engine() {
        return Err(wrong(format!(
            "it is a database of {}, and the configured one is of {}",
            url.engine(),
            live.engine()
        )));
    }
    let is_live = match url.path() {
        Some(path) => Some(path) == live.path(),
        None => {
            let place = |url: &DatabaseUrl| {
                let database = url.database().map(str::to_owned);
                (url.host().map(str::to_owned), url.port(), database)
            };
            place(&url) == place(live)
        }
    };
    if is_live {
        return Err(wrong(
            "it is the configured database itself; name an empty one that nothing else uses"
                .to_owned(),
        ));
    }
    Ok(Place::given(&at_url(context, url)))
}

/// The configuration with another database.
pub(super) fn at_url(context: &Context<'_>, url: DatabaseUrl) -> Config {
    let live = &context.config.url;
    let mut config = context.config.clone();
    config.tls.mode = match url.tls() {
        Some(mode) => mode,
        None if url.host() == live.host() => config.tls.mode,
        None if config.profile == Profile::Production || !url.is_loopback() => TlsMode::Require,
        None => TlsMode::Disable,
    };
    config.url = url;
    config
}

/// Tells what programs that were killed have left over.
pub(crate) async fn tell_left_overs(context: &Context<'_>, place: &Place, db: &Database) {
    // Not to be able to look is no failure of what was asked for.
    let found = place.left_overs(db).await.unwrap_or_default();
    for one in found {
        let how = match context.config.url.path() {
            Some(_) => format!("remove the folder {}", one.name),
            None => format!("DROP DATABASE {}", db.dialect().quote(&one.name)),
        };
        context.terminal.note(&format!(
            "left over by a run that was killed, since {}: {}; {how}",
            one.made_at.format("%Y-%m-%d %H:%M:%S UTC"),
            one.name
        ));
    }
}

/// The migrations of a folder, which must have all that the program has: it may have newer ones
/// that the program was not built with yet.
pub(crate) fn folder_of(context: &Context<'_>, folder: &Path) -> Result<MigrationSet, Failure> {
    let known = context.app.migrations();
    let set = match folder.exists() {
        true => {
            let found = source::read(folder)?;
            for warning in &found.warnings {
                context.terminal.note(&format!("warning: {warning}"));
            }
            found.set
        }
        false => MigrationSet::new(&[]),
    };
    for migration in known.migrations() {
        if set.get(migration.version).is_none() {
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "{} has no migration {}, which {} has",
                    folder.display(),
                    migration.label(),
                    context.app.name()
                ),
            )
            .next("name the folder that has the program's migrations: --folder FOLDER"));
        }
    }
    Ok(set)
}

/// What is left to do with a migration that was written.
pub(crate) fn to_embed(context: &Context<'_>) -> String {
    format!(
        "read it, and build {} with it, if its migrations are part of it",
        context.app.name()
    )
}
