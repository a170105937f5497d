//! Which backups are kept, by number, age and calendar.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use serde::Serialize;

/// Which backups are kept. A backup stays if any of the rules keeps it; the newest one always stays.
///
/// The rules of the calendar count periods that have a backup, and keep the newest of each: `daily:
/// 7` are the newest of each of the last seven days on which one was taken, as restic's
/// [`--keep-daily`](https://restic.readthedocs.io/en/stable/060_forget.html) does, so that a pause
/// removes nothing. Days, ISO weeks, months and years are those of UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// So many of the newest.
    pub last: u32,
    /// Those that are younger.
    pub within: Option<TimeDelta>,
    /// The newest of each of so many days.
    pub daily: u32,
    /// The newest of each of so many weeks.
    pub weekly: u32,
    /// The newest of each of so many months.
    pub monthly: u32,
    /// The newest of each of so many years.
    pub yearly: u32,
}

impl Default for Retention {
    /// The last 3, and one for each of 7 days, 4 weeks and 12 months.
    fn default() -> Self {
        Self {
            last: 3,
            within: None,
            daily: 7,
            weekly: 4,
            monthly: 12,
            yearly: 0,
        }
    }
}

/// What becomes of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The backup's name.
    pub id: String,
    /// The moment whose state it has.
    pub taken_at: DateTime<Utc>,
    /// Which rules keep it; none for one that goes.
    pub kept_by: Vec<&'static str>,
}

impl Decision {
    /// Whether it stays.
    pub fn is_kept(&self) -> bool {
        !self.kept_by.is_empty()
    }
}

impl Retention {
    /// What becomes of each of these backups, newest first.
    pub fn decide(
        &self,
        backups: impl IntoIterator<Item = (String, DateTime<Utc>)>,
        now: DateTime<Utc>,
    ) -> Vec<Decision> {
        let mut all: Vec<Decision> = backups
            .into_iter()
            .map(|(id, taken_at)| Decision {
                id,
                taken_at,
                kept_by: Vec::new(),
            })
            .collect();
        all.sort_by(|a, b| (b.taken_at, &b.id).cmp(&(a.taken_at, &a.id)));
        if let Some(newest) = all.first_mut() {
            newest.kept_by.push("newest");
        }
        for one in all.iter_mut().take(self.last as usize) {
            one.kept_by.push("last");
        }
        if let Some(age) = self.within {
            for one in all.iter_mut().filter(|one| now - one.taken_at <= age) {
                one.kept_by.push("within");
            }
        }
        let day = |at: DateTime<Utc>| (at.year(), at.ordinal());
        let week = |at: DateTime<Utc>| (at.iso_week().year(), at.iso_week().week());
        let month = |at: DateTime<Utc>| (at.year(), at.month());
        let year = |at: DateTime<Utc>| (at.year(), 0);
        keep_newest_of(&mut all, "daily", self.daily, day);
        keep_newest_of(&mut all, "weekly", self.weekly, week);
        keep_newest_of(&mut all, "monthly", self.monthly, month);
        keep_newest_of(&mut all, "yearly", self.yearly, year);
        all
    }
}

/// Keeps the newest of each of so many periods. The backups come newest first.
fn keep_newest_of(
    all: &mut [Decision],
    rule: &'static str,
    periods: u32,
    period: impl Fn(DateTime<Utc>) -> (i32, u32),
) {
    let mut seen = BTreeSet::new();
    for one in all {
        if seen.len() == periods as usize {
            return;
        }
        if seen.insert(period(one.taken_at)) {
            one.kept_by.push(rule);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Retention = Retention {
        last: 0,
        within: None,
        daily: 0,
        weekly: 0,
        monthly: 0,
        yearly: 0,
    };

    fn at(text: &str) -> DateTime<Utc> {
        format!("{text}:00Z").parse().expect("a time")
    }

    fn kept(retention: &Retention, times: &[&str]) -> Vec<String> {
        let backups = times.iter().map(|time| ((*time).to_owned(), at(time)));
        let decided = retention.decide(backups, at("2026-11-28T12:00"));
        assert_eq!(decided.len(), times.len());
        let kept = decided.into_iter().filter(Decision::is_kept);
        kept.map(|one| one.id).collect()
    }

    #[test]
    fn the_newest_stays_whatever_the_rules() {
        let times = ["2020-01-01T00:00", "2020-01-02T00:00"];
        assert_eq!(kept(&NONE, &times), ["2020-01-02T00:00"]);
        assert_eq!(kept(&NONE, &[]), [""; 0]);
    }

    #[test]
    fn by_number_and_by_age() {
        let times = ["2026-11-28T11:00", "2026-11-28T09:00", "2026-11-27T12:00"];
        let last = Retention { last: 2, ..NONE };
        assert_eq!(kept(&last, &times), times[..2]);
        let within = Some(TimeDelta::hours(24));
        // To the very moment.
        assert_eq!(kept(&Retention { within, ..NONE }, &times), times);
        let within = Some(TimeDelta::hours(23));
        assert_eq!(kept(&Retention { within, ..NONE }, &times), times[..2]);
    }

    #[test]
    fn the_calendar_keeps_the_newest_of_each_period() {
        let times = [
            "2026-11-28T23:00",
            "2026-11-28T01:00",
            "2026-11-27T23:59",
            // A pause takes nothing away.
            "2026-11-20T10:00",
            "2026-11-19T10:00",
        ];
        let daily = Retention { daily: 3, ..NONE };
        assert_eq!(kept(&daily, &times), [times[0], times[2], times[3]]);
        // 2027-01-01 is in the 53rd week of 2026, as is the Monday before.
        let times = ["2027-01-01T00:00", "2026-12-28T00:00", "2026-12-27T00:00"];
        let weekly = Retention { weekly: 2, ..NONE };
        assert_eq!(kept(&weekly, &times), [times[0], times[2]]);
        let times = ["2026-03-01T00:00", "2026-02-28T00:00", "2025-02-27T00:00"];
        let monthly = Retention { monthly: 2, ..NONE };
        assert_eq!(kept(&monthly, &times), [times[0], times[1]]);
        let yearly = Retention { yearly: 2, ..NONE };
        assert_eq!(kept(&yearly, &times), [times[0], times[2]]);
    }

    #[test]
    fn a_decision_names_every_rule() {
        let backups = [("a".to_owned(), at("2026-11-28T11:00"))];
        let decided = Retention::default().decide(backups, at("2026-11-28T12:00"));
        let rules = ["newest", "last", "daily", "weekly", "monthly"];
        assert_eq!(decided[0].kept_by, rules);
    }
}
