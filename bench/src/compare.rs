//! All candidates side by side: within each repetition one after the other, in turning order.

use std::sync::Arc;

use crate::Arguments;
use crate::candidates::diesel_mysql::DieselMysql;
use crate::candidates::diesel_postgres::DieselPostgres;
use crate::candidates::diesel_sqlite::DieselSqlite;
use crate::candidates::raw_mysql::RawMysql;
use crate::candidates::raw_postgres::RawPostgres;
use crate::candidates::raw_sqlite::RawSqlite;
use crate::candidates::sea_server::SeaServer;
use crate::candidates::sea_sqlite::SeaSqlite;
use crate::candidates::sqlx_mysql::SqlxMysql;
use crate::candidates::sqlx_postgres::SqlxPostgres;
use crate::candidates::sqlx_sqlite::SqlxSqlite;
use crate::candidates::{self, Candidate, Kind, Result, Runner};
use crate::measure::{self, Measured};
use crate::place::Place;
use crate::plan::{Engine, Source};
use crate::report;

/// The connections each candidate has; on SQLite the raw driver has one per thread instead.
pub const POOL: usize = 10;

type Entry = (&'static str, Runner);

/// How hard commits are written, in the order of measuring.
fn durabilities(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Sqlite => &["full", "normal"],
        Engine::Postgres | Engine::Mariadb => &["default"],
    }
}

/// Measures everything that is asked for on one engine.
pub async fn run(arguments: &Arguments, place: &Place) -> Result<()> {
    for (round, durability) in durabilities(place.engine).iter().enumerate() {
        // Reads do not depend on it and are measured once.
        let kinds = Kind::ALL.iter().filter(|kind| arguments.wants(**kind));
        let kinds: Vec<Kind> = kinds
            .copied()
            .filter(|kind| round == 0 || kind.writes())
            .collect();
        if kinds.is_empty() {
            continue;
        }
        let entries = open(arguments, place, durability).await?;
        for kind in kinds {
            if kind == Kind::Bulk {
                bulk(arguments, place, durability, &entries).await?;
                continue;
            }
            for tasks in &arguments.tasks {
                side_by_side(arguments, place, durability, kind, *tasks, &entries).await?;
            }
        }
        for (_, runner) in entries {
            if let Runner::Tasks(candidate) = runner {
                candidate.close().await;
            }
        }
    }
    Ok(())
}

async fn side_by_side(
    arguments: &Arguments,
    place: &Place,
    durability: &str,
    kind: Kind,
    tasks: usize,
    entries: &[Entry],
) -> Result<()> {
    let engine = place.engine.name();
    report::progress(&format!(
        "{engine}: {} with {tasks} tasks ({durability})",
        kind.name()
    ));
    let source = Source { size: place.size };
    let mut all = vec![Measured::default(); entries.len()];
    for repetition in 0..arguments.repetitions {
        for turn in 0..entries.len() {
            let at = (turn + repetition) % entries.len();
            let (name, runner) = &entries[at];
            let round = measure::round(runner, kind, tasks, source, arguments.length()).await;
            let round = round.map_err(|error| format!("{name}, {}: {error}", kind.name()))?;
            all[at].add(round);
        }
    }
    for ((name, _), measured) in entries.iter().zip(all) {
        report::cell(engine, kind.name(), name, tasks, durability, measured)?;
    }
    Ok(())
}

/// One task that inserts many rows at once; the table is emptied after each.
async fn bulk(
    arguments: &Arguments,
    place: &Place,
    durability: &str,
    entries: &[Entry],
) -> Result<()> {
    let engine = place.engine.name();
    report::progress(&format!("{engine}: bulk insert ({durability})"));
    let source = Source { size: place.size };
    let mut all = vec![Measured::default(); entries.len()];
    for repetition in 0..arguments.repetitions.min(3) {
        for turn in 0..entries.len() {
            let at = (turn + repetition) % entries.len();
            let (name, runner) = &entries[at];
            let operation = source.next(Kind::Bulk, &mut 0);
            let round = measure::once(runner, operation).await;
            all[at].add(round.map_err(|error| format!("{name}, bulk insert: {error}"))?);
            place.clear_imports(name)?;
        }
    }
    for ((name, _), measured) in entries.iter().zip(all) {
        report::cell(engine, Kind::Bulk.name(), name, 1, durability, measured)?;
    }
    Ok(())
}

/// Opens the candidates that are asked for.
async fn open(
    arguments: &Arguments,
    place: &Place,
    durability: &'static str,
) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    for name in ["raw", "mainstay", "sqlx", "seaorm", "diesel"] {
        if !arguments.wants_candidate(name) {
            continue;
        }
        place.give_file(name)?;
        let opened = match place.engine {
            Engine::Sqlite => open_sqlite(name, place, durability).await,
            Engine::Postgres => open_postgres(name, place).await,
            Engine::Mariadb => open_mariadb(name, place).await,
        };
        let opened = opened.map_err(|error| format!("{name} could not be opened: {error}"))?;
        place.settle(name)?;
        entries.extend(opened.map(|runner| (name, runner)));
    }
    Ok(entries)
}

fn tasks(candidate: impl Candidate + 'static) -> Option<Runner> {
    Some(Runner::Tasks(Arc::new(candidate)))
}

async fn open_mainstay(place: &Place, durability: &str) -> Result<Option<Runner>> {
    let synchronous = if durability == "normal" {
        "normal"
    } else {
        "full"
    };
    let db = candidates::mainstay::open(&place.url("mainstay"), POOL, synchronous, false).await?;
    let first_page = Source { size: place.size }.first_page();
    Ok(tasks(
        candidates::mainstay::Mainstay::new(db, u64::from(first_page)).await?,
    ))
}

async fn open_sqlite(
    name: &str,
    place: &Place,
    synchronous: &'static str,
) -> Result<Option<Runner>> {
    let file = place.file(name);
    Ok(match name {
        "raw" => Some(Runner::Threads(Arc::new(RawSqlite::new(
            file,
            synchronous,
        )?))),
        "mainstay" => open_mainstay(place, synchronous).await?,
        "sqlx" => tasks(SqlxSqlite::new(&file, POOL, synchronous).await?),
        "seaorm" => tasks(SeaSqlite::new(&file, POOL, synchronous).await?),
        "diesel" => tasks(DieselSqlite::new(&file, POOL, synchronous)?),
        _ => None,
    })
}

async fn open_postgres(name: &str, place: &Place) -> Result<Option<Runner>> {
    let url = place.url(name);
    Ok(match name {
        "raw" => tasks(RawPostgres::new(&url, POOL)?),
        "mainstay" => open_mainstay(place, "full").await?,
        "sqlx" => tasks(SqlxPostgres::new(&url, POOL).await?),
        "seaorm" => tasks(SeaServer::postgres(&url, POOL).await?),
        "diesel" => tasks(DieselPostgres::new(&url, POOL)?),
        _ => None,
    })
}

async fn open_mariadb(name: &str, place: &Place) -> Result<Option<Runner>> {
    let url = place.url(name);
    Ok(match name {
        "raw" => tasks(RawMysql::new(&url, POOL)?),
        "mainstay" => open_mainstay(place, "full").await?,
        "sqlx" => tasks(SqlxMysql::new(&url, POOL).await?),
        "seaorm" => tasks(SeaServer::mariadb(&url, POOL).await?),
        "diesel" => tasks(DieselMysql::new(&url, POOL)?),
        _ => None,
    })
}
