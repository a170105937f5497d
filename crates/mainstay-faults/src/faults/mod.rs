//! The faults: what is done to the database or its callers while the load runs.
//!
//! - `mod.rs`: the table of all of them; `fault`: what one is
//! - `process`: the server is killed, restarted, frozen
//! - `network`: what lies between client and server
//! - `replies`: replies that are lost
//! - `server`: what administrators and other applications do
//! - `storms`: conflicts between the callers themselves
//! - `callers`: callers that come all at once, go away or never end
//! - `file`: what happens to a SQLite file
//! - `killed`: the process that uses a SQLite file is killed

pub(crate) mod callers;
mod fault;
pub(crate) mod file;
pub(crate) mod killed;
mod network;
mod process;
mod replies;
mod server;
mod storms;

pub(crate) use self::fault::{Answers, Fault, Needs, Route};

use self::callers::Locks;
use self::fault::{On, fault};

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

    use mainstay_testkit::Engine;

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
