//! One difference between two catalogs, as data and in words.

use std::fmt::Write as _;

use serde::Serialize;

/// One difference. Left is the first catalog, right the second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The table it is in; none for views and what stands beside tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// What kind of thing differs.
    pub object: Object,
    /// The thing's name; none where it has none, or where the table itself is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What of it differs.
    pub property: Property,
    /// What the left has, as SQL or text; `None`: nothing.
    pub left: Option<String>,
    /// What the right has.
    pub right: Option<String>,
}

/// A kind of thing that can differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Object {
    /// A table as a whole.
    Table,
    /// A column.
    Column,
    /// The primary key.
    PrimaryKey,
    /// A unique constraint.
    Unique,
    /// An index.
    Index,
    /// A foreign key.
    ForeignKey,
    /// A check.
    Check,
    /// A trigger.
    Trigger,
    /// A view.
    View,
    /// Something else, by the word that CREATE has for it: `SEQUENCE`, `TYPE`, `FUNCTION`.
    Other(String),
}

/// What of a thing differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Property {
    /// Whether it is there.
    Presence,
    /// Its definition.
    Definition,
    /// Its name, where all else is the same.
    Name,
    /// A column's type.
    Type,
    /// A column's collation.
    Collation,
    /// Whether a column takes NULL.
    Nullability,
    /// A column's default.
    Default,
    /// Whether and how the database makes a column's values.
    Identity,
    /// Whether and from what a column is computed.
    Generated,
    /// What an update stores in a column by itself.
    OnUpdate,
    /// The order of the columns that both have.
    Order,
    /// A table's options.
    Options,
    /// A comment.
    Comment,
    /// Whether an index can be used.
    Validity,
}

impl Object {
    /// The kind in words.
    pub fn words(&self) -> String {
        match self {
            Self::Table => "table".to_owned(),
            Self::Column => "column".to_owned(),
            Self::PrimaryKey => "primary key".to_owned(),
            Self::Unique => "unique constraint".to_owned(),
            Self::Index => "index".to_owned(),
            Self::ForeignKey => "foreign key".to_owned(),
            Self::Check => "check".to_owned(),
            Self::Trigger => "trigger".to_owned(),
            Self::View => "view".to_owned(),
            Self::Other(kind) => kind.to_lowercase(),
        }
    }
}

/// A difference in words, with the caller's names for the two sides.
///
/// ```
/// use mainstay_migrate::diff::{Change, Object, Property, describe};
///
/// let change = Change {
///     table: Some("goals".to_owned()),
///     object: Object::Column,
///     name: Some("title".to_owned()),
///     property: Property::Type,
///     left: Some("varchar(200)".to_owned()),
///     right: Some("varchar(100)".to_owned()),
/// };
/// assert_eq!(
///     describe(&change, "the entities", "the database"),
///     "goals.title is varchar(200) in the entities and varchar(100) in the database"
/// );
/// ```
pub fn describe(change: &Change, left: &str, right: &str) -> String {
    let subject = subject(change);
    let (ours, theirs) = (change.left.as_deref(), change.right.as_deref());
    let two = |verb: &str, none: &str, show: &dyn Fn(&str) -> String| {
        let say = |value: Option<&str>| value.map_or_else(|| none.to_owned(), show);
        format!(
            "{subject} {verb} {} in {left} and {} in {right}",
            say(ours),
            say(theirs)
        )
    };
    let plain = |text: &str| one_line(text);
    match change.property {
        Property::Presence => match (ours, theirs) {
            (Some(_), _) => format!("{} is in {left} and not in {right}", shown(change, ours)),
            (None, _) => format!("{} is in {right} and not in {left}", shown(change, theirs)),
        },
        Property::Definition => match change.object {
            // Their texts are long, and stand in the change itself.
            Object::Trigger | Object::View | Object::Other(_) => {
                format!("{subject} is defined in one way in {left} and in another in {right}")
            }
            _ => two("is", "nothing", &plain),
        },
        Property::Name => two("has", "no name", &|name| format!("the name {name}")),
        Property::Type => two("is", "without a type", &plain),
        Property::Collation => two("has", "the collation of its type", &|text| {
            format!("the collation {}", one_line(text))
        }),
        Property::Nullability => two("is", "nullable", &plain),
        Property::Default => two("has", "no default", &|text| {
            format!("the default {}", one_line(text))
        }),
        Property::Identity => two("is", "not made by the database", &plain),
        Property::Generated => two("is", "not computed", &|text| {
            format!("computed as {}", one_line(text))
        }),
        Property::OnUpdate => two("is", "left alone by an update", &|text| {
            format!("set to {} by an update", one_line(text))
        }),
        Property::Order => two("has", "no columns", &|text| {
            format!("its columns in the order {text}")
        }),
        Property::Options => two("has", "no options", &|text| format!("the options {text}")),
        Property::Comment => two("has", "no comment", &|text| {
            format!("the comment {:?}", text)
        }),
        Property::Validity => two("is", "unknown", &plain),
    }
}

/// The thing, for the start of a sentence: `goals.title`, `index goals_day_idx of goals`.
fn subject(change: &Change) -> String {
    let table = change.table.as_deref();
    let name = change.name.as_deref();
    match (&change.object, table, name) {
        (Object::Column, Some(table), Some(name)) => format!("{table}.{name}"),
        (Object::Table, Some(table), _) => format!("table {table}"),
        (object, table, name) => {
            let mut out = object.words();
            if let Some(name) = name {
                let _ = write!(out, " {name}");
            }
            if let Some(table) = table {
                let _ = write!(out, " of {table}");
            }
            out
        }
    }
}

/// The thing with what it is, for saying that it is there.
fn shown(change: &Change, definition: Option<&str>) -> String {
    let subject = subject(change);
    match (&change.object, definition) {
        (Object::Column, Some(definition)) => format!("column {subject}, {definition},"),
        (
            Object::PrimaryKey
            | Object::Unique
            | Object::Index
            | Object::ForeignKey
            | Object::Check,
            Some(definition),
        ) => format!("{subject}, {},", one_line(definition)),
        _ => subject,
    }
}

/// A text on one line, and cut where it is long.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 200;
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut out = lines.join(" ");
    if out.chars().count() > LONGEST {
        out = out.chars().take(LONGEST).collect();
        out.push_str(" ...");
    }
    out
}

#[cfg(test)]
#[path = "tests/change.rs"]
mod tests;
