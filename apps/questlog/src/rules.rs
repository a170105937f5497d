//! The rules of the game: XP, levels, streaks. Pure.

use chrono::NaiveDate;

use crate::entities::Difficulty;

/// The XP that one level takes.
pub const XP_PER_LEVEL: i64 = 100;

/// The most XP one step may earn.
pub const MAX_XP_PER_STEP: i64 = 1000;

/// The level that follows from all XP ever earned: 1 at 0 XP, and one more at each full 100 XP, so
/// 2 at 150 XP.
///
/// ```
/// use questlog::rules::level_of;
/// assert_eq!(level_of(99), 1);
/// assert_eq!(level_of(150), 2);
/// ```
pub fn level_of(total_xp: i64) -> i32 {
    let levels = total_xp.max(0) / XP_PER_LEVEL + 1;
    i32::try_from(levels).unwrap_or(i32::MAX)
}

/// The XP a step earns when the request does not say: more for harder goals.
pub fn default_xp(difficulty: Difficulty) -> i64 {
    match difficulty {
        Difficulty::Easy => 5,
        Difficulty::Medium => 10,
        Difficulty::Hard => 20,
        Difficulty::Expert => 40,
    }
}

/// The streak after progress on `today`: one more on the day after the last active one, unchanged
/// (at least 1) on the same day, and 1 after a gap or without a last day.
///
/// A last day that lies after today (the clock was set back, or two servers' clocks differ around
/// midnight) counts as today: nobody loses a streak to a clock.
pub fn streak_after(last_active_on: Option<NaiveDate>, today: NaiveDate, current: i32) -> i32 {
    match last_active_on {
        None => 1,
        Some(last) if last >= today => current.max(1),
        Some(last) if last.succ_opt() == Some(today) => current.max(0).saturating_add(1),
        Some(_) => 1,
    }
}

/// The last active day after progress on `today`: it never moves back.
pub fn last_active_after(last_active_on: Option<NaiveDate>, today: NaiveDate) -> NaiveDate {
    last_active_on.map_or(today, |last| last.max(today))
}

#[cfg(test)]
mod tests {
    use chrono::Days;
    use proptest::prelude::*;

    use super::*;

    fn day(offset: u64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2024, 2, 20).unwrap() + Days::new(offset)
    }

    #[test]
    fn levels_start_at_every_hundred() {
        let levels: Vec<_> = [0, 99, 100, 150, 199, 200, 1000].map(level_of).into();
        assert_eq!(levels, [1, 1, 2, 2, 2, 3, 11]);
        assert_eq!(level_of(-5), 1);
        assert_eq!(level_of(i64::MAX), i32::MAX);
    }

    #[test]
    fn a_streak_crosses_a_leap_day_and_ends_with_a_gap() {
        let mut streak = 0;
        let mut last = None;
        for offset in 0..12 {
            streak = streak_after(last, day(offset), streak);
            last = Some(last_active_after(last, day(offset)));
        }
        assert_eq!(streak, 12, "2024-02-29 is a day like others");
        assert_eq!(streak_after(last, day(11), streak), 12, "the same day");
        assert_eq!(streak_after(last, day(12), streak), 13, "the next day");
        assert_eq!(streak_after(last, day(13), streak), 1, "a day was left out");
    }

    #[test]
    fn a_clock_set_back_costs_nothing() {
        assert_eq!(streak_after(Some(day(5)), day(4), 7), 7);
        assert_eq!(last_active_after(Some(day(5)), day(4)), day(5));
    }

    #[test]
    fn harder_goals_earn_more() {
        use Difficulty::{Easy, Expert, Hard, Medium};
        let earned = [Easy, Medium, Hard, Expert].map(default_xp);
        assert!(earned.is_sorted() && earned[0] > 0 && earned[3] <= MAX_XP_PER_STEP);
    }

    proptest! {
        #[test]
        fn a_level_never_falls_with_more_xp(xp in 0..i64::MAX / 2, more in 0..i64::MAX / 2) {
            prop_assert!(level_of(xp) >= 1);
            prop_assert!(level_of(xp + more) >= level_of(xp));
        }

        #[test]
        fn one_level_is_one_hundred_xp(xp in 0..1_000_000_000_i64) {
            prop_assert_eq!(level_of(xp + XP_PER_LEVEL), level_of(xp) + 1);
        }

        /// The streak equals the length of the run of active days that ends with the last one.
        #[test]
        fn a_streak_is_the_last_run_of_days(gaps in prop::collection::vec(0_u64..4, 1..60)) {
            let (mut offset, mut streak, mut last) = (0, 0, None);
            let mut days = Vec::new();
            for gap in gaps {
                offset += gap;
                streak = streak_after(last, day(offset), streak);
                last = Some(last_active_after(last, day(offset)));
                days.push(offset);
            }
            days.dedup();
            let run = days.windows(2).rev().take_while(|pair| pair[1] - pair[0] == 1).count() + 1;
            prop_assert_eq!(usize::try_from(streak).unwrap(), run);
        }

        #[test]
        fn a_streak_is_at_least_one_after_progress(current in any::<i32>(), gap in -3_i64..400) {
            let today = day(100);
            let last = today - chrono::TimeDelta::days(gap);
            prop_assert!(streak_after(Some(last), today, current) >= 1);
        }
    }
}
