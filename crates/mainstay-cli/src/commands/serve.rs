//! `serve`: sets the database up where that is allowed unasked, then serves until asked to stop.
//! Where the configuration says so, it serves before the database is there, and does that later.

use std::time::Duration;

use mainstay::Database;
use mainstay::config::{SetupPolicy, connection_limit_finding, setup_policy};
use mainstay_migrate::{MigrationState, Report, status};

use super::steps::{self, Seeded, Steps};
use crate::application::ServeContext;
use crate::context::{Context, migration_failure};
use crate::exit::{Exit, Failure};
use crate::output::{pair, short};
use crate::readiness::Readiness;
use crate::signals::{self, Shutdown};

pub(crate) async fn run(context: &Context<'_>) -> Result<Exit, Failure> {
    context.refuse_mistakes()?;
    let (_listener, shutdown) = signals::listen(context.terminal.is_process());
    let started = tokio::select! {
        // A signal during the start ends it; what was begun is rolled back or finished.
        signal = shutdown.clone().signal() => return Ok(signal),
        started = start(context) => started,
    };
    let (db, missing) = started?;
    let served = match missing {
        None => serve(context, &db, shutdown, Readiness::default()).await,
        Some(missing) => serve_before(context, &db, shutdown, missing).await,
    };
    let closed = context.close(&db).await;
    served?;
    closed?;
    Ok(Exit::Ok)
}

/// Why the database could not be set up yet, and what was done of it.
struct Missing {
    why: Failure,
    policy: SetupPolicy,
}

/// Opens the database and does what the policy allows. Whatever fails, nothing stays open. Where
/// the service may start without its database, one that is not there is no failure.
async fn start(context: &Context<'_>) -> Result<(Database, Option<Missing>), Failure> {
    let config = &context.config;
    let required = config.startup.require_database;
    let policy = setup_policy(config, config.profile_is_explicit());
    let waits = |failure: &Failure| !required && failure.is_outage();
    let mut missing = None;
    let mut created = false;
    if policy.create_database {
        match steps::create(context).await {
            Ok(made) => created = made,
            Err(failure) if waits(&failure) => missing = Some(failure),
            Err(failure) => return Err(failure),
        }
    }
    let db = context.open_where(required).await?;
    if missing.is_none() {
        missing = match prepare(context, &db, &policy, created).await {
            Ok(()) => return Ok((db, None)),
            Err(failure) if waits(&failure) => Some(failure),
            Err(failure) => {
                // The first failure is the one to report.
                if let Err(error) = context.close(&db).await {
                    tracing::debug!(%error, "closing after a failed start");
                }
                return Err(failure);
            }
        };
    }
    Ok((db, missing.map(|why| Missing { why, policy })))
}

/// How often it is looked whether the database has come.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long one look takes at most.
const LOOK_LIMIT: Duration = Duration::from_secs(2);

/// Serves before the database is there, and sets it up when it comes. What is wrong with it then
/// ends the service, as it would have at the start.
async fn serve_before(
    context: &Context<'_>,
    db: &Database,
    shutdown: Shutdown,
    missing: Missing,
) -> Result<(), Failure> {
    let Missing { why, policy } = missing;
    context.terminal.note(&format!(
        "the database is not there: {}\nserving without it until it comes \
         (startup.require_database = false)",
        why.what
    ));
    let (make, ready) = Readiness::pending();
    let later = async {
        match prepare_later(context, db, &policy).await {
            Ok(()) => {
                make.ready();
                std::future::pending().await
            }
            Err(failure) => failure,
        }
    };
    tokio::select! {
        served = serve(context, db, shutdown, ready) => served,
        failure = later => Err(failure),
    }
}

async fn prepare_later(
    context: &Context<'_>,
    db: &Database,
    policy: &SetupPolicy,
) -> Result<(), Failure> {
    let mut created = false;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let result = async {
            if policy.create_database {
                // Where it is missing no connection can be made, so this comes first.
                created |= steps::create(context).await?;
            }
            // One of the calls that close the circuit breaker.
            db.health().timeout(LOOK_LIMIT).await?;
            prepare(context, db, policy, created).await
        };
        match result.await {
            Err(failure) if failure.is_outage() => {
                tracing::debug!(%failure, "the database is not there yet");
            }
            result => return result,
        }
    }
}

async fn prepare(
    context: &Context<'_>,
    db: &Database,
    policy: &SetupPolicy,
    created: bool,
) -> Result<(), Failure> {
    let mut done = Steps {
        created,
        ..Steps::default()
    };
    done.migrations = if policy.migrate {
        steps::migrate(context, db).await?
    } else {
        expect_current(context, db, policy).await?
    };
    done.seed = if policy.seed {
        Seeded::Done(steps::seed(context, db).await?)
    } else {
        Seeded::Skipped(policy.reason.clone())
    };
    let health = db.health().await?;
    let config = &context.config;
    if let Some(limit) = health.server.max_connections
        && let Some(finding) = connection_limit_finding(config.pool.max, config.instances, limit)
    {
        context.terminal.note(&finding.to_string());
    }
    let mut summary = pair("profile", config.profile.as_str());
    summary.push_str(&done.lines(context, db));
    summary.push_str(&pair(
        "pool",
        &format!(
            "{} open, at most {}; answers in {}",
            health.pool.open,
            health.pool.max,
            short(health.latency)
        ),
    ));
    context.terminal.print(&summary);
    Ok(())
}

/// Where nothing may be migrated unasked, everything must be migrated already.
async fn expect_current(
    context: &Context<'_>,
    db: &Database,
    policy: &SetupPolicy,
) -> Result<Report, Failure> {
    let found = status(db, context.app.migrations())
        .await
        .map_err(migration_failure)?;
    let look = context.command("migrate status");
    if let Some(problem) = found.problems.first() {
        return Err(
            Failure::new(Exit::Failed, problem.clone()).next(format!("look at all of it: {look}"))
        );
    }
    let pending = found.count(MigrationState::Pending) + found.count(MigrationState::HalfApplied);
    if pending > 0 {
        return Err(Failure::new(
            Exit::Refused,
            format!(
                "{pending} of {} migrations are not applied, and {}",
                found.migrations.len(),
                policy.reason
            ),
        )
        .next(context.command("migrate up")));
    }
    Ok(Report {
        already: found.applied(),
        ..Report::default()
    })
}

async fn serve(
    context: &Context<'_>,
    db: &Database,
    shutdown: Shutdown,
    ready: Readiness,
) -> Result<(), Failure> {
    let serving = ServeContext {
        db: db.clone(),
        config: context.config.clone(),
        ready,
        shutdown,
        terminal: context.terminal.clone(),
    };
    Ok(context.app.serve(serving).await?)
}
