//! The tables of the load.

use mainstay::{Entity, Insert, Schema};
use uuid::Uuid;

/// How many accounts the load moves amounts between, with the keys 0 and up.
pub(crate) const ACCOUNTS: i64 = 48;
/// The keys that follow: accounts that the load leaves alone.
pub(crate) const SPARE_ACCOUNTS: std::ops::Range<i64> = ACCOUNTS..ACCOUNTS + 2;
/// What each account holds at first.
pub(crate) const BALANCE: i64 = 1_000_000;

/// A row whose key is made before it is sent. Only the worker that made it changes it.
#[derive(Debug, Clone, Entity)]
#[entity(table = "items")]
pub(crate) struct Item {
    #[entity(key, auto)]
    pub(crate) id: Uuid,
    /// By which the load knows it: one that was made twice is there twice.
    pub(crate) op: Uuid,
    /// A word by which the proxy knows a request that it is to break.
    #[entity(max = 40)]
    pub(crate) note: String,
    /// The number of the last change, which every change sets.
    pub(crate) version: i64,
    /// How many changes were made, which every change counts up.
    pub(crate) hits: i64,
}

/// What an [`Item`] is made from.
#[derive(Debug, Clone, Insert)]
#[insert(Item)]
pub(crate) struct NewItem {
    pub(crate) op: Uuid,
    pub(crate) note: String,
    pub(crate) version: i64,
    pub(crate) hits: i64,
}

/// A row whose key the database makes: one that was written twice is there twice.
#[derive(Debug, Clone, Entity)]
#[entity(table = "events")]
pub(crate) struct Event {
    #[entity(key, auto)]
    pub(crate) id: i64,
    pub(crate) op: Uuid,
}

/// What an [`Event`] is made from.
#[derive(Debug, Clone, Insert)]
#[insert(Event)]
pub(crate) struct NewEvent {
    pub(crate) op: Uuid,
}

/// Amounts move between accounts, so that the half of a transaction shows.
#[derive(Debug, Clone, Entity)]
#[entity(table = "accounts")]
pub(crate) struct Account {
    #[entity(key)]
    pub(crate) id: i64,
    pub(crate) balance: i64,
}

/// One line per transfer, also with a key from the database.
#[derive(Debug, Clone, Entity)]
#[entity(table = "journal")]
pub(crate) struct Line {
    #[entity(key, auto)]
    pub(crate) id: i64,
    pub(crate) op: Uuid,
    pub(crate) source: i64,
    pub(crate) target: i64,
    pub(crate) amount: i64,
}

/// What a [`Line`] is made from.
#[derive(Debug, Clone, Insert)]
#[insert(Line)]
pub(crate) struct NewLine {
    pub(crate) op: Uuid,
    pub(crate) source: i64,
    pub(crate) target: i64,
    pub(crate) amount: i64,
}

pub(crate) fn schema() -> Schema {
    Schema::new()
        .with::<Item>()
        .with::<Event>()
        .with::<Account>()
        .with::<Line>()
}
