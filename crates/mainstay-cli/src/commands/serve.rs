//! `serve`: sets the database up where that is allowed unasked, then serves until asked to stop.

use mainstay::Database;
use mainstay::config::{SetupPolicy, connection_limit_finding, setup_policy};
use mainstay_migrate::{MigrationState, Report, status};

use super::steps::{self, Seeded, Steps};
use crate::application::ServeContext;
use crate::context::{Context, migration_failure};
use crate::exit::{Exit, Failure};
use crate::output::{pair, short};
use crate::signals::{self, Shutdown};

pub(crate) async fn run(context: &Context<'_>) -> Result<Exit, Failure> {
    context.refuse_mistakes()?;
    let (_listener, shutdown) = signals::listen(context.terminal.is_process());
    let started = tokio::select! {
        // A signal during the start ends it; what was begun is rolled back or finished.
        signal = shutdown.clone().signal() => return Ok(signal),
        started = start(context) => started,
    };
    let db = started?;
    let served = serve(context, &db, shutdown).await;
    let closed = context.close(&db).await;
    served?;
    closed?;
    Ok(Exit::Ok)
}

/// Opens the database and does what the policy allows. Whatever fails, nothing stays open.
async fn start(context: &Context<'_>) -> Result<Database, Failure> {
    let config = &context.config;
    let policy = setup_policy(config, config.profile_is_explicit());
    let mut done = Steps::default();
    if policy.create_database {
        done.created = steps::create(context).await?;
    }
    let db = context.open().await?;
    match prepare(context, &db, &policy, done).await {
        Ok(()) => Ok(db),
        Err(failure) => {
            // The first failure is the one to report.
            if let Err(error) = context.close(&db).await {
                tracing::debug!(%error, "closing after a failed start");
            }
            Err(failure)
        }
    }
}

async fn prepare(
    context: &Context<'_>,
    db: &Database,
    policy: &SetupPolicy,
    mut done: Steps,
) -> Result<(), Failure> {
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
    let pending = found.count(MigrationState::Pending);
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
        applied: Vec::new(),
        already: found.count(MigrationState::Applied),
    })
}

async fn serve(context: &Context<'_>, db: &Database, shutdown: Shutdown) -> Result<(), Failure> {
    let serving = ServeContext {
        db: db.clone(),
        config: context.config.clone(),
        shutdown,
        terminal: context.terminal.clone(),
    };
    Ok(context.app.serve(serving).await?)
}
