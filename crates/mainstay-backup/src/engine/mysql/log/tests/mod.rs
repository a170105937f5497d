//! Recovery, of databases that are written to all the time.
//!
//! - `mod.rs`: servers that write a log, base backups, and a follower in the background
//! - `moments`: twenty moments of a load
//! - `beside`: a moment, and the files of a server, in servers that run on
//! - `refused`: servers whose log does not do

mod beside;
mod moments;
mod refused;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay::SeededEntropy;
use mainstay_testkit::servers::{Options, Server, ServerKind, require};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::super::MySql;
use super::super::tests::{capture, manifest};
use crate::archive::{Keys, Log, Manifest};
use crate::control::Control;
use crate::target::Target;

const INTERVAL: Duration = Duration::from_secs(1);

fn logging(more: &[&str]) -> Option<Server> {
    require(ServerKind::MariaDb)?;
    let mut options = Options::default();
    let usual = ["log-bin=bin", "binlog-format=ROW", "server-id=7"];
    options.settings = usual
        .iter()
        .chain(more)
        .map(|&one| one.to_owned())
        .collect();
    Some(Server::start(ServerKind::MariaDb, options).expect("a server"))
}

fn log(target: &Target) -> Log {
    let entropy = Arc::new(SeededEntropy::new(7));
    Log::new(target, "test", "base", Keys::default(), entropy)
}

/// A base backup, and its stream.
async fn base(engine: &MySql) -> (Manifest, Vec<u8>) {
    let (captured, dump) = capture(engine).await.expect("captured");
    let mut base = manifest(&captured.tables);
    base.taken_at = captured.taken_at;
    base.position = captured.position;
    (base, dump)
}

/// A follower in the background.
struct Follower {
    control: Control,
    told: watch::Receiver<Option<DateTime<Utc>>>,
    task: JoinHandle<mainstay::Result<()>>,
}

impl Follower {
    fn start(engine: &MySql, base: &Manifest, log: &Log) -> Self {
        let control = Control::new();
        let (tell, told) = watch::channel(None);
        let (engine, base, log) = (engine.clone(), base.clone(), log.clone());
        let stop = control.clone();
        let task = tokio::spawn(async move {
            engine
                .follow(&base, &log, INTERVAL, &stop, &tell, &|_| ())
                .await
        });
        Self {
            control,
            told,
            task,
        }
    }

    async fn stop(self) {
        self.control.cancel();
        self.task.await.expect("no panic").expect("it ends well");
    }
}
