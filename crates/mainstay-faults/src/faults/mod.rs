//! The faults: what is done to the database or its callers while the load runs.
//!
//! - `mod.rs`: [`Fault`] and the table of all of them
//! - `process`: the server is killed, restarted, frozen
//! - `network`: what lies between client and server
//! - `replies`: replies that are lost
//! - `server`: what administrators and other applications do
//! - `storms`: conflicts between the callers themselves
//! - `callers`: callers that come all at once, go away or never end
//! - `file`: what happens to a SQLite file
//! - `killed`: the process that uses a SQLite file is killed

pub(crate) mod callers;
pub(crate) mod file;
pub(crate) mod killed;
mod network;
mod process;
mod replies;
mod server;
mod storms;

use std::pin::Pin;
use std::time::Duration;

use mainstay_testkit::Engine;

use self::callers::Locks;
use crate::load::Mix;
use crate::stage::Stage;

/// A disturbance under way.
pub(crate) type Disturbance<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// How the load reaches its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Direct,
    /// Through the proxy that breaks connections.
    Proxy,
}

/// Where a fault makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Servers,
    Files,
    All,
}

impl On {
    fn has(self, engine: Engine) -> bool {
        match self {
            Self::All => true,
            Self::Servers => engine.server().is_some(),
            Self::Files => engine.server().is_none(),
        }
    }
}

/// What is needed besides the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// A disk so small that it can be filled.
    SmallDisk,
    /// The load runs in a process of its own, which is killed.
    OwnProcess,
}

/// When the server answers again, so that the outcome of a call can be found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// All the time: what is cut is a connection, and another can be had at once.
    Throughout,
    /// When the fault ends.
    AtEnd,
    /// Not before the call's deadline, because it waits for a reply until then.
    Never,
}

/// One fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// The name on the command line.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) on: On,
    pub(crate) route: Route,
    pub(crate) needs: Needs,
    pub(crate) pool_max: u32,
    pub(crate) mix: Mix,
    /// Whether it comes between a request and its reply: only then may an outcome be unknown.
    pub(crate) cuts: bool,
    /// For a file that is exchanged: within this time the layer must notice.
    pub(crate) notice_within: Option<Duration>,
    /// Whether the load's transactions use the ledger.
    pub(crate) ledger: bool,
    pub(crate) answers: Answers,
    /// Further settings of the handle.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// Whether connections that are held for ever stay so: a row for comparison.
    pub(crate) keeps_leaks: bool,
    /// Where and why it is nothing to compare other layers by.
    pub(crate) alone: Option<(On, &'static str)>,
    /// Begins, goes on for a while and ends.
    pub(crate) disturb: for<'a> fn(&'a mut Stage) -> Disturbance<'a>,
}

impl Fault {
    pub(crate) fn is_for(&self, engine: Engine) -> bool {
        self.on.has(engine)
    }

    /// Why other layers are not run with it on this engine.
    pub(crate) fn alone_on(&self, engine: Engine) -> Option<&'static str> {
        let (on, reason) = self.alone?;
        on.has(engine).then_some(reason)
    }

    const fn proxied(mut self) -> Self {
        self.route = Route::Proxy;
        self
    }

    /// With the ledger, by which the outcome of a transaction whose reply is lost is found out.
    const fn cuts(mut self, answers: Answers) -> Self {
        self.cuts = true;
        self.ledger = true;
        self.answers = answers;
        self
    }

    const fn without_ledger(mut self) -> Self {
        self.ledger = false;
        self
    }

    const fn set(mut self, settings: &'static [(&'static str, &'static str)]) -> Self {
        self.settings = settings;
        self
    }

    const fn alone(mut self, on: On, reason: &'static str) -> Self {
        self.alone = Some((on, reason));
        self
    }

    const fn keeps_leaks(mut self) -> Self {
        self.keeps_leaks = true;
        self
    }

    const fn needs(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }

    const fn pool(mut self, max: u32) -> Self {
        self.pool_max = max;
        self
    }

    const fn exchanges_file(mut self) -> Self {
        self.notice_within = Some(Duration::from_secs(1));
        self.mix.keeps_rows = false;
        self
    }
}

const fn fault(
    name: &'static str,
    title: &'static str,
    on: On,
    disturb: for<'a> fn(&'a mut Stage) -> Disturbance<'a>,
) -> Fault {
    Fault {
        name,
        title,
        on,
        route: Route::Direct,
        needs: Needs::Nothing,
        pool_max: 8,
        mix: Mix::USUAL,
        cuts: false,
        notice_within: None,
        ledger: false,
        answers: Answers::AtEnd,
        settings: &[],
        keeps_leaks: false,
        alone: None,
        disturb,
    }
}

/// Takes back what is on loan for longer than any call may take.
const RECLAIMED: &[(&str, &str)] = &[("pool.reclaim_leaks", "true"), ("pool.leak_after", "1s")];

/// All faults, in the order of the table.
pub(crate) const FAULTS: &[Fault] = &[
    fault(
        "kill",
        "The server is killed (kill -9) and started again",
        On::Servers,
        |stage| Box::pin(process::kill(stage)),
    )
    .cuts(Answers::AtEnd),
    fault(
        "restart",
        "The server is restarted in an orderly way",
        On::Servers,
        |stage| Box::pin(process::restart(stage)),
    )
    .cuts(Answers::AtEnd),
    fault(
        "freeze",
        "The server is frozen (SIGSTOP)",
        On::Servers,
        |stage| Box::pin(process::freeze(stage)),
    )
    .cuts(Answers::AtEnd),
    fault("cut", "The network is cut", On::Servers, |stage| {
        Box::pin(network::cut(stage))
    })
    .proxied()
    .cuts(Answers::AtEnd),
    fault(
        "reset",
        "Connections are reset, again and again",
        On::Servers,
        |stage| Box::pin(network::reset(stage)),
    )
    .proxied()
    .cuts(Answers::Throughout),
    fault(
        "latency",
        "Every round trip takes 500 ms more",
        On::Servers,
        |stage| Box::pin(network::latency(stage)),
    )
    .proxied()
    .cuts(Answers::AtEnd),
    fault(
        "half-open",
        "All connections are half open, new ones work",
        On::Servers,
        |stage| Box::pin(network::half_open(stage)),
    )
    .proxied()
    .cuts(Answers::Never),
    fault(
        "refused",
        "Connections are closed and new ones refused",
        On::Servers,
        |stage| Box::pin(network::refused(stage)),
    )
    .proxied()
    .cuts(Answers::AtEnd),
    fault(
        "lost-commit",
        "Replies to COMMIT are lost, transactions do not use the ledger",
        On::Servers,
        |stage| Box::pin(replies::commit(stage)),
    )
    .proxied()
    .cuts(Answers::Throughout)
    .without_ledger(),
    fault(
        "lost-commit-ledger",
        "Replies to COMMIT are lost, transactions use the ledger",
        On::Servers,
        |stage| Box::pin(replies::commit(stage)),
    )
    .proxied()
    .cuts(Answers::Throughout)
    .alone(On::All, "only Mainstay has the ledger"),
    fault(
        "lost-insert",
        "Replies to INSERT are lost",
        On::Servers,
        |stage| Box::pin(replies::insert(stage)),
    )
    .proxied()
    .cuts(Answers::Throughout),
    fault(
        "max-connections",
        "Other sessions take all connections of the server",
        On::Servers,
        |stage| Box::pin(server::exhausted(stage)),
    )
    .cuts(Answers::AtEnd),
    fault(
        "kill-sessions",
        "An administrator ends the sessions, again and again",
        On::Servers,
        |stage| Box::pin(server::kill_sessions(stage)),
    )
    .cuts(Answers::Throughout),
    fault(
        "read-only",
        "The server becomes read-only",
        On::Servers,
        |stage| Box::pin(server::read_only(stage)),
    ),
    fault(
        "locked",
        "Another process holds the lock of the file",
        On::Files,
        |stage| Box::pin(file::locked(stage)),
    ),
    fault("disk-full", "The disk is full", On::Files, |stage| {
        Box::pin(file::disk_full(stage))
    })
    .needs(Needs::SmallDisk),
    fault(
        "deleted",
        "The file is deleted, and restored later",
        On::Files,
        |stage| Box::pin(file::deleted(stage)),
    )
    .exchanges_file(),
    fault(
        "replaced",
        "The file is replaced by another",
        On::Files,
        |stage| Box::pin(file::replaced(stage)),
    )
    .exchanges_file(),
    fault(
        "process-killed",
        "The process is killed (kill -9) and started again",
        On::Files,
        |stage| {
            // Its load runs in another process: see `killed`.
            Box::pin(async move { stage.place.file().map(|_| ()) })
        },
    )
    .needs(Needs::OwnProcess),
    fault("deadlocks", "Deadlock storm", On::All, |stage| {
        Box::pin(storms::deadlocks(stage))
    }),
    fault(
        "serialization",
        "Storm of SERIALIZABLE transactions on few rows",
        On::All,
        |stage| Box::pin(storms::serialization(stage)),
    ),
    fault(
        "guards",
        "Transactions are held open and forgotten, `pool.reclaim_leaks` is on",
        On::All,
        |stage| Box::pin(callers::forgotten(stage, Locks::RowsOfTheLoad)),
    )
    .set(RECLAIMED)
    .alone(
        On::Servers,
        "only Mainstay has this setting; the next fault is without it",
    ),
    fault(
        "guards-kept",
        "Transactions are held open and forgotten, `pool.reclaim_leaks` is off",
        On::Servers,
        |stage| Box::pin(callers::forgotten(stage, Locks::SpareRows)),
    )
    .keeps_leaks(),
    fault(
        "herd",
        "1,000 tasks come at once, pool of 5",
        On::All,
        |stage| Box::pin(callers::herd(stage)),
    )
    .pool(5),
    fault(
        "drops",
        "Calls are dropped at random points",
        On::All,
        |stage| Box::pin(callers::drops(stage)),
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_fit_for_a_command_line() {
        let names: BTreeSet<_> = FAULTS.iter().map(|fault| fault.name).collect();
        assert_eq!(names.len(), FAULTS.len());
        let plain = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(names.iter().all(|name| plain(name)), "{names:?}");
    }

    #[test]
    fn every_engine_has_the_faults_that_are_not_about_servers() {
        for engine in Engine::ALL {
            let own = FAULTS.iter().filter(|fault| fault.is_for(engine)).count();
            assert!(own >= 10, "{engine}: {own}");
        }
    }
}
