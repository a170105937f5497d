//! When the next backup and the next drill are due, and when it is time to worry.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use serde::Serialize;

/// How often what is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The time from one backup to the next.
    pub every: TimeDelta,
    /// The time of day, in UTC, at which backups begin, where `every` is whole days. By default
    /// they begin whenever they are due.
    pub at: Option<NaiveTime>,
    /// The time from one drill to the next. `None` for no drills.
    pub drill_every: Option<TimeDelta>,
    /// How much later than due the newest backup, or the newest drill, may be before it is an alert.
    pub grace: TimeDelta,
}

impl Default for Schedule {
    /// A backup each day and a drill each week; an alert when one is two hours late.
    fn default() -> Self {
        Self {
            every: TimeDelta::days(1),
            at: None,
            drill_every: Some(TimeDelta::days(7)),
            grace: TimeDelta::hours(2),
        }
    }
}

/// What is known of what was done before: it stands in the target, so that a program that starts
/// anew goes on where the last one stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Past {
    /// When the newest complete backup was taken.
    pub backup: Option<DateTime<Utc>>,
    /// When the newest drill that ended well was begun.
    pub drill: Option<DateTime<Utc>>,
    /// When somebody began to watch: what has never been done is due from then on.
    pub watched_since: DateTime<Utc>,
}

/// What is wrong with the backups as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "alert", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Alert {
    /// There is no backup, and there should be.
    Missing {
        /// Since when one is due.
        due: DateTime<Utc>,
    },
    /// The newest backup is too old.
    Overdue {
        /// Its age in seconds.
        age_s: i64,
        /// When the next one was due.
        due: DateTime<Utc>,
    },
    /// The log is not followed, though it should be: what is written now cannot be recovered.
    NotFollowed {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// No drill has shown for too long that backups can be restored.
    Undrilled {
        /// When a drill was due.
        due: DateTime<Utc>,
    },
}

impl Schedule {
    /// When the next backup is due.
    pub fn backup_due(&self, past: &Past) -> DateTime<Utc> {
        let Some(last) = past.backup else {
            return past.watched_since;
        };
        let due = last + self.every;
        match self.at {
            // The first such time that is not much earlier than a whole period after the last: the
            // last one may have begun a little late.
            Some(at) => {
                let earliest = due - self.every / 2;
                let day = earliest.date_naive().and_time(at).and_utc();
                if day >= earliest {
                    day
                } else {
                    day + TimeDelta::days(1)
                }
            }
            None => due,
        }
    }

    /// When the next drill is due, if there are any. It needs a backup.
    pub fn drill_due(&self, past: &Past) -> Option<DateTime<Utc>> {
        let every = self.drill_every?;
        let first = past.backup?;
        Some(past.drill.map_or(first, |last| last + every))
    }

    /// What is wrong at this moment.
    pub fn alerts(&self, past: &Past, now: DateTime<Utc>) -> Vec<Alert> {
        let mut out = Vec::new();
        let due = self.backup_due(past);
        if now > due + self.grace {
            out.push(match past.backup {
                None => Alert::Missing { due },
                Some(last) => Alert::Overdue {
                    age_s: (now - last).num_seconds(),
                    due,
                },
            });
        }
        if let Some(due) = self.drill_due(past)
            // The first one is due at once, and is overdue a whole period later.
            && now > past.drill.map_or(due + self.drill_every.unwrap_or_default(), |_| due) + self.grace
        {
            out.push(Alert::Undrilled { due });
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-{text}:00Z").parse().expect("a time")
    }

    fn past(backup: Option<&str>, drill: Option<&str>) -> Past {
        Past {
            backup: backup.map(at),
            drill: drill.map(at),
            watched_since: at("10T00:00"),
        }
    }

    #[test]
    fn a_backup_is_due_a_period_after_the_last_one() {
        let schedule = Schedule::default();
        assert_eq!(schedule.backup_due(&past(None, None)), at("10T00:00"));
        let taken = past(Some("10T03:00"), None);
        assert_eq!(schedule.backup_due(&taken), at("11T03:00"));
        let hourly = Schedule {
            every: TimeDelta::hours(1),
            ..schedule
        };
        assert_eq!(hourly.backup_due(&taken), at("10T04:00"));
    }

    #[test]
    fn a_time_of_day_does_not_drift() {
        let schedule = Schedule {
            at: NaiveTime::from_hms_opt(2, 0, 0),
            ..Schedule::default()
        };
        // Late by ten minutes: the next one is not.
        let late = past(Some("10T02:10"), None);
        assert_eq!(schedule.backup_due(&late), at("11T02:00"));
        // Early, by hand, in the evening: the night's is taken all the same, or the day would end
        // without one.
        let evening = past(Some("10T13:00"), None);
        assert_eq!(schedule.backup_due(&evening), at("11T02:00"));
        let early = past(Some("10T01:00"), None);
        assert_eq!(schedule.backup_due(&early), at("11T02:00"));
    }

    #[test]
    fn drills_follow_backups() {
        let schedule = Schedule::default();
        assert_eq!(schedule.drill_due(&past(None, None)), None);
        let first = past(Some("10T03:00"), None);
        assert_eq!(schedule.drill_due(&first), Some(at("10T03:00")));
        let again = past(Some("12T03:00"), Some("11T03:00"));
        assert_eq!(schedule.drill_due(&again), Some(at("18T03:00")));
        let never = Schedule {
            drill_every: None,
            ..schedule
        };
        assert_eq!(never.drill_due(&again), None);
    }

    #[test]
    fn what_is_late_is_an_alert_behind_the_grace() {
        let schedule = Schedule::default();
        let none = past(None, None);
        assert_eq!(schedule.alerts(&none, at("10T02:00")), []);
        let due = at("10T00:00");
        assert_eq!(
            schedule.alerts(&none, at("10T02:01")),
            [Alert::Missing { due }]
        );

        let taken = past(Some("10T03:00"), Some("10T04:00"));
        assert_eq!(schedule.alerts(&taken, at("11T05:00")), []);
        let overdue = Alert::Overdue {
            age_s: 26 * 3600 + 60,
            due: at("11T03:00"),
        };
        assert_eq!(schedule.alerts(&taken, at("11T05:01")), [overdue]);
        let undrilled = Alert::Undrilled {
            due: at("17T04:00"),
        };
        let alerts = schedule.alerts(&past(Some("17T05:00"), Some("10T04:00")), at("17T06:01"));
        assert_eq!(alerts, [undrilled]);

        // One that was never drilled has a period's time for it.
        let fresh = |now: &str| schedule.alerts(&past(Some(now), None), at(now));
        assert_eq!(fresh("10T03:00"), []);
        let never = schedule.alerts(&past(Some("10T03:00"), None), at("10T04:00"));
        assert_eq!(never, []);
    }
}
