//! The types a column can have. How each is stored per engine is the dialect's business.

/// The type of a column, independent of any engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnType {
    /// `bool`.
    Bool,
    /// `i32`.
    I32,
    /// `i64`.
    I64,
    /// `f64`; NaN and infinities are refused.
    F64,
    /// A decimal number with `precision` digits, `scale` of them after the point.
    Decimal {
        /// Digits in all, 1 to 28.
        precision: u8,
        /// Digits after the decimal point, at most `precision`.
        scale: u8,
    },
    /// Text; `max` counts Unicode scalar values. Without it the text is unbounded.
    Text {
        /// The longest text allowed, in Unicode scalar values.
        max: Option<u32>,
    },
    /// Bytes.
    Bytes,
    /// A UUID.
    Uuid,
    /// An instant in UTC with microseconds, years 1000 to 9999.
    Instant,
    /// A calendar date, years 1000 to 9999.
    Date,
    /// A JSON document. Equality filters on it are refused.
    Json,
    /// One of a fixed set of words.
    Enum {
        /// The words allowed.
        variants: &'static [&'static str],
    },
}

impl ColumnType {
    /// The type in words, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F64 => "f64",
            Self::Decimal { .. } => "decimal",
            Self::Text { .. } => "text",
            Self::Bytes => "bytes",
            Self::Uuid => "uuid",
            Self::Instant => "instant",
            Self::Date => "date",
            Self::Json => "json",
            Self::Enum { .. } => "enum",
        }
    }
}
