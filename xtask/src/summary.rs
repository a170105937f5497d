//! Counting tests from the output of the programs that run them.

use std::collections::HashSet;
use std::fmt;
use std::ops::AddAssign;

/// How many tests ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl Counts {
    /// Moves tests that returned early, because their engine was not there, from passed to skipped.
    /// `notes` is the file they noted it in: an engine, a tab, and a name per line. A test that noted
    /// several engines counts once.
    pub(crate) fn apply_skips(&mut self, notes: &str) {
        let tests: HashSet<&str> = notes
            .lines()
            .filter_map(|line| Some(line.split_once('\t')?.1))
            .collect();
        let moved = tests.len().min(self.passed);
        self.passed -= moved;
        self.skipped += moved;
    }
}

/// The counts of nextest's summary, if this line is it:
/// `Summary [   5.0s] 14/22 tests run: 12 passed (1 slow), 1 failed, 1 timed out, 0 skipped`.
pub(crate) fn nextest_summary(line: &str) -> Option<Counts> {
    let line = without_colours(line);
    let rest = line.trim().strip_prefix("Summary [")?;
    let (head, tail) = rest.split_once("run:")?;
    if !head.contains("test") {
        return None;
    }
    let mut counts = Counts::default();
    for part in without_parentheses(tail).split(',') {
        let (number, what) = part.trim().split_once(' ')?;
        let number: usize = number.parse().ok()?;
        match what.trim() {
            "passed" => counts.passed += number,
            "skipped" => counts.skipped += number,
            // failed, timed out, exec failed, and what may come.
            _ => counts.failed += number,
        }
    }
    Some(counts)
}

/// The counts of a result line of `cargo test`, if this line is one:
/// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.1s`.
pub(crate) fn libtest_result(line: &str) -> Option<Counts> {
    let line = without_colours(line);
    let (_, tail) = line
        .trim()
        .strip_prefix("test result: ")?
        .split_once(". ")?;
    let mut counts = Counts::default();
    for part in tail.split(';') {
        let Some((number, what)) = part.trim().split_once(' ') else {
            continue;
        };
        let Ok(number) = number.parse::<usize>() else {
            continue;
        };
        match what {
            "passed" | "measured" => counts.passed += number,
            "failed" => counts.failed += number,
            "ignored" | "filtered out" => counts.skipped += number,
            _ => {}
        }
    }
    Some(counts)
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // ESC [ parameters letter
            for skipped in characters.by_ref() {
                if skipped.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(character);
        }
    }
    plain
}

fn without_parentheses(text: &str) -> String {
    let mut depth = 0_usize;
    text.chars()
        .filter(|character| match character {
            '(' => {
                depth += 1;
                false
            }
            ')' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: usize, failed: usize, skipped: usize) -> Counts {
        Counts {
            passed,
            failed,
            skipped,
        }
    }

    #[test]
    fn reads_nextests_summary() {
        let cases = [
            (
                "     Summary [   0.010s] 3 tests run: 3 passed, 0 skipped",
                counts(3, 0, 0),
            ),
            (
                "Summary [  5.083s] 14/22 tests run: 13 passed, 1 failed, 4 skipped",
                counts(13, 1, 4),
            ),
            (
                "Summary [ 1.0s] 1 test run: 1 passed (1 slow, 1 leaky), 2 skipped",
                counts(1, 0, 2),
            ),
            (
                "Summary [ 9.0s] 9 tests run: 3 passed (1 flaky), 2 failed, 3 timed out, 1 exec failed, 0 skipped",
                counts(3, 6, 0),
            ),
            (
                "\u{1b}[31;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m1\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m1\u{1b}[0m \u{1b}[31;1mfailed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m \u{1b}[33;1mskipped\u{1b}[0m",
                counts(1, 1, 0),
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(nextest_summary(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn takes_no_other_line_for_nextests_summary() {
        for line in [
            "",
            "PASS [ 0.1s] Summary",
            "Summary of things: 3 passed",
            "Summary [x] run: y",
        ] {
            assert_eq!(nextest_summary(line), None, "{line}");
        }
    }

    #[test]
    fn reads_cargo_tests_result() {
        let line = "test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.12s";
        assert_eq!(libtest_result(line), Some(counts(3, 2, 5)));
        assert_eq!(libtest_result("test result_of_sum ... ok"), None);
    }

    #[test]
    fn a_test_that_skipped_engines_counts_once_and_not_as_passed() {
        let mut total = counts(5, 1, 2);
        total.apply_skips("postgres\ta one\nmysql\ta one\nmysql\tb two\n");
        assert_eq!(total, counts(3, 1, 4));
    }

    #[test]
    fn the_last_line_has_the_agreed_form() {
        assert_eq!(counts(3, 2, 1).to_string(), "3 passed, 2 failed, 1 skipped");
    }
}
