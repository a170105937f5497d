//! `status`: health, pool, migrations and row counts.

use mainstay::{Database, ErrorKind};
use mainstay_migrate::{MigrationState, Status};
use serde_json::{Map, Value};

use super::steps;
use crate::args::Format;
use crate::context::{Context, migration_failure};
use crate::exit::{Exit, Failure};
use crate::output::{json, pair, short, table};

pub(crate) async fn run(context: &Context<'_>, format: Format) -> Result<Exit, Failure> {
    let (text, fits) = context
        .with_database(async |db| {
            let health = db.health().await?;
            let migrations = mainstay_migrate::status(db, context.app.migrations())
                .await
                .map_err(migration_failure)?;
            let fits = migrations.problems.is_empty();
            let rows = row_counts(db).await?;
            let pool = &health.pool;
            if format.json {
                let tables: Map<String, Value> = rows
                    .into_iter()
                    .map(|(name, rows)| (name.to_owned(), Value::from(rows)))
                    .collect();
                let text = json(&serde_json::json!({
                    "profile": context.config.profile.as_str(),
                    "url": context.config.url.to_string(),
                    "engine": db.dialect().name(),
                    "version": health.server.version,
                    "max_connections": health.server.max_connections,
                    "latency_ms": health.latency.as_secs_f64() * 1000.0,
                    "pool": {
                        "open": pool.open, "idle": pool.idle, "in_use": pool.in_use(),
                        "waiting": pool.waiting, "min": pool.min, "max": pool.max,
                    },
                    "migrations": {
                        "current": migrations.is_current(),
                        "applied": migrations.applied(),
                        "pending": migrations.count(MigrationState::Pending),
                        "problems": migrations.problems,
                    },
                    "rows": tables,
                }));
                return Ok((text, fits));
            }
            let mut out = pair("profile", context.config.profile.as_str());
            out.push_str(&pair("database", &steps::database_line(context, db, false)));
            out.push_str(&pair(
                "health",
                &format!("answers in {}", short(health.latency)),
            ));
            out.push_str(&pair(
                "pool",
                &format!(
                    "{} open, at least {}, at most {}",
                    pool.open, pool.min, pool.max
                ),
            ));
            out.push_str(&pair("migrations", &migrations_line(context, &migrations)));
            let rows: Vec<Vec<String>> = rows
                .into_iter()
                .map(|(name, rows)| {
                    let rows = rows.map_or_else(|| "no table".to_owned(), |rows| rows.to_string());
                    vec![name.to_owned(), rows]
                })
                .collect();
            if !rows.is_empty() {
                out.push('\n');
                out.push_str(&table(&["table", "rows"], &rows));
            }
            Ok((out, fits))
        })
        .await?;
    context.terminal.print(&text);
    Ok(if fits { Exit::Ok } else { Exit::Failed })
}

fn migrations_line(context: &Context<'_>, status: &Status) -> String {
    let pending = status.count(MigrationState::Pending);
    let half = status.count(MigrationState::HalfApplied);
    let mut line = format!("{} applied, {pending} pending", status.applied());
    if half > 0 {
        line.push_str(&format!(", {half} half-applied"));
    }
    if pending + half > 0 && status.problems.is_empty() {
        line.push_str(&format!(" (apply: {})", context.command("migrate up")));
    }
    for problem in &status.problems {
        line.push_str(&format!("\nproblem: {problem}"));
    }
    line
}

/// The rows of each table of the application. `None` where there is no such table.
async fn row_counts(db: &Database) -> Result<Vec<(&'static str, Option<i64>)>, Failure> {
    let mut out = Vec::new();
    for table in db.schema().tables() {
        let name = db.dialect().quote(table.name);
        let count = db
            .sql(format!("SELECT count(*) FROM {name}"))
            .scalar::<i64>()
            .await;
        match count {
            Ok(rows) => out.push((table.name, Some(rows))),
            Err(error) if error.kind() == ErrorKind::TableMissing => out.push((table.name, None)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(out)
}
