//! One fault from its first call to its verdict: load, disturbance, recovery, comparison.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mainstay_testkit::Engine;
use mainstay_testkit::proxy::FaultProxy;
use tokio::time::{Instant, sleep};

use crate::client::Layer;
use crate::faults::{Fault, Route};
use crate::findings::{at_rest, callers, compare, judged, seen, told_apart, unsettled, write_down};
use crate::layer::prepared;
use crate::ledger::Ledger;
use crate::load::{Caller, Load};
use crate::place::{Host, InFile, OnServer, Place};
use crate::recovery;
use crate::report::Row;
use crate::rng::Rng;
use crate::stage::{Run, Stage, target};

/// After this the service counts as one that does not return.
const RECOVERY_LIMIT: Duration = Duration::from_secs(20);

/// Runs a fault on an engine. A server is shared with other faults of that engine.
pub(crate) async fn run(
    fault: &Fault,
    layer: &dyn Layer,
    engine: Engine,
    host: Option<&Host>,
    under: Option<&Path>,
    run: Run,
) -> Row {
    let started = Instant::now();
    let mut row = Row {
        fault: fault.name.to_owned(),
        title: fault.title.to_owned(),
        engine: engine.to_string(),
        layer: layer.name().to_owned(),
        cuts: fault.cuts,
        keeps_leaks: fault.keeps_leaks,
        ..Row::default()
    };
    if let Err(problem) = play(fault, layer, engine, host, under, run, &mut row).await {
        row.broken = Some(problem);
        // It may have been left killed or frozen.
        if let Some(host) = host
            && let Err(problem) = host.control(|server| server.restart()).await
        {
            row.details
                .push(format!("the server did not start again: {problem}"));
        }
    }
    row.took_ms = started.elapsed().as_millis() as u64;
    row
}

async fn play(
    fault: &Fault,
    layer: &dyn Layer,
    engine: Engine,
    host: Option<&Host>,
    under: Option<&Path>,
    run: Run,
    row: &mut Row,
) -> Result<(), String> {
    let mut stage = set(fault, layer, engine, host, under, run).await?;
    let ledger = Arc::clone(&stage.caller.ledger);
    let load = Load::start(&stage.caller.client, &ledger, fault.mix, &stage.rng);
    sleep(run.calm()).await;
    let begin = ledger.now();
    // The first half warms up.
    row.rate_before = recovery::rate(&ledger.entries(), begin / 2, begin);

    let disturbed = (fault.disturb)(&mut stage).await;
    let end = ledger.now();
    let recovered = wait_for_recovery(&ledger, fault, end, row.rate_before).await;
    row.recovery_ms = recovered.map(|time| time.as_millis() as u64);
    sleep(run.calm()).await;
    let lag = load.stop().await;

    let entries = ledger.entries();
    if let Some(folder) = run.ledgers {
        let name = format!("{}-{}-{}.jsonl", fault.name, row.engine, row.layer);
        let file = folder.join(name);
        write_down(&file, &entries, begin, end)?;
    }
    let until = end + recovered.unwrap_or(RECOVERY_LIMIT);
    row.saw = seen(&entries, begin, until);
    callers(row, &entries, begin, lag);
    if row.is_mainstay() {
        // PostgreSQL keeps account of transactions by itself.
        let by_engine = engine == Engine::Postgres;
        unsettled(row, &entries, fault, by_engine, end);
    }
    let client = Arc::clone(&stage.caller.client);
    if let Some(proxy) = &stage.proxy {
        // A session is leaked if the client keeps it. That the server does not know of its end is
        // for the server's keepalive to find out, which would take longer than anybody waits here.
        proxy.probe_forsaken();
    }
    let rest = at_rest(&*client, &stage.place).await?;
    stage.notes.extend(client.notes());
    if fault.keeps_leaks {
        let leaked = rest.leaked;
        stage.notes.push(format!(
            "connections on loan until the handle is closed, and beyond: {leaked}. \
            Nothing takes them back, as configured; this row is for comparison"
        ));
    }
    row.leaked = rest.leaked;
    row.details.extend(rest.details);
    let boundary = fault.notice_within.map(|limit| begin + limit);
    let verdict = compare(&stage.place, &entries, boundary).await?;
    if let Some(limit) = fault.notice_within {
        stage.notes.extend(told_apart(&entries, begin, end, limit));
    }
    if verdict.unknown.all() > 0 {
        let unknown = verdict.unknown;
        stage.notes.push(format!(
            "of {} writes of unknown outcome, {} new rows and transactions are there",
            unknown.all(),
            unknown.applied
        ));
    }
    judged(row, verdict, ledger.blind_reads());
    row.notes = std::mem::take(&mut stage.notes);
    disturbed
}

/// Makes database, proxy and handle.
async fn set(
    fault: &Fault,
    layer: &dyn Layer,
    engine: Engine,
    host: Option<&Host>,
    under: Option<&Path>,
    run: Run,
) -> Result<Stage, String> {
    let (place, proxy, url) = match host {
        Some(host) => {
            let place = OnServer::create(host).await?;
            let proxy = match fault.route {
                Route::Direct => None,
                Route::Proxy => {
                    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, place.port()));
                    let started = FaultProxy::start(target).await;
                    Some(started.map_err(|error| format!("no proxy: {error}"))?)
                }
            };
            let port = proxy.as_ref().map_or(place.port(), |p| p.address().port());
            let url = place.url(port);
            (Place::Server(Box::new(place)), proxy, url)
        }
        None => {
            let place = InFile::create(under)?;
            let url = format!("sqlite:{}", place.path.display());
            (Place::File(place), None, url)
        }
    };
    prepared(&url, run.seed).await?;
    let mut target = target(engine, url, run.seed);
    target.pool_max = fault.pool_max;
    target.ledger = fault.ledger;
    target.settings = fault.settings;
    let client = layer.open(target).await?;
    let ledger = Arc::new(Ledger::new(false));
    Ok(Stage {
        run,
        place,
        proxy,
        caller: Caller::new(&client, &ledger),
        rng: Rng::new(run.seed),
        notes: Vec::new(),
    })
}

async fn wait_for_recovery(
    ledger: &Ledger,
    fault: &Fault,
    end: Duration,
    rate_before: f64,
) -> Option<Duration> {
    loop {
        let now = ledger.now();
        let entries = ledger.entries();
        let found = recovery::recovery(&entries, fault.mix.kinds(), end, rate_before, now);
        if found.is_some() || now > end + RECOVERY_LIMIT {
            return found;
        }
        sleep(Duration::from_millis(100)).await;
    }
}
