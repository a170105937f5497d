//! What kind of values a column takes, read from its type, its checks and, where a text may be
//! anything, its name. Pure.

use mainstay::schema::Dialect;

use super::condition::Condition;
use super::words::{Cursor, Piece};
use crate::catalog::{Catalog, Column};

/// The kinds of values that can be made.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// True or false, in the engine's own form.
    Bool,
    /// A whole number between these.
    Whole {
        low: i64,
        high: i64,
    },
    /// A number with so many digits behind the point, between these.
    Decimal {
        low: i64,
        high: i64,
        scale: u32,
    },
    Double,
    /// One of these.
    Words(Vec<String>),
    /// Any text of at most so many characters.
    Text {
        longest: usize,
    },
    /// An address, which is a text of at most so many characters.
    Mail {
        longest: usize,
    },
    /// A UUID as text.
    Uuid,
    Bytes {
        length: usize,
    },
    Instant(InstantForm),
    Date,
    Time,
    Json,
    /// Always the same text: what few columns have, and little hangs on.
    Fixed(&'static str),
}

/// How an instant is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InstantForm {
    /// `2026-01-01 00:00:00.000000`, as servers read it.
    Server,
    /// `2026-01-01T00:00:00.000000Z`, where it is stored as text.
    Text,
}

/// The longest text that is made, so that a million rows stay a matter of minutes.
const LONG: usize = 120;

/// The kind of a column, with the numbers and words that checks leave. `None` when no value of its
/// type can be made.
pub(super) fn of(
    dialect: Dialect,
    catalog: &Catalog,
    column: &Column,
    checks: &[Condition],
) -> Option<Kind> {
    let words = checks.iter().find_map(|check| check.words(&column.name));
    if let Some(words) = words.filter(|words| !words.is_empty()) {
        return Some(Kind::Words(words));
    }
    let ty = Type::read(dialect, &column.ty);
    let bounded = |low: i64, high: i64| {
        let (least, most) = bounds(checks, &column.name);
        (
            least.map_or(low, |least| least.max(low)),
            most.map_or(high, |most| most.min(high)),
        )
    };
    let whole = |low: i64, high: i64| {
        let low = if ty.unsigned { 0 } else { low };
        let (low, high) = bounded(low, high);
        Some(Kind::Whole { low, high })
    };
    match ty.name.as_str() {
        _ if column.ty.ends_with("[]") => Some(Kind::Fixed("{}")),
        "boolean" | "bool" => Some(Kind::Bool),
        "tinyint" if ty.numbers == [1] => Some(Kind::Whole { low: 0, high: 1 }),
        "tinyint" => whole(-128, 127),
        "smallint" | "int2" => whole(-32_768, 32_767),
        "mediumint" => whole(-8_388_608, 8_388_607),
        "int" | "int4" => whole(i32::MIN.into(), i32::MAX.into()),
        // SQLite's is as wide as it needs to be.
        "integer" if column.ty == "INTEGER" => whole(i64::MIN, i64::MAX),
        "integer" => whole(i32::MIN.into(), i32::MAX.into()),
        "bigint" | "int8" => whole(i64::MIN, i64::MAX),
        "year" => Some(Kind::Whole {
            low: 1970,
            high: 2069,
        }),
        "numeric" | "decimal" | "dec" | "money" => {
            let (precision, scale) = match ty.numbers.as_slice() {
                [precision, scale] => (*precision, *scale),
                [precision] => (*precision, 0),
                _ => (12, 2),
            };
            let scale = u32::try_from(scale).unwrap_or(0);
            let digits = u32::try_from(precision).unwrap_or(0).saturating_sub(scale);
            let most = 10_i64.checked_pow(digits).map_or(i64::MAX, |end| end - 1);
            let low = if ty.unsigned { 0 } else { -most };
            let (low, high) = bounded(low, most);
            Some(Kind::Decimal { low, high, scale })
        }
        "real" | "float" | "double" | "float4" | "float8" | "double precision" => {
            Some(Kind::Double)
        }
        "uuid" => Some(Kind::Uuid),
        "json" | "jsonb" => Some(Kind::Json),
        "date" => Some(Kind::Date),
        "time" | "timetz" => Some(Kind::Time),
        "timestamp" | "timestamptz" | "datetime" => Some(Kind::Instant(InstantForm::Server)),
        "binary" => Some(Kind::Bytes {
            length: size(&ty, 1),
        }),
        "varbinary" => Some(Kind::Bytes {
            length: size(&ty, 16).min(16),
        }),
        "bytea" | "blob" | "tinyblob" | "mediumblob" | "longblob" => {
            Some(Kind::Bytes { length: 16 })
        }
        "enum" => Some(Kind::Words(ty.words)),
        "set" => Some(Kind::Words(ty.words.into_iter().take(1).collect())),
        "text" | "varchar" | "char" | "character" | "character varying" | "bpchar" | "tinytext"
        | "mediumtext" | "longtext" | "citext" | "clob" | "nvarchar" | "nchar" => {
            Some(text(column, &ty, checks))
        }
        "inet" | "cidr" => Some(Kind::Fixed("192.0.2.1")),
        "interval" => Some(Kind::Fixed("1 day")),
        "tsvector" => Some(Kind::Fixed("word")),
        _ => of_catalog(dialect, catalog, &column.ty),
    }
}

/// A type that the database itself has: an enumeration.
fn of_catalog(dialect: Dialect, catalog: &Catalog, ty: &str) -> Option<Kind> {
    let bare = ty.rsplit('.').next().unwrap_or(ty).trim_matches('"');
    let found = catalog
        .others
        .iter()
        .find(|other| other.kind == "TYPE" && other.name == bare)?;
    if !found.definition.to_ascii_uppercase().contains(" AS ENUM") {
        return None;
    }
    let words = Type::read(dialect, &found.definition).words;
    (!words.is_empty()).then_some(Kind::Words(words))
}

/// A text, by what its name says of it: applications store such as text where the engine has no
/// type for it.
fn text(column: &Column, ty: &Type, checks: &[Condition]) -> Kind {
    let most = checks
        .iter()
        .filter_map(|check| check.longest(&column.name));
    let most = most.filter_map(|most| usize::try_from(most).ok()).min();
    let own = ty.numbers.first().and_then(|n| usize::try_from(*n).ok());
    // `text` of SQLite has no length, and one in brackets means nothing there.
    let longest = most.unwrap_or(usize::MAX).min(own.unwrap_or(usize::MAX));
    let longest = longest.min(LONG);
    let name = column.name.to_ascii_lowercase();
    let is_id = name == "id" || name == "uuid" || name.ends_with("_id") || name.ends_with("_uuid");
    let is_instant = name.ends_with("_at") || name.ends_with("_date");
    if is_id && longest >= 36 {
        Kind::Uuid
    } else if is_instant && longest >= 27 {
        Kind::Instant(InstantForm::Text)
    } else if name.ends_with("_on") && longest >= 10 {
        Kind::Date
    } else if name.contains("mail") && longest >= 32 {
        Kind::Mail { longest }
    } else if checks.iter().any(|check| check.wants_json(&column.name)) {
        Kind::Json
    } else {
        Kind::Text { longest }
    }
}

/// The bounds that all checks together leave.
fn bounds(checks: &[Condition], column: &str) -> (Option<i64>, Option<i64>) {
    let all = checks.iter().map(|check| check.bounds(column));
    all.fold((None, None), |(low, high), (least, most)| {
        let high = match (high, most) {
            (Some(high), Some(most)) => Some(high.min(most)),
            (one, other) => one.or(other),
        };
        (low.max(least), high)
    })
}

fn size(ty: &Type, otherwise: usize) -> usize {
    let size = ty.numbers.first().and_then(|n| usize::try_from(*n).ok());
    size.unwrap_or(otherwise)
}

/// A type's parts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Type {
    /// In lower case.
    name: String,
    numbers: Vec<i64>,
    words: Vec<String>,
    unsigned: bool,
}

impl Type {
    fn read(dialect: Dialect, text: &str) -> Self {
        let mut out = Self::default();
        let Some(mut cursor) = Cursor::of(dialect, text) else {
            return out;
        };
        while let Some(piece) = cursor.next() {
            match piece {
                Piece::Word(word) if word.eq_ignore_ascii_case("unsigned") => out.unsigned = true,
                Piece::Word(word) if out.name.is_empty() => out.name = word.to_ascii_lowercase(),
                Piece::Word(word)
                    if word.eq_ignore_ascii_case("varying")
                        || word.eq_ignore_ascii_case("precision") =>
                {
                    out.name = format!("{} {}", out.name, word.to_ascii_lowercase());
                }
                Piece::Number(number) => out.numbers.extend(number.parse::<i64>()),
                Piece::Text(word) => out.words.push(word),
                _ => {}
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use mainstay::schema::Dialect::{MariaDb, Postgres, Sqlite};

    use super::*;
    use crate::catalog::Other;

    fn kind(dialect: Dialect, name: &str, ty: &str, checks: &[&str]) -> Option<Kind> {
        let column = Column {
            name: name.to_owned(),
            ty: ty.to_owned(),
            collation: None,
            nullable: false,
            default: None,
            identity: None,
            generated: None,
            on_update: None,
            comment: None,
        };
        let mut catalog = Catalog::empty(dialect);
        catalog.others.push(Other {
            kind: "TYPE".to_owned(),
            name: "mood".to_owned(),
            definition: "CREATE TYPE \"mood\" AS ENUM ('sad', 'ok')".to_owned(),
        });
        let checks: Vec<Condition> = checks
            .iter()
            .map(|text| super::super::reading::read(dialect, text).expect("understood"))
            .collect();
        of(dialect, &catalog, &column, &checks)
    }

    #[test]
    fn types_of_each_engine_are_known() {
        let whole = |low, high| Some(Kind::Whole { low, high });
        assert_eq!(
            kind(MariaDb, "a", "bigint(20) unsigned", &[]),
            whole(0, i64::MAX)
        );
        assert_eq!(kind(MariaDb, "a", "tinyint(1)", &[]), whole(0, 1));
        assert_eq!(
            kind(MariaDb, "a", "binary(16)", &[]),
            Some(Kind::Bytes { length: 16 })
        );
        let words = Some(Kind::Words(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(kind(MariaDb, "a", "enum('a','b')", &[]), words);
        let mood = Some(Kind::Words(vec!["sad".to_owned(), "ok".to_owned()]));
        assert_eq!(kind(Postgres, "a", "mood", &[]), mood);
        assert_eq!(
            kind(Postgres, "a", "double precision", &[]),
            Some(Kind::Double)
        );
        let instant = Some(Kind::Instant(InstantForm::Server));
        assert_eq!(
            kind(Postgres, "a", "timestamp(6) with time zone", &[]),
            instant
        );
        let text = Some(Kind::Text { longest: 20 });
        assert_eq!(kind(Postgres, "a", "character varying(20)", &[]), text);
        assert_eq!(
            kind(Postgres, "a", "numeric(5,2)", &[]),
            Some(Kind::Decimal {
                low: -999,
                high: 999,
                scale: 2
            })
        );
        assert_eq!(kind(Postgres, "a", "text[]", &[]), Some(Kind::Fixed("{}")));
        assert_eq!(kind(Postgres, "a", "point", &[]), None);
    }

    #[test]
    fn checks_narrow_what_a_type_allows() {
        let found = kind(Sqlite, "a", "INTEGER", &["a >= 1", "a <= 10 AND a < 9"]);
        assert_eq!(found, Some(Kind::Whole { low: 1, high: 8 }));
        let found = kind(Sqlite, "a", "TEXT", &["length(a) <= 7"]);
        assert_eq!(found, Some(Kind::Text { longest: 7 }));
        let found = kind(Sqlite, "a", "TEXT", &["a IN ('x')"]);
        assert_eq!(found, Some(Kind::Words(vec!["x".to_owned()])));
        // What MariaDB makes of JSON.
        let found = kind(MariaDb, "a", "longtext", &["json_valid(`a`)"]);
        assert_eq!(found, Some(Kind::Json));
    }

    #[test]
    fn names_tell_what_a_text_holds() {
        let named = |name| kind(Sqlite, name, "TEXT", &[]);
        assert_eq!(named("id"), Some(Kind::Uuid));
        assert_eq!(named("created_at"), Some(Kind::Instant(InstantForm::Text)));
        assert_eq!(named("last_active_on"), Some(Kind::Date));
        assert_eq!(named("email"), Some(Kind::Mail { longest: LONG }));
        assert_eq!(
            kind(Postgres, "user_id", "varchar(20)", &[]),
            Some(Kind::Text { longest: 20 })
        );
    }
}
