//! Filters as expressions that can be judged in memory, with SQL's three truth values.

use mainstay::schema::{Column, Filter};
use proptest::prelude::*;

use super::entities::Item;

/// Forty rows with few different values, so that filters hit and orders have ties.
pub(super) fn item_rows() -> Vec<Item> {
    let ranks = [None, Some(-1), Some(0), Some(1), Some(i32::MAX)];
    let scores = [-1.5, 0.0, 0.25, 1e300];
    (0..40_usize)
        .map(|number| Item {
            id: number as i64,
            rank: ranks[number % 5],
            label: WORDS[number % WORDS.len()].to_owned(),
            note: (number % 3 != 0).then(|| WORDS[(number / 3) % WORDS.len()].to_owned()),
            score: scores[number % 4],
        })
        .collect()
}

const WORDS: [&str; 9] = [
    "",
    "a",
    "A",
    "ab",
    "a%b",
    "a_b",
    "b ",
    "\u{e4}",
    "\u{1F600}",
];

#[derive(Debug, Clone, Copy)]
pub(super) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Match {
    Contains,
    Starts,
    Ends,
}

#[derive(Debug, Clone)]
pub(super) enum Expression {
    Rank(Comparison, i32),
    Score(Comparison, f64),
    Label(Comparison, String),
    Note(Comparison, String),
    LabelText(Match, String),
    NoteText(Match, String),
    RankIn(Vec<i32>, bool),
    NoteIn(Vec<String>, bool),
    RankIsNull(bool),
    NoteIsNull(bool),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
}

pub(super) fn expression() -> impl Strategy<Value = Expression> {
    use Comparison::{Eq, Ge, Gt, Le, Lt, Ne};
    let comparison = || proptest::sample::select(vec![Eq, Ne, Lt, Le, Gt, Ge]);
    let rank = || proptest::sample::select(vec![-1, 0, 1, 2, i32::MIN, i32::MAX]);
    let score = proptest::sample::select(vec![-1.5, 0.0, -0.0, 0.25, 1e300, 7.0]);
    let word = || {
        let known = proptest::sample::select(WORDS.to_vec()).prop_map(str::to_owned);
        prop_oneof![3 => known, 1 => "[a-c%_ \u{e4}]{0,3}"]
    };
    let matching = || proptest::sample::select(vec![Match::Contains, Match::Starts, Match::Ends]);
    let leaf = prop_oneof![
        (comparison(), rank()).prop_map(|(c, v)| Expression::Rank(c, v)),
        (comparison(), score).prop_map(|(c, v)| Expression::Score(c, v)),
        (comparison(), word()).prop_map(|(c, v)| Expression::Label(c, v)),
        (comparison(), word()).prop_map(|(c, v)| Expression::Note(c, v)),
        (matching(), word()).prop_map(|(m, v)| Expression::LabelText(m, v)),
        (matching(), word()).prop_map(|(m, v)| Expression::NoteText(m, v)),
        (proptest::collection::vec(rank(), 0..4), any::<bool>())
            .prop_map(|(v, negated)| Expression::RankIn(v, negated)),
        (proptest::collection::vec(word(), 0..4), any::<bool>())
            .prop_map(|(v, negated)| Expression::NoteIn(v, negated)),
        any::<bool>().prop_map(Expression::RankIsNull),
        any::<bool>().prop_map(Expression::NoteIsNull),
    ];
    leaf.prop_recursive(5, 24, 2, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone()
                .prop_map(|(a, b)| Expression::And(a.into(), b.into())),
            two.prop_map(|(a, b)| Expression::Or(a.into(), b.into())),
            inner.prop_map(|a| Expression::Not(a.into())),
        ]
    })
}

impl Expression {
    /// Whether it holds for a row; `None` is SQL's "unknown".
    pub(super) fn holds(&self, row: &Item) -> Option<bool> {
        let note = row.note.as_deref();
        Some(match self {
            Self::Rank(comparison, value) => comparison.holds(&row.rank?, value),
            Self::Score(comparison, value) => comparison.holds(&row.score, value),
            Self::Label(comparison, value) => comparison.holds(row.label.as_str(), value.as_str()),
            Self::Note(comparison, value) => comparison.holds(note?, value.as_str()),
            Self::LabelText(matching, part) => matching.holds(&row.label, part),
            Self::NoteText(matching, part) => matching.holds(note?, part),
            Self::RankIn(values, negated) if values.is_empty() => *negated,
            Self::RankIn(values, negated) => values.contains(&row.rank?) != *negated,
            Self::NoteIn(values, negated) if values.is_empty() => *negated,
            Self::NoteIn(values, negated) => {
                let note = note?;
                values.iter().any(|value| value == note) != *negated
            }
            Self::RankIsNull(negated) => row.rank.is_none() != *negated,
            Self::NoteIsNull(negated) => row.note.is_none() != *negated,
            Self::And(a, b) => match (a.holds(row), b.holds(row)) {
                (Some(false), _) | (_, Some(false)) => false,
                (a, b) => a? && b?,
            },
            Self::Or(a, b) => match (a.holds(row), b.holds(row)) {
                (Some(true), _) | (_, Some(true)) => true,
                (a, b) => a? || b?,
            },
            Self::Not(inner) => !inner.holds(row)?,
        })
    }

    /// The same as a filter.
    pub(super) fn filter(&self) -> Filter<Item> {
        match self {
            Self::Rank(comparison, value) => comparison.filter(Item::RANK, *value),
            Self::Score(comparison, value) => comparison.filter(Item::SCORE, *value),
            Self::Label(comparison, value) => comparison.filter(Item::LABEL, value.clone()),
            Self::Note(comparison, value) => comparison.filter(Item::NOTE, value.clone()),
            Self::LabelText(matching, part) => matching.filter(Item::LABEL, part),
            Self::NoteText(matching, part) => matching.filter(Item::NOTE, part),
            Self::RankIn(values, false) => Item::RANK.is_in(values.iter().copied()),
            Self::RankIn(values, true) => Item::RANK.not_in(values.iter().copied()),
            Self::NoteIn(values, false) => Item::NOTE.is_in(values.iter().cloned()),
            Self::NoteIn(values, true) => Item::NOTE.not_in(values.iter().cloned()),
            Self::RankIsNull(false) => Item::RANK.is_null(),
            Self::RankIsNull(true) => Item::RANK.is_not_null(),
            Self::NoteIsNull(false) => Item::NOTE.is_null(),
            Self::NoteIsNull(true) => Item::NOTE.is_not_null(),
            Self::And(a, b) => a.filter().and(b.filter()),
            Self::Or(a, b) => a.filter().or(b.filter()),
            Self::Not(inner) => inner.filter().not(),
        }
    }
}

impl Comparison {
    fn holds<T: PartialOrd + ?Sized>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Eq => left == right,
            Self::Ne => left != right,
            Self::Lt => left < right,
            Self::Le => left <= right,
            Self::Gt => left > right,
            Self::Ge => left >= right,
        }
    }

    fn filter<T: mainstay::value::ToValue>(
        self,
        column: Column<Item, T>,
        value: T,
    ) -> Filter<Item> {
        match self {
            Self::Eq => column.eq(value),
            Self::Ne => column.ne(value),
            Self::Lt => column.lt(value),
            Self::Le => column.le(value),
            Self::Gt => column.gt(value),
            Self::Ge => column.ge(value),
        }
    }
}

impl Match {
    fn holds(self, text: &str, part: &str) -> bool {
        match self {
            Self::Contains => text.contains(part),
            Self::Starts => text.starts_with(part),
            Self::Ends => text.ends_with(part),
        }
    }

    fn filter(self, column: Column<Item, String>, part: &str) -> Filter<Item> {
        match self {
            Self::Contains => column.contains(part),
            Self::Starts => column.starts_with(part),
            Self::Ends => column.ends_with(part),
        }
    }
}
