//! The command line of `backup`.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use clap::{Args, Subcommand, ValueEnum};
use mainstay::config::parse_duration;
use mainstay_backup::archive::Kind;
use mainstay_backup::plan::retention::Retention;
use mainstay_backup::plan::schedule::Schedule;
use mainstay_backup::{Follow, Moment};

use super::values::Format;

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum BackupCommand {
    /// Take a backup while everybody goes on working.
    Create {
        /// Where backups go: a folder, or s3://BUCKET/PREFIX. By default `backup.target` of the
        /// configuration.
        #[arg(long = "to", value_name = "TARGET")]
        target: Option<String>,
        #[command(flatten)]
        stored: Stored,
        #[command(flatten)]
        taken: Taken,
        #[command(flatten)]
        format: Format,
    },
    /// List the backups there are, with their last drill.
    List {
        #[command(flatten)]
        from: FromTarget,
        #[command(flatten)]
        format: Format,
    },
    /// Read every byte of a backup and compare it with what was written. That it can be restored,
    /// only a drill proves.
    Verify {
        /// The backup's name, or enough of it; the newest by default.
        #[arg(value_name = "NAME", default_value = "newest")]
        which: String,
        #[command(flatten)]
        from: FromTarget,
        #[command(flatten)]
        format: Format,
    },
    /// Restore a backup to a new place, compare it there with what was backed up, and put it in the
    /// database's place. What was there is kept aside.
    Restore {
        /// The backup's name, or enough of it; the newest by default.
        #[arg(value_name = "NAME", default_value = "newest")]
        which: String,
        #[command(flatten)]
        from: FromTarget,
        #[command(flatten)]
        place: RestorePlace,
        #[command(flatten)]
        format: Format,
    },
    /// Prove that a backup can be restored: do it in a place of its own, compare, ask a query,
    /// measure, and remove it again. Ends with 1 on any doubt.
    Drill {
        /// The backup's name, or enough of it; the newest by default.
        #[arg(value_name = "NAME", default_value = "newest")]
        which: String,
        #[command(flatten)]
        from: FromTarget,
        #[command(flatten)]
        query: Query,
        /// Write the report to this file, as JSON. It is kept beside the backup, too.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
        #[command(flatten)]
        format: Format,
    },
    /// Remove the backups that no rule keeps. The newest one always stays.
    Prune {
        #[command(flatten)]
        from: FromTarget,
        #[command(flatten)]
        keep: Keep,
        /// Only say what would be removed.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Take backups, hold drills and remove what no rule keeps, on a schedule, until stopped.
    Watch(Box<WatchArgs>),
}

/// Under which name backups stand, and with which keys.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub(crate) struct Stored {
    /// Under which name the backups of this database stand in the target. By default the database's
    /// own.
    #[arg(long, value_name = "NAME")]
    pub(crate) label: Option<String>,
    /// A file with the secret key that opens encrypted backups, as age-keygen writes it.
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
}

/// Where backups are read from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub(crate) struct FromTarget {
    /// Where backups are: a folder, or s3://BUCKET/PREFIX. By default `backup.target` of the
    /// configuration.
    #[arg(long = "from", value_name = "TARGET")]
    pub(crate) target: Option<String>,
    #[command(flatten)]
    pub(crate) stored: Stored,
}

/// How a backup is taken.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub(crate) struct Taken {
    /// Encrypt to this age recipient (age1...), so that its secret key opens it; may be repeated.
    #[arg(long, value_name = "RECIPIENT")]
    pub(crate) encrypt_to: Vec<String>,
    /// As statements, which later versions of the engine read, or as the engine's own files. By
    /// default statements on servers, and the file on SQLite.
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) kind: Option<KindName>,
    /// How hard is compressed, from 1 (fast) to 19 (small).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=19))]
    pub(crate) level: Option<i32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindName {
    Logical,
    Physical,
}

impl From<KindName> for Kind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Logical => Self::Logical,
            KindName::Physical => Self::Physical,
        }
    }
}

/// Where a backup is restored to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub(crate) struct RestorePlace {
    /// The state of this moment instead of the backup's, such as 2026-02-14T09:30:00Z, or `newest`
    /// for all there is. Needs the log that `backup watch --point-in-time` writes.
    #[arg(long = "to", value_name = "TIME", value_parser = moment)]
    pub(crate) to: Option<Moment>,
    /// Where the data of a new server is to be, for a moment on a server and for backups of a
    /// server's files. The server there is goes on meanwhile.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Restore into this database instead, where nothing may be.
    #[arg(long, value_name = "URL", conflicts_with = "replace")]
    pub(crate) into: Option<String>,
    /// Put it in the place of the database that is there, and keep that aside.
    #[arg(long)]
    pub(crate) replace: bool,
    /// On servers, end the sessions that use the database whose place is taken.
    #[arg(long, requires = "replace")]
    pub(crate) end_sessions: bool,
}

/// What a drill asks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub(crate) struct Query {
    /// A query that what was restored must answer with at least one row. By default its largest
    /// table is counted.
    #[arg(long, value_name = "SQL")]
    pub(crate) query: Option<String>,
}

/// Which backups are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub(crate) struct Keep {
    /// So many of the newest. Without any of these rules: the last 3, and one for each of 7 days, 4
    /// weeks and 12 months.
    #[arg(long, value_name = "N")]
    pub(crate) keep_last: Option<u32>,
    /// Those that are younger than this, such as 30d.
    #[arg(long, value_name = "AGE", value_parser = parse_duration)]
    pub(crate) keep_within: Option<Duration>,
    /// The newest of each of so many days.
    #[arg(long, value_name = "N")]
    pub(crate) keep_daily: Option<u32>,
    /// The newest of each of so many weeks.
    #[arg(long, value_name = "N")]
    pub(crate) keep_weekly: Option<u32>,
    /// The newest of each of so many months.
    #[arg(long, value_name = "N")]
    pub(crate) keep_monthly: Option<u32>,
    /// The newest of each of so many years.
    #[arg(long, value_name = "N")]
    pub(crate) keep_yearly: Option<u32>,
}

impl Keep {
    pub(crate) fn retention(&self) -> Retention {
        if *self == Self::default() {
            return Retention::default();
        }
        Retention {
            last: self.keep_last.unwrap_or(0),
            within: self.keep_within.map(delta),
            daily: self.keep_daily.unwrap_or(0),
            weekly: self.keep_weekly.unwrap_or(0),
            monthly: self.keep_monthly.unwrap_or(0),
            yearly: self.keep_yearly.unwrap_or(0),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct WatchArgs {
    /// Where backups go: a folder, or s3://BUCKET/PREFIX. By default `backup.target` of the
    /// configuration.
    #[arg(long = "to", value_name = "TARGET")]
    pub(crate) target: Option<String>,
    #[command(flatten)]
    pub(crate) stored: Stored,
    #[command(flatten)]
    pub(crate) taken: Taken,
    #[command(flatten)]
    pub(crate) keep: Keep,
    #[command(flatten)]
    pub(crate) query: Query,
    /// The time from one backup to the next.
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = parse_duration)]
    pub(crate) every: Duration,
    /// The time of day, in UTC, at which backups begin, such as 02:30.
    #[arg(long, value_name = "HH:MM", value_parser = time_of_day)]
    pub(crate) at: Option<NaiveTime>,
    /// The time from one drill to the next.
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = parse_duration)]
    pub(crate) drill_every: Duration,
    /// Hold no drills.
    #[arg(long, conflicts_with = "drill_every")]
    pub(crate) no_drills: bool,
    /// Remove nothing.
    #[arg(long)]
    pub(crate) no_prune: bool,
    /// How late a backup or a drill may be before it is an alert.
    #[arg(long, value_name = "TIME", default_value = "2h", value_parser = parse_duration)]
    pub(crate) grace: Duration,
    /// Follow the log between backups, so that any moment can be recovered. Backups are bases then:
    /// on PostgreSQL the server's files.
    #[arg(long)]
    pub(crate) point_in_time: bool,
    /// Within this time, what was acknowledged is in the target.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_duration, requires = "point_in_time")]
    pub(crate) interval: Duration,
    /// A folder on this machine for what PostgreSQL's log has that is not in the target yet.
    #[arg(long, value_name = "FOLDER", requires = "point_in_time")]
    pub(crate) spool: Option<PathBuf>,
    /// Do nothing but look whether backups and drills happen as they should, for a monitor: ends
    /// with 1 when there is an alert.
    #[arg(long)]
    pub(crate) check: bool,
    /// Print each event as a line of JSON.
    #[command(flatten)]
    pub(crate) format: Format,
}

impl WatchArgs {
    pub(crate) fn follow(&self) -> Option<Follow> {
        self.point_in_time.then(|| Follow {
            interval: self.interval,
            spool: self.spool.clone(),
        })
    }

    pub(crate) fn schedule(&self) -> Schedule {
        Schedule {
            every: delta(self.every),
            at: self.at,
            drill_every: (!self.no_drills).then(|| delta(self.drill_every)),
            grace: delta(self.grace),
        }
    }
}

/// The longest time that can be given has fewer seconds than this can hold.
fn delta(time: Duration) -> TimeDelta {
    TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX)
}

fn moment(text: &str) -> Result<Moment, String> {
    if text == "newest" {
        return Ok(Moment::Newest);
    }
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| {
        "expected a time with its zone, such as 2026-02-14T09:30:00Z, or newest".to_owned()
    })?;
    Ok(Moment::At(time.with_timezone(&Utc)))
}

fn time_of_day(text: &str) -> Result<NaiveTime, String> {
    NaiveTime::parse_from_str(text, "%H:%M")
        .map_err(|_| "expected hours and minutes in UTC, such as 02:30".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rule_of_keeping_leaves_the_others_out() {
        assert_eq!(Keep::default().retention(), Retention::default());
        let keep = Keep {
            keep_within: Some(Duration::from_secs(86_400)),
            ..Keep::default()
        };
        let retention = keep.retention();
        assert_eq!(retention.within, Some(TimeDelta::days(1)));
        assert_eq!((retention.last, retention.daily), (0, 0));
    }

    #[test]
    fn a_moment_has_its_zone() {
        assert_eq!(moment("newest"), Ok(Moment::Newest));
        let time = moment("2026-02-14T10:30:00+01:00");
        let same = moment("2026-02-14T09:30:00Z");
        assert!(time.is_ok() && time == same, "{time:?}");
        assert!(moment("2026-02-14 09:30").is_err());
    }

    #[test]
    fn a_time_of_day_has_hours_and_minutes() {
        assert_eq!(
            time_of_day("02:30"),
            Ok(NaiveTime::from_hms_opt(2, 30, 0).expect("a time"))
        );
        for text in ["", "2", "24:00", "02:30:10", "half two"] {
            assert!(time_of_day(text).is_err(), "{text}");
        }
    }
}
