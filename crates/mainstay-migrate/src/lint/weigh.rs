//! Findings against the number of rows of the table they concern.

use std::collections::BTreeMap;

use super::context::Hit;
use super::report::Severity;
use super::rules::{Rule, Weight};
use crate::rows::SMALL;

/// How much a finding matters, once the number of rows is known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Weighed {
    pub(super) severity: Severity,
    /// What to add to the message.
    pub(super) remark: String,
    pub(super) rows: Option<u64>,
}

/// What a finding weighs; nothing if it does not matter at all.
pub(super) fn weigh(
    rule: &Rule,
    hit: &Hit,
    rows: Option<&BTreeMap<String, u64>>,
) -> Option<Weighed> {
    let known = hit.table.as_ref().zip(rows).and_then(|(table, rows)| {
        let number = rows.get(&table.name).or_else(|| {
            let of_any_case = rows
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(&table.name));
            of_any_case.map(|(_, number)| number)
        })?;
        Some((&table.name, *number))
    });
    let as_it_is = |remark: String| {
        Some(Weighed {
            severity: rule.severity,
            remark,
            rows: known.map(|(_, number)| number),
        })
    };
    let Some((name, number)) = known else {
        return as_it_is(String::new());
    };
    let has = format!("; {name} has about {}", counted(number));
    match rule.weight {
        Weight::Any => as_it_is(String::new()),
        Weight::Rows | Weight::Filled if number == 0 => None,
        Weight::Rows if number < SMALL => Some(Weighed {
            severity: Severity::Note,
            remark: has,
            rows: Some(number),
        }),
        Weight::Rows | Weight::Filled => as_it_is(has),
    }
}

/// `1,200,000 rows`, exact below a thousand and to two digits above.
fn counted(number: u64) -> String {
    let mut step = 1;
    while number / step >= 1000 {
        step *= 10;
    }
    let step = if step > 1 { step * 10 } else { 1 };
    let digits = (number / step * step).to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + if number == 1 { " row" } else { " rows" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_and_grouped() {
        let all: Vec<_> = [0, 1, 999, 1000, 12_345, 123_456, 1_234_567]
            .map(counted)
            .into();
        let expected = [
            "0 rows",
            "1 row",
            "999 rows",
            "1,000 rows",
            "12,000 rows",
            "120,000 rows",
            "1,200,000 rows",
        ];
        assert_eq!(all, expected);
    }
}
