//! What was measured against what is to be. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ledger::{Entry, Kind, PoolUse, Rest, Told};
use crate::verdict::Verdict;

/// The run for which the share of answered calls is stated. One restart costs what it costs, however
/// long the run around it is: a shorter run is allowed as many calls as one of this length.
const FULL: Duration = Duration::from_secs(30 * 60);
/// Of a thousand calls so many may stay without an answer.
const UNANSWERED: f64 = 0.001;
const READS: Duration = Duration::from_millis(100);
/// Of a hundred connections.
const POOL: usize = 80;
const RECOVERY: Duration = Duration::from_secs(5);
/// So much later the last quarter's memory may be above the second one's: a twentieth and this many
/// kilobytes, which is what allocators keep back.
const MEMORY: u64 = 4 * 1024;
const DESCRIPTORS: f64 = 4.0;
/// Answers and the pool's use are looked at apart for this long after the server is back.
const AFTERMATH: Duration = Duration::from_secs(5);

/// Memory and file descriptors at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) at: Duration,
    /// In kilobytes.
    pub(super) memory: u64,
    pub(super) descriptors: usize,
    /// Connections that the pool had open.
    pub(super) open: usize,
}

/// When the server was restarted and when it was back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outage {
    pub(super) begin: Duration,
    pub(super) end: Duration,
}

/// All that was seen.
#[derive(Debug)]
pub(super) struct Soak {
    pub(super) engine: String,
    pub(super) length: Duration,
    pub(super) planned: Duration,
    pub(super) rate: u32,
    pub(super) seed: u64,
    pub(super) has_server: bool,
    pub(super) outage: Option<Outage>,
    /// From the server's return.
    pub(super) recovered: Option<Duration>,
    pub(super) entries: Vec<Entry>,
    pub(super) pool: Vec<(Duration, PoolUse)>,
    pub(super) pool_max: usize,
    pub(super) samples: Vec<Sample>,
    pub(super) rest: Rest,
    pub(super) verdict: Verdict,
}

/// One level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Level {
    pub(super) what: String,
    pub(super) target: String,
    pub(super) measured: String,
    pub(super) is_met: bool,
}

/// What a soak of one engine showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) engine: String,
    pub(super) seconds: u64,
    pub(super) rate: u32,
    pub(super) seed: u64,
    pub(super) calls: usize,
    pub(super) levels: Vec<Level>,
    /// Further facts.
    pub(super) notes: Vec<String>,
}

impl Measured {
    pub(super) fn of(soak: Soak) -> Self {
        let calls = soak.entries.iter().filter(|e| e.told != Told::Dropped);
        let mut levels = vec![
            soak.reads(),
            soak.pool_use(),
            soak.answered(),
            soak.nothing("Connections leaked", soak.rest.leaked),
            soak.nothing("Acknowledged but missing", soak.verdict.missing),
            soak.nothing("Reported failed but present", soak.verdict.untrue),
            soak.nothing("Applied twice", soak.verdict.duplicates),
            soak.nothing("Accounts with half a transaction", soak.verdict.halves),
            soak.memory(),
            soak.descriptors(),
        ];
        levels.extend(soak.recovery());
        Self {
            calls: calls.count(),
            levels,
            notes: soak.notes(),
            engine: soak.engine,
            seconds: soak.length.as_secs(),
            rate: soak.rate,
            seed: soak.seed,
        }
    }

    /// One line for each level that is not met.
    pub(super) fn missed(&self) -> Vec<String> {
        let missed = self.levels.iter().filter(|level| !level.is_met);
        missed
            .map(|level| {
                let Level {
                    what,
                    target,
                    measured,
                    ..
                } = level;
                format!("{} on {}: {measured}, to be {target}", what, self.engine)
            })
            .collect()
    }
}

impl Soak {
    fn is_calm(&self, at: Duration) -> bool {
        self.outage
            .is_none_or(|outage| at < outage.begin || at > outage.end + AFTERMATH)
    }

    /// How long calls took at a percentile.
    fn took(&self, kind: Kind, calm: bool, percent: usize) -> Option<Duration> {
        let of_kind = self.entries.iter().filter(|entry| {
            entry.kind == kind
                && entry.told != Told::Dropped
                && (!calm || self.is_calm(entry.ended))
        });
        let mut times: Vec<Duration> = of_kind.map(Entry::took).collect();
        times.sort();
        let rank = (times.len() * percent).div_ceil(100).max(1);
        times.get(rank - 1).copied()
    }

    fn reads(&self) -> Level {
        let calm = self.took(Kind::Read, true, 99);
        let all = self.took(Kind::Read, false, 99);
        let text = |time: Option<Duration>| time.map_or_else(|| "none".to_owned(), millis);
        let measured = if self.outage.is_some() {
            format!("{} ({} with the restart)", text(calm), text(all))
        } else {
            text(calm)
        };
        Level {
            what: "p99 of reads by key".into(),
            target: format!("under {}", millis(READS)),
            measured,
            is_met: calm.is_some_and(|time| time < READS),
        }
    }

    /// The most connections on loan, and when that was first so.
    fn peak(&self, calm: bool) -> Option<(Duration, usize)> {
        let looks = self
            .pool
            .iter()
            .filter(|(at, _)| !calm || self.is_calm(*at));
        // Of equals the last is taken, so that looking backwards it is the first.
        let most = looks.rev().max_by_key(|(_, used)| used.in_use)?;
        Some((most.0, most.1.in_use))
    }

    fn pool_use(&self) -> Level {
        let share = |calm: bool| {
            let most = self.peak(calm).map_or(0, |(_, most)| most);
            most * 100 / self.pool_max.max(1)
        };
        let measured = if self.outage.is_some() {
            format!("{} % ({} % with the restart)", share(true), share(false))
        } else {
            format!("{} %", share(true))
        };
        Level {
            what: "Peak use of the pool".into(),
            target: format!("under {POOL} %"),
            measured,
            is_met: !self.pool.is_empty() && share(true) < POOL,
        }
    }

    fn answered(&self) -> Level {
        let calls = self.entries.iter().filter(|e| e.told != Told::Dropped);
        let calls = calls.count();
        let refused = self
            .entries
            .iter()
            .filter(|entry| entry.told != Told::Dropped && entry.told != Told::Done);
        let refused = refused.count();
        let (longer, of) = if self.outage.is_some() && self.length < FULL {
            (
                FULL.as_secs_f64() / self.length.as_secs_f64().max(1.0),
                " of 30 minutes",
            )
        } else {
            (1.0, "")
        };
        let allowed = (calls as f64 * longer * UNANSWERED).floor();
        let share = 100.0 - 100.0 * refused as f64 / calls.max(1) as f64;
        Level {
            what: "Calls answered".into(),
            target: format!("99.9 %{of}: at most {allowed:.0} not answered"),
            measured: format!("{share:.3} %: {refused} of {calls} not answered"),
            is_met: calls > 0 && refused as f64 <= allowed,
        }
    }

    fn recovery(&self) -> Option<Level> {
        self.outage?;
        Some(Level {
            what: "Full service after the server's return".into(),
            target: format!("within {} s", RECOVERY.as_secs()),
            measured: self.recovered.map_or_else(
                || "none".to_owned(),
                |time| format!("{:.1} s", time.as_secs_f64()),
            ),
            is_met: self.recovered.is_some_and(|time| time <= RECOVERY),
        })
    }

    fn nothing(&self, what: &str, count: usize) -> Level {
        Level {
            what: what.to_owned(),
            target: "0".to_owned(),
            measured: count.to_string(),
            is_met: count == 0,
        }
    }

    /// The mean of the second quarter and of the last one.
    fn quarters(&self, value: impl Fn(&Sample) -> f64) -> Option<(f64, f64)> {
        let mean = |from: f64, to: f64| {
            let (from, to) = (self.length.mul_f64(from), self.length.mul_f64(to));
            let within = self.samples.iter().filter(|s| s.at >= from && s.at < to);
            let values: Vec<f64> = within.map(&value).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        Some((mean(0.25, 0.5)?, mean(0.75, 1.0)?))
    }

    fn memory(&self) -> Level {
        let means = self.quarters(|sample| sample.memory as f64);
        let megabytes = |kilobytes: f64| format!("{:.1} MB", kilobytes / 1024.0);
        Level {
            what: "Memory".into(),
            target: format!("flat: at most 5 % and {} more", megabytes(MEMORY as f64)),
            measured: means.map_or_else(too_short, |(second, last)| {
                format!("{}, at last {}", megabytes(second), megabytes(last))
            }),
            is_met: means.is_some_and(|(second, last)| last <= second * 1.05 + MEMORY as f64),
        }
    }

    /// Those of the pool's connections come and go with the load, within `pool.max`: they are not
    /// counted.
    fn descriptors(&self) -> Level {
        // SQLite has the file and its log open, a client of a server its socket.
        let each = if self.has_server { 1 } else { 2 };
        let others = |sample: &Sample| sample.descriptors as f64 - (sample.open * each) as f64;
        let means = self.quarters(others);
        Level {
            what: "File descriptors beside the pool's".into(),
            target: format!("flat: at most {DESCRIPTORS:.0} more"),
            measured: means.map_or_else(too_short, |(second, last)| {
                format!("{second:.1}, at last {last:.1}")
            }),
            is_met: means.is_some_and(|(second, last)| last <= second + DESCRIPTORS),
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        match self.outage {
            Some(Outage { begin, end }) => notes.push(format!(
                "the server was restarted after {:.0} s, which took {:.1} s",
                begin.as_secs_f64(),
                (end - begin).as_secs_f64()
            )),
            None if self.has_server => notes.push("the server was not restarted".to_owned()),
            None => notes.push("no server, so nothing was restarted".to_owned()),
        }
        if self.length < self.planned {
            notes.push(format!(
                "stopped before its {:.0} s were over",
                self.planned.as_secs_f64()
            ));
        }
        let times = Kind::ALL.map(|kind| {
            let at = |percent| {
                self.took(kind, true, percent)
                    .map_or_else(|| "-".to_owned(), millis)
            };
            format!("{kind:?} {} / {}", at(50), at(99))
        });
        notes.push(format!(
            "p50 / p99 beside the restart: {}",
            times.join(", ")
        ));
        if let Some((at, most)) = self.peak(true) {
            notes.push(format!(
                "the pool was used most after {:.0} s: {most} of {} connections",
                at.as_secs_f64(),
                self.pool_max
            ));
        }
        let unknown = self.verdict.unknown;
        notes.push(format!(
            "unknown outcomes: {} creates, {} transactions, {} others",
            unknown.creates, unknown.transactions, unknown.others
        ));
        let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
        for code in self
            .entries
            .iter()
            .filter_map(|entry| entry.code.as_deref())
        {
            *codes.entry(code).or_default() += 1;
        }
        if !codes.is_empty() {
            let codes: Vec<String> = codes
                .iter()
                .map(|(code, n)| format!("{code} {n}"))
                .collect();
            notes.push(format!("errors: {}", codes.join(", ")));
        }
        let details = self.rest.details.iter().chain(&self.verdict.details);
        notes.extend(details.take(12).cloned());
        notes
    }
}

fn too_short() -> String {
    "too short to say".to_owned()
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests;
