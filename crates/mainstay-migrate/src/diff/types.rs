//! Column types: whether every value of one can be stored as another.

/// What a type holds, as far as it matters for turning its values into those of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Family {
    /// Whole numbers of so many bytes.
    Integer { bytes: u8, unsigned: bool },
    /// Decimal numbers, with digits in all and after the point where these are limited.
    Decimal { limit: Option<(u32, u32)> },
    /// Floating-point numbers of so many bytes.
    Float { bytes: u8 },
    /// Text, with its longest length in characters where that is limited.
    Text { longest: Option<u64> },
    /// Bytes, with their largest number where that is limited.
    Bytes { longest: Option<u64> },
    /// Truth values.
    Bool,
    /// Days.
    Date,
    /// Points in time, with digits of a second's fraction.
    Instant { zone: bool, digits: u32 },
    /// One of some words.
    OneOf { words: Vec<String> },
    /// Any value at all.
    Any,
    /// Something else, by its whole name.
    Other { name: String },
}

/// What a type of any engine holds.
pub(super) fn family(ty: &str) -> Family {
    let lower = ty.trim().to_ascii_lowercase();
    if lower.ends_with(']') {
        return Family::Other { name: lower };
    }
    let (base, arguments, rest) = parts(&lower);
    let number = |at: usize| arguments.get(at).and_then(|a| a.parse::<u64>().ok());
    let small = |at: usize| number(at).and_then(|n| u32::try_from(n).ok());
    let unsigned = rest.split_whitespace().any(|word| word == "unsigned");
    let integer = |bytes| Family::Integer { bytes, unsigned };
    match base {
        "tinyint" if number(0) == Some(1) && !unsigned => Family::Integer {
            bytes: 1,
            unsigned: false,
        },
        "tinyint" => integer(1),
        "smallint" | "int2" => integer(2),
        "mediumint" => integer(3),
        "int" | "int4" => integer(4),
        // SQLite's INTEGER has eight bytes, PostgreSQL's integer four; each is compared with its
        // own kind only, and its other types are no integers of another size.
        "integer" => integer(4),
        "bigint" | "int8" => integer(8),
        "numeric" | "decimal" => Family::Decimal {
            limit: small(0).map(|digits| (digits, small(1).unwrap_or(0))),
        },
        "real" | "float4" => Family::Float { bytes: 4 },
        "float" => Family::Float { bytes: 4 },
        "double" | "double precision" | "float8" => Family::Float { bytes: 8 },
        "char" | "character" | "bpchar" => Family::Text {
            longest: Some(number(0).unwrap_or(1)),
        },
        "varchar" | "character varying" => Family::Text { longest: number(0) },
        "tinytext" => Family::Text { longest: Some(63) },
        "mediumtext" => Family::Text {
            longest: Some(4_194_303),
        },
        "longtext" | "clob" | "text" => Family::Text { longest: None },
        "binary" | "varbinary" => Family::Bytes { longest: number(0) },
        "tinyblob" => Family::Bytes { longest: Some(255) },
        "mediumblob" => Family::Bytes {
            longest: Some(16_777_215),
        },
        "longblob" | "bytea" | "blob" => Family::Bytes { longest: None },
        "boolean" | "bool" => Family::Bool,
        "date" => Family::Date,
        "timestamptz" | "timestamp with time zone" => Family::Instant {
            zone: true,
            digits: small(0).unwrap_or(6),
        },
        "timestamp" | "timestamp without time zone" | "datetime" => Family::Instant {
            zone: rest.contains("with time zone"),
            digits: small(0).unwrap_or(if base == "datetime" { 0 } else { 6 }),
        },
        "enum" => Family::OneOf { words: arguments },
        "any" => Family::Any,
        _ => Family::Other { name: lower },
    }
}

/// Whether every value of the one type can be stored as the other and means the same there.
pub(super) fn keeps(from: &str, to: &str) -> bool {
    if from.eq_ignore_ascii_case(to) {
        return true;
    }
    match (family(from), family(to)) {
        (a, b) if a == b => from_same_family(from, to),
        (_, Family::Any) => true,
        (
            Family::Integer { bytes, unsigned },
            Family::Integer {
                bytes: more,
                unsigned: no_sign,
            },
        ) => match (unsigned, no_sign) {
            (false, true) => false,
            (true, false) => more > bytes,
            _ => more >= bytes,
        },
        (Family::Integer { .. }, Family::Decimal { limit: None }) => true,
        (
            Family::Integer { bytes, .. },
            Family::Decimal {
                limit: Some((digits, fraction)),
            },
        ) => digits.saturating_sub(fraction) >= integer_digits(bytes),
        (Family::Integer { bytes, .. }, Family::Float { bytes: 8 }) => bytes <= 4,
        (Family::Integer { bytes, .. }, Family::Text { longest }) => {
            longest.is_none_or(|longest| longest > u64::from(integer_digits(bytes)))
        }
        (Family::Bool, Family::Integer { .. }) => true,
        (Family::Decimal { .. }, Family::Decimal { limit: None }) => true,
        (
            Family::Decimal {
                limit: Some((digits, fraction)),
            },
            Family::Decimal {
                limit: Some((more, more_fraction)),
            },
        ) => {
            more_fraction >= fraction
                && more.saturating_sub(more_fraction) >= digits.saturating_sub(fraction)
        }
        (Family::Float { bytes }, Family::Float { bytes: more }) => more >= bytes,
        (Family::Text { longest }, Family::Text { longest: more })
        | (Family::Bytes { longest }, Family::Bytes { longest: more }) => match (longest, more) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(longest), Some(more)) => more >= longest,
        },
        (Family::Bytes { .. }, Family::Text { .. }) => false,
        (_, Family::Text { longest: None }) => true,
        (Family::Date, Family::Instant { .. }) => true,
        (
            Family::Instant { zone, digits },
            Family::Instant {
                zone: other,
                digits: more,
            },
        ) => zone == other && more >= digits,
        (Family::OneOf { words }, Family::OneOf { words: more }) => {
            words.iter().all(|word| more.contains(word))
        }
        (Family::OneOf { words }, Family::Text { longest: Some(max) }) => words
            .iter()
            .all(|word| word.chars().count().saturating_sub(2) as u64 <= max),
        _ => false,
    }
}

/// Types that hold the same by another name: `text` of MySQL is shorter than `longtext`.
fn from_same_family(from: &str, to: &str) -> bool {
    let lower = |ty: &str| ty.trim().to_ascii_lowercase();
    let (from, to) = (lower(from), lower(to));
    let shorter = |long: &str, short: &str| from == long && to == short;
    !(shorter("longtext", "text") || shorter("longblob", "blob"))
}

/// The digits that the largest whole number of so many bytes has.
fn integer_digits(bytes: u8) -> u32 {
    match bytes {
        1 => 3,
        2 => 5,
        3 => 8,
        4 => 10,
        _ => 20,
    }
}

/// `varchar(200) x` into `varchar`, its arguments, and what follows.
fn parts(ty: &str) -> (&str, Vec<String>, &str) {
    let Some(open) = ty.find('(') else {
        let words = ["double precision", "character varying"];
        if let Some(word) = words.iter().find(|word| ty.starts_with(**word)) {
            return (word, Vec::new(), &ty[word.len()..]);
        }
        if ty.starts_with("timestamp") {
            return (ty, Vec::new(), "");
        }
        let end = ty.find(' ').unwrap_or(ty.len());
        return (&ty[..end], Vec::new(), &ty[end..]);
    };
    let close = ty.rfind(')').unwrap_or(ty.len()).max(open + 1);
    let arguments = ty[open + 1..close].split(',');
    let arguments = arguments.map(|a| a.trim().to_owned()).collect();
    (
        ty[..open].trim(),
        arguments,
        ty.get(close + 1..).unwrap_or_default(),
    )
}

#[cfg(test)]
#[path = "tests/types.rs"]
mod tests;
