//! What the engines share about types.

use mainstay::value::ColumnType;

/// A text of any length. The target's own limits decide what is too long.
pub(in crate::copy) const TEXT: ColumnType = ColumnType::Text { max: None };

/// Behind how many of the characters a type's name ends, and the numbers in its parentheses:
/// `numeric(10,2)` is `numeric` with 10 and 2.
pub(super) fn split(ty: &str) -> (String, Vec<u32>) {
    let lower = ty.trim().to_ascii_lowercase();
    let Some((name, rest)) = lower.split_once('(') else {
        return (lower, Vec::new());
    };
    let (inside, behind) = rest.split_once(')').unwrap_or((rest, ""));
    let numbers = inside.split(',').map_while(|part| part.trim().parse().ok());
    (format!("{}{behind}", name.trim_end()), numbers.collect())
}

/// A decimal that Mainstay's own type holds.
pub(super) fn decimal(numbers: &[u32]) -> Vec<ColumnType> {
    let number = |position: usize| numbers.get(position).copied().map(u8::try_from);
    match (number(0), number(1).unwrap_or(Ok(0))) {
        (Some(Ok(precision @ 1..=28)), Ok(scale)) if scale <= precision => {
            vec![ColumnType::Decimal { precision, scale }]
        }
        _ => Vec::new(),
    }
}
