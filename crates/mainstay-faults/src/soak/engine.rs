//! One engine from its start to what was measured.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mainstay_testkit::Engine;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::child::{LOAD, POOL_MAX};
use super::levels::{Measured, Outage, Sample, Soak};
use super::plan::Plan;
use super::process::usage;
use crate::heard::Heard;
use crate::layer::prepared;
use crate::ledger::{Kind, Told};
use crate::place::{Host, InFile, OnServer, Place};
use crate::recovery;
use crate::verdict;

/// How often memory and file descriptors are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// How often it is said how things stand.
const SAY: Duration = Duration::from_secs(10);

/// The process with the load ends its calls and closes its handle within this time.
const LAST_WORDS: Duration = Duration::from_secs(60);

/// The server is restarted after this part of the run, so that the second quarter and the last one
/// both lie after it.
const RESTART_AT: f64 = 0.2;

/// The process with the load.
struct Load {
    child: Child,
    heard: Arc<Mutex<Heard>>,
    listening: JoinHandle<()>,
    clock: Instant,
}

impl Load {
    fn start(url: &str, plan: Plan) -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(own)
            .args([LOAD, url])
            .args([plan.seed.to_string(), plan.rate.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for us: it ends when we close its input.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("the process with the load: {error}"))?;
        let output = child.stdout.take();
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let (shared, clock) = (Arc::clone(&heard), Instant::now());
        let listening = tokio::task::spawn_blocking(move || {
            let lines = output
                .into_iter()
                .flat_map(|out| BufReader::new(out).lines());
            for line in lines.map_while(Result::ok) {
                let mut heard = shared.lock().unwrap_or_else(PoisonError::into_inner);
                heard.line(&line, clock.elapsed());
            }
        });
        Ok(Self {
            child,
            heard,
            listening,
            clock,
        })
    }

    fn with<T>(&self, look: impl FnOnce(&Heard) -> T) -> T {
        look(&self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets it end its calls, and returns all it said.
    async fn end(mut self) -> Result<Heard, String> {
        drop(self.child.stdin.take());
        if timeout(LAST_WORDS, &mut self.listening).await.is_err() {
            self.kill();
            return Err("the process with the load did not end".to_owned());
        }
        let status = self.child.wait().map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("the process with the load ended: {status}"));
        }
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *heard))
    }

    fn kill(&mut self) {
        // One that has ended needs none of it.
        let _ = (self.child.kill(), self.child.wait());
    }
}

pub(super) async fn run(
    engine: Engine,
    plan: Plan,
    mut stopped: watch::Receiver<bool>,
) -> Result<Measured, String> {
    let host = match engine.server() {
        Some(kind) => Some(Host::start(kind).await?),
        None => None,
    };
    let (place, url) = set(host.as_ref()).await?;
    prepared(&url, plan.seed).await?;

    let mut load = Load::start(&url, plan)?;
    let mut samples = Vec::new();
    let mut outage = None;
    let mut restart: Option<(Duration, JoinHandle<Result<(), String>>)> = None;
    let mut said = Duration::ZERO;
    loop {
        let now = load.clock.elapsed();
        if let Some(usage) = usage(load.child.id()) {
            let open = load.with(|heard| heard.pool.last().map_or(0, |(_, used)| used.open));
            samples.push(Sample {
                at: now,
                memory: usage.memory,
                descriptors: usage.descriptors,
                open,
            });
        }
        if let Ok(Some(status)) = load.child.try_wait() {
            return Err(format!(
                "the process with the load ended by itself: {status}"
            ));
        }
        if let Some(host) = &host
            && outage.is_none()
            && restart.is_none()
            && now >= plan.length.mul_f64(RESTART_AT)
        {
            println!("[{engine}] {:.0?}: the server is restarted", now);
            let host = host.clone();
            let work = async move { host.control(|server| server.restart()).await };
            restart = Some((now, tokio::spawn(work)));
        }
        if let Some((begin, task)) = restart.take_if(|(_, task)| task.is_finished()) {
            let end = load.clock.elapsed();
            task.await.map_err(|error| error.to_string())??;
            outage = Some(Outage { begin, end });
        }
        if now >= said + SAY {
            said = now;
            println!("[{engine}] {}", progress(&load, samples.last(), now));
        }
        let is_over = now >= plan.length || *stopped.borrow();
        if is_over && restart.is_none() {
            break;
        }
        // Whoever could stop it is gone when it cannot be heard of.
        let _ = timeout(LOOK, stopped.wait_for(|stop| *stop)).await;
        if *stopped.borrow() && restart.is_some() {
            sleep(LOOK).await;
        }
    }
    let length = load.clock.elapsed();
    let heard = load.end().await?;
    measured(engine, plan, &place, heard, samples, outage, length).await
}

async fn set(host: Option<&Host>) -> Result<(Place, String), String> {
    Ok(match host {
        Some(host) => {
            let place = OnServer::create(host).await?;
            let url = place.url(place.port());
            (Place::Server(Box::new(place)), url)
        }
        None => {
            let place = InFile::create(None)?;
            let url = format!("sqlite:{}", place.path.display());
            (Place::File(place), url)
        }
    })
}

fn progress(load: &Load, sample: Option<&Sample>, now: Duration) -> String {
    let (calls, refused, used) = load.with(|heard| {
        let over = |told: Told| told != Told::Dropped;
        let ended = heard.entries.iter().filter(|entry| over(entry.told));
        let refused = ended.clone().filter(|entry| entry.told != Told::Done);
        let recent = heard.pool.iter().rev();
        let recent = recent.take_while(|(at, _)| *at + SAY >= now);
        let used = recent.map(|(_, used)| used.in_use).max().unwrap_or(0);
        (ended.clone().count(), refused.count(), used)
    });
    let (memory, descriptors) = sample.map_or((0, 0), |s| (s.memory / 1024, s.descriptors));
    format!(
        "{:.0} s: {calls} calls, {refused} of them not answered; lately at most {used} of {POOL_MAX} \
         connections; {memory} MB, {descriptors} file descriptors",
        now.as_secs_f64()
    )
}

async fn measured(
    engine: Engine,
    plan: Plan,
    place: &Place,
    heard: Heard,
    samples: Vec<Sample>,
    outage: Option<Outage>,
    length: Duration,
) -> Result<Measured, String> {
    let mut rest = heard
        .rest
        .ok_or("the process with the load did not say what it still holds")?;
    let sessions = place.sessions_left(Duration::from_secs(15)).await?;
    if sessions > 0 {
        let detail = format!("connections leaked: the server still has {sessions} sessions");
        rest.details.push(detail);
    }
    rest.leaked = rest.leaked.max(sessions);
    let mut verdict = verdict::judge(&heard.entries, &place.snapshot().await?);
    verdict.missing += heard.blind.len();
    verdict.details.extend(heard.blind);
    let recovered = outage.and_then(|outage| {
        let rate = recovery::rate(&heard.entries, outage.begin / 2, outage.begin);
        recovery::recovery(&heard.entries, &Kind::ALL, outage.end, rate, length)
    });
    Ok(Measured::of(Soak {
        engine: engine.to_string(),
        length,
        planned: plan.length,
        rate: plan.rate,
        seed: plan.seed,
        has_server: engine.server().is_some(),
        outage,
        recovered,
        entries: heard.entries,
        pool: heard.pool,
        pool_max: POOL_MAX as usize,
        samples,
        rest,
        verdict,
    }))
}
