//! What questlog does, behind its HTTP API.
//!
//! - `mod.rs`: [`App`], what every operation needs
//! - [`users`]: creating and changing people, with their passwords
//! - [`goals`]: changing goals, with their status
//! - [`recording`]: recording progress: XP, level, streak and the goal's end in one transaction
//! - [`corrections`]: correcting what was recorded
//!
//! Plain reads, creates and deletes are repository calls in the HTTP handlers.

pub mod corrections;
pub mod goals;
pub mod recording;
pub mod users;

use mainstay::{Database, Error, FieldErrors};

use crate::password::Hasher;

/// What every operation needs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// The database.
    pub db: Database,
    /// Hashes passwords.
    pub hasher: Hasher,
}

impl App {
    /// The application on a database.
    pub fn new(db: Database) -> Self {
        let hasher = Hasher::new(std::sync::Arc::clone(db.entropy()));
        Self { db, hasher }
    }
}

/// A `VALIDATION_ERROR` on one field.
fn refused(field: &'static str, message: &'static str) -> Error {
    let mut fields = FieldErrors::new();
    fields.push(field, message);
    Error::validation(fields)
}
