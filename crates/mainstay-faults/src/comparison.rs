//! The page that shows Mainstay beside other layers, as docs/fault-baselines.md.

use crate::report::{Report, Row};

/// The whole page.
pub(crate) fn markdown(report: &Report) -> String {
    let mut text = String::from(INTRODUCTION);
    text += "## In sum\n\n";
    text += &sums(report);
    text += "\n## Each run\n\n";
    text += &report.body();
    text
}

/// A line per engine and layer: over how many runs, and what they showed.
fn sums(report: &Report) -> String {
    let mut text = String::from(
        "| Engine | Client | Runs | Late | No recovery | Missing | Untrue | Twice | Leaked | Hung | Halves | Unknown |\n",
    );
    text += &format!("|{}\n", "---|".repeat(12));
    let ran = || report.rows.iter().filter(|row| row.skipped.is_none());
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for row in ran() {
        let pair = (row.engine.as_str(), row.layer.as_str());
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    pairs.sort_by_key(|(engine, _)| *engine);
    for (engine, layer) in pairs {
        let rows = || ran().filter(|row| row.engine == engine && row.layer == layer);
        let sum = |of: fn(&Row) -> usize| rows().map(of).sum::<usize>();
        let counts = [
            sum(|_| 1),
            sum(|row| usize::from(row.is_late())),
            sum(|row| usize::from(row.recovery_ms.is_none())),
            sum(|row| row.missing),
            sum(|row| row.untrue),
            sum(|row| row.duplicates),
            sum(|row| row.leaked),
            sum(|row| row.hung),
            sum(|row| row.halves),
            sum(|row| row.unknown.all()),
        ];
        let cells = counts.map(|count| count.to_string()).join(" | ");
        text += &format!("| {engine} | {layer} | {cells} |\n");
    }
    text
}

const INTRODUCTION: &str = "\
# The same faults without the layer

Written by `cargo xtask faults --baselines --write-docs`. Do not edit it by hand.

The faults, the load and the comparison are those of the [fault matrix](fault-matrix.md), which says
what the columns mean. Here each fault is met by Mainstay, by plain sqlx 0.9, and on PostgreSQL by
tokio-postgres 0.7 in a pool of deadpool-postgres 0.14, one after another on the same server.

The libraries promise less than a layer does: most of what shows here is no defect of theirs. The table
shows what an application gets that calls them with care, but writes no layer of its own around them.

## How the others are set

As their documentation recommends, and with the numbers that Mainstay has beside them:

- Pools of 8 connections. A wait for a connection may take 1.5 s. A call may take 2 s and a
  transaction 5 s, each in a `tokio::time::timeout`, with the wait for a connection inside of it.
- sqlx: `test_before_acquire` stays on, as by default. So does the cache of prepared statements.
- deadpool: `RecyclingMethod::Verified`, which tests a connection before it is lent, within 1.5 s;
  a new connection may take 2 s; `prepare_cached`.
- SQLite: WAL, `synchronous=NORMAL` as with Mainstay here (no fault is a power cut), foreign keys on,
  transactions by `BEGIN IMMEDIATE`, no creation of missing files, a busy time-out of 1.5 s: shorter
  than a call may take, so that a locked file ends in a definite answer.
- Keys are UUIDs of version 7 that the caller makes. A change that finds no row is an error.
- No calls are tried again, also not after deadlocks and serialization failures: the libraries do not,
  and the caller is told. Nothing is asked of the server that is not a default there.

All of them are built with little optimisation, for the faults take seconds whatever the build.

## What an error means to a careful caller

The libraries report errors, not outcomes. What the caller knows is derived by this rule, which never
lets them say more than they did:

- Before a write can take effect, whatever goes wrong means that it failed: no connection in time, a
  connection that cannot be made, in a transaction everything before COMMIT.
- After it was sent, an error with a number from the database means that it failed, unless the number
  says that the session ends (SQLSTATE 08, 40003, 57P01 and its kin; MySQL 1053, 1927 and their kin).
- After it was sent, everything else leaves it unknown: a lost connection, a time-out. That is counted
  as unknown, and never as a failure of the library.

Leaked are connections that the pool counts as neither idle nor closed ten seconds after the load
rests, or that the server still has as sessions after the pool was closed.

## What is not compared

- Replies to COMMIT that are lost while transactions use the ledger: only Mainstay has one. The fault
  without it is compared.
- `pool.reclaim_leaks` on servers: only Mainstay has that. The fault without it is compared. On SQLite
  the fault is run for comparison, without such a setting for sqlx.

## What is behind the larger numbers

- A file that is deleted or replaced: an open connection of SQLite goes on with the file that is no
  longer at its path, and every write into it succeeds. What was begun a second after the exchange and
  is not in the file at the path counts as missing, and so it is after the next start.
- A full disk, sqlx: SQLite ends the transaction by itself. sqlx then still counts one as open on that
  connection, because its own ROLLBACK fails, and refuses `begin_with` on it from then on. The pool
  keeps such connections, so that transactions fail until the process is started again.
- Calls that are dropped, sqlx on PostgreSQL and MariaDB: a `begin` that is dropped while BEGIN is under
  way leaves a transaction open on a connection that goes back to the pool. The next caller's writes
  are part of it, are acknowledged, and are never committed. This is a known defect of sqlx 0.9.0 on
  [PostgreSQL](https://github.com/transact-rs/sqlx/issues/4393), mended there since; on MariaDB the
  steps have the same order. Tried with `begin` in a task of its own, which nobody drops, nothing was
  missing on either.
- Calls that are dropped, sqlx on MariaDB: connections whose calls were dropped do not become idle again,
  until none is left. That does not come from `begin`; it fits what is known of
  [dropped queries](https://github.com/transact-rs/sqlx/issues/563) and of the ping below.
- Half-open connections, sqlx: a connection that comes back to the pool is pinged, without a limit of
  time ([known there](https://github.com/transact-rs/sqlx/pull/4363)). One whose call ran into its
  time-out stays there as busy, until the system gives the connection up.
- A forgotten transaction (`std::mem::forget`) keeps its connection and its locks. Calls that wait for
  such a lock run into their time-outs. Then sqlx pings their connections without a limit of time, so
  that in the end all are lost to the pool; deadpool gives theirs up and makes new ones, and the old
  sessions stay on the server, waiting for the lock. Mainstay cancels what was given up on the server,
  and `pool.reclaim_leaks` takes the forgotten connection back. On SQLite the lock is that of the whole
  file, so that nobody writes any more.

";

#[cfg(test)]
mod tests {
    use super::*;

    fn row(layer: &str, recovery_ms: Option<u64>, missing: usize) -> Row {
        Row {
            title: "Cut".into(),
            engine: "PostgreSQL".into(),
            layer: layer.into(),
            recovery_ms,
            missing,
            ..Row::default()
        }
    }

    #[test]
    fn the_sums_are_by_engine_and_layer_and_leave_out_what_was_not_run() {
        let mut skipped = row("sqlx", None, 7);
        skipped.skipped = Some("not comparable".into());
        let report = Report {
            seed: 1,
            quick: true,
            rows: vec![
                row("Mainstay", Some(100), 0),
                row("sqlx", Some(9_000), 2),
                row("sqlx", None, 1),
                skipped,
            ],
        };
        let page = markdown(&report);
        assert!(
            page.contains("| PostgreSQL | sqlx | 2 | 1 | 1 | 3 | 0 |"),
            "{page}"
        );
        assert!(
            page.contains("| PostgreSQL | Mainstay | 1 | 0 | 0 | 0 |"),
            "{page}"
        );
        assert!(page.contains("not run: not comparable"), "{page}");
    }
}
