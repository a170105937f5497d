//! The tables of the suite: every type, every kind of key, every kind of constraint.
#![allow(
    clippy::duplicated_attributes,
    reason = "two checks on one column are no duplicates"
)]

use chrono::{DateTime, NaiveDate, Utc};
use mainstay::{Entity, Insert, Patch, Projection, Schema, TextEnum};
use rust_decimal::Decimal;
use uuid::Uuid;

pub(crate) fn schema() -> Schema {
    Schema::new()
        .with::<Sample>()
        .with::<Author>()
        .with::<Publisher>()
        .with::<Shelf>()
        .with::<Book>()
        .with::<Chapter>()
        .with::<Account>()
        .with::<Item>()
        .with::<Loan>()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, TextEnum)]
pub(crate) enum Mood {
    Calm,
    #[text_enum(rename = "very-happy")]
    Happy,
}

/// Every type, once required and once nullable. Text is opaque, so that what is read back is what
/// was written.
#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(table = "samples")]
pub(crate) struct Sample {
    #[entity(key, auto)]
    pub(crate) id: Uuid,
    pub(crate) flag: bool,
    pub(crate) small: i32,
    pub(crate) large: i64,
    pub(crate) ratio: f64,
    #[entity(decimal(18, 6))]
    pub(crate) price: Decimal,
    #[entity(decimal(28, 10))]
    pub(crate) exact: Decimal,
    #[entity(max = 40, opaque)]
    pub(crate) word: String,
    #[entity(opaque)]
    pub(crate) prose: String,
    pub(crate) data: Vec<u8>,
    pub(crate) token: Uuid,
    pub(crate) at: DateTime<Utc>,
    pub(crate) day: NaiveDate,
    pub(crate) document: serde_json::Value,
    #[entity(enumeration)]
    pub(crate) mood: Mood,
    pub(crate) maybe_flag: Option<bool>,
    pub(crate) maybe_small: Option<i32>,
    pub(crate) maybe_large: Option<i64>,
    pub(crate) maybe_ratio: Option<f64>,
    #[entity(decimal(18, 6))]
    pub(crate) maybe_price: Option<Decimal>,
    #[entity(decimal(28, 10))]
    pub(crate) maybe_exact: Option<Decimal>,
    #[entity(max = 40, opaque)]
    pub(crate) maybe_word: Option<String>,
    #[entity(opaque)]
    pub(crate) maybe_prose: Option<String>,
    pub(crate) maybe_data: Option<Vec<u8>>,
    pub(crate) maybe_token: Option<Uuid>,
    pub(crate) maybe_at: Option<DateTime<Utc>>,
    pub(crate) maybe_day: Option<NaiveDate>,
    pub(crate) maybe_document: Option<serde_json::Value>,
    #[entity(enumeration)]
    pub(crate) maybe_mood: Option<Mood>,
}

impl Sample {
    /// Plain values, and NULL where that is allowed.
    pub(crate) fn plain(number: u128) -> Self {
        Self {
            id: Uuid::from_u128(number),
            flag: false,
            small: 0,
            large: 0,
            ratio: 0.0,
            price: Decimal::ZERO,
            exact: Decimal::ZERO,
            word: String::new(),
            prose: String::new(),
            data: Vec::new(),
            token: Uuid::nil(),
            at: DateTime::UNIX_EPOCH,
            day: NaiveDate::default(),
            document: serde_json::json!({}),
            mood: Mood::Calm,
            maybe_flag: None,
            maybe_small: None,
            maybe_large: None,
            maybe_ratio: None,
            maybe_price: None,
            maybe_exact: None,
            maybe_word: None,
            maybe_prose: None,
            maybe_data: None,
            maybe_token: None,
            maybe_at: None,
            maybe_day: None,
            maybe_document: None,
            maybe_mood: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(table = "authors", unique(email))]
pub(crate) struct Author {
    #[entity(key, auto)]
    pub(crate) id: Uuid,
    #[entity(max = 60, email, lowercase, field = "emailAddress")]
    pub(crate) email: String,
    #[entity(max = 20, min = 1)]
    pub(crate) name: String,
    #[entity(default = 0)]
    pub(crate) fame: i64,
    #[entity(created_at)]
    pub(crate) created_at: DateTime<Utc>,
    #[entity(updated_at)]
    pub(crate) updated_at: DateTime<Utc>,
    #[entity(version)]
    pub(crate) version: i64,
}

#[derive(Debug, Clone, Insert)]
#[insert(Author)]
pub(crate) struct NewAuthor {
    pub(crate) email: String,
    pub(crate) name: String,
}

impl NewAuthor {
    pub(crate) fn named(name: &str) -> Self {
        Self {
            email: format!("{name}@example.com"),
            name: name.to_owned(),
        }
    }
}

#[derive(Debug, Clone, Default, Patch)]
#[patch(Author)]
pub(crate) struct AuthorPatch {
    pub(crate) name: Option<String>,
    #[patch(expected_version)]
    pub(crate) version: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Projection)]
#[projection(Author)]
pub(crate) struct AuthorName {
    pub(crate) name: String,
    pub(crate) id: Uuid,
}

/// A key made by the database, and no other unique key.
#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(table = "publishers")]
pub(crate) struct Publisher {
    #[entity(key, auto)]
    pub(crate) id: i64,
    #[entity(max = 40)]
    pub(crate) title: String,
}

#[derive(Debug, Clone, Insert)]
#[insert(Publisher)]
pub(crate) struct NewPublisher {
    pub(crate) title: String,
}

/// A text key, and no other unique key.
#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(table = "shelves")]
pub(crate) struct Shelf {
    #[entity(key, max = 10, opaque)]
    pub(crate) code: String,
    #[entity(max = 40)]
    pub(crate) label: String,
    #[entity(default = 0)]
    pub(crate) slots: i64,
}

/// One foreign key of each kind, a unique key over two columns, checks and defaults.
#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(
    table = "books",
    unique(author_id, title),
    index(published, id),
    check(name = "pages_positive", condition = "pages > 0", columns(pages)),
    check(
        name = "span",
        condition = "read_pages <= pages",
        columns(read_pages, pages)
    )
)]
pub(crate) struct Book {
    #[entity(key, auto)]
    pub(crate) id: i64,
    #[entity(references(Author::id, on_delete = cascade))]
    pub(crate) author_id: Uuid,
    #[entity(references(Publisher::id, on_delete = restrict))]
    pub(crate) publisher_id: Option<i64>,
    #[entity(references(Shelf::code, on_delete = set_null), max = 10, opaque)]
    pub(crate) shelf_code: Option<String>,
    #[entity(max = 40)]
    pub(crate) title: String,
    #[entity(default = 1)]
    pub(crate) pages: i32,
    #[entity(default = 0)]
    pub(crate) read_pages: i32,
    pub(crate) rating: Option<f64>,
    pub(crate) published: Option<NaiveDate>,
    #[entity(enumeration, default = "calm")]
    pub(crate) mood: Mood,
}

#[derive(Debug, Clone, Insert)]
#[insert(Book)]
pub(crate) struct NewBook {
    pub(crate) author_id: Uuid,
    pub(crate) publisher_id: Option<i64>,
    pub(crate) shelf_code: Option<String>,
    pub(crate) title: String,
    pub(crate) pages: Option<i32>,
    pub(crate) read_pages: Option<i32>,
    pub(crate) rating: Option<f64>,
    pub(crate) published: Option<NaiveDate>,
}

impl NewBook {
    pub(crate) fn by(author_id: Uuid, title: &str) -> Self {
        Self {
            author_id,
            publisher_id: None,
            shelf_code: None,
            title: title.to_owned(),
            pages: None,
            read_pages: None,
            rating: None,
            published: None,
        }
    }
}

/// A composite key, whose first column refers to another table.
#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(table = "chapters")]
pub(crate) struct Chapter {
    #[entity(key, references(Book::id, on_delete = cascade))]
    pub(crate) book_id: i64,
    #[entity(key)]
    pub(crate) number: i32,
    #[entity(max = 40)]
    pub(crate) heading: String,
}

/// For sums that must not get lost.
#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(
    table = "accounts",
    check(name = "covered", condition = "balance >= 0", columns(balance))
)]
pub(crate) struct Account {
    #[entity(key)]
    pub(crate) id: i64,
    #[entity(default = 0)]
    pub(crate) balance: i64,
}

/// Small rows for filters, orders and pages.
#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(table = "items", index(rank, id))]
pub(crate) struct Item {
    #[entity(key)]
    pub(crate) id: i64,
    pub(crate) rank: Option<i32>,
    #[entity(max = 60, opaque)]
    pub(crate) label: String,
    #[entity(max = 60, opaque)]
    pub(crate) note: Option<String>,
    pub(crate) score: f64,
}

impl Item {
    pub(crate) fn new(id: i64, rank: Option<i32>, label: &str) -> Self {
        Self {
            id,
            rank,
            label: label.to_owned(),
            note: None,
            score: 0.0,
        }
    }
}

/// A key made by the client, and every kind of constraint beside it.
#[derive(Debug, Clone, PartialEq, Entity)]
#[entity(
    table = "loans",
    unique(account_id, label),
    check(name = "amount_positive", condition = "amount > 0", columns(amount))
)]
pub(crate) struct Loan {
    #[entity(key, auto)]
    pub(crate) id: Uuid,
    #[entity(references(Account::id, on_delete = cascade))]
    pub(crate) account_id: i64,
    #[entity(max = 40)]
    pub(crate) label: String,
    pub(crate) amount: i64,
}

/// One of many loans of account 1, told apart by its number.
pub(crate) fn loan(number: u128) -> Loan {
    Loan {
        id: Uuid::from_u128(number + 1),
        account_id: 1,
        label: format!("loan {number}"),
        amount: 5,
    }
}
