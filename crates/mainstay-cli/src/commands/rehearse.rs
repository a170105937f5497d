//! `migrate rehearse`: the migrations on a copy with as many rows as production has.

use std::sync::Arc;

use mainstay::Database;
use mainstay::config::DatabaseUrl;
use mainstay_migrate::rehearse::{Options, Rehearsal, Start, rehearse};
use mainstay_migrate::{MigrationSet, MigrationState, status};

use super::lint::write;
use super::scratch::{at_url, with_scratch};
use super::steps::until_asked;
use crate::args::RehearseArgs;
use crate::context::{Context, migration_failure};
use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::progress;

pub(crate) async fn run(context: &Context<'_>, args: &RehearseArgs) -> Result<Exit, Failure> {
    let found = match &args.copy {
        Some(url) => on_copy(context, url, args).await?,
        None => on_scratch(context, args).await?,
    };
    if let Some(file) = &args.report {
        let page = format!("# Rehearsal of migrations\n\n{}", found.markdown());
        write(file, &page)?;
    }
    context.terminal.print(&if args.format.json {
        json(&found)
    } else {
        found.text()
    });
    Ok(if found.is_good() {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

async fn on_copy(
    context: &Context<'_>,
    url: &str,
    args: &RehearseArgs,
) -> Result<Rehearsal, Failure> {
    let url = DatabaseUrl::parse(url)
        .map_err(|error| Failure::new(Exit::Usage, format!("--copy: {error}")))?;
    let mut config = at_url(context, url);
    // One migrates, one holds the lock, and one looks on.
    config.pool.max = config.pool.max.max(4);
    if config.url.is_same_place(&context.config.url) {
        return Err(Failure::new(
            Exit::Refused,
            format!(
                "--copy names the configured database {} itself, and what is in it would be lost",
                config.url
            ),
        )
        .next("restore a backup into another database and name that"));
    }
    let db = context.open_with(&config).await?;
    let found = until_asked(context, on(context, &db, args.start(), args)).await;
    let closed = context.close(&db).await;
    let found = found?;
    closed?;
    Ok(found)
}

/// On a database made for it. It is brought to where the configured one is, unless it is said where
/// to begin.
async fn on_scratch(context: &Context<'_>, args: &RehearseArgs) -> Result<Rehearsal, Failure> {
    let start = match args.start() {
        Start::Pending => Start::Version(first_pending(context).await?),
        start => start,
    };
    with_scratch(context, &args.scratch, async |place| {
        let scratch = place.make(None).await?;
        let found = match scratch.database() {
            Ok(db) => on(context, db, start, args).await,
            Err(error) => Err(error.into()),
        };
        scratch.remove().await?;
        found
    })
    .await
}

/// The first migration that is not applied in the configured database.
async fn first_pending(context: &Context<'_>) -> Result<String, Failure> {
    let found = context
        .with_database(async |db| {
            status(db, context.app.migrations())
                .await
                .map_err(migration_failure)
        })
        .await?;
    let mut all = found.migrations.into_iter();
    let pending = all.find(|one| one.state == MigrationState::Pending);
    pending.map(|one| one.version).ok_or_else(|| {
        Failure::new(
            Exit::Failed,
            "there is nothing to rehearse: no migration is pending in the configured database",
        )
        .next("name the first that is to be rehearsed with --from, or rehearse --all")
    })
}

async fn on(
    context: &Context<'_>,
    db: &Database,
    start: Start,
    args: &RehearseArgs,
) -> Result<Rehearsal, Failure> {
    let terminal = context.terminal.clone();
    let options = Options {
        start,
        rows: args.rows.iter().cloned().collect(),
        seed: args.seed,
        limit: args.limit,
        progress: Some(progress::on(&context.terminal, args.format.json)),
        tell: Some(Arc::new(move |what: &str| terminal.note(what))),
        ..Options::default()
    };
    let set: &MigrationSet = context.app.migrations();
    rehearse(db, set, &options).await.map_err(migration_failure)
}
