//! A database of its own for each test.

use std::io::Write;

use super::client::{create_database, drop_database};
use super::error::ServerError;
use super::server::random_hex;
use super::url::ServerUrl;

/// An empty database with a name of its own. Dropping this drops the database.
#[derive(Debug)]
pub struct TestDatabase {
    server: ServerUrl,
    url: ServerUrl,
}

impl TestDatabase {
    /// Creates a database on `server`. The user of the URL must be allowed to.
    pub fn create(server: &ServerUrl) -> Result<Self, ServerError> {
        let name = format!("test_{}", random_hex(8)?);
        create_database(server, &name)?;
        Ok(Self {
            server: server.clone(),
            url: server.with_database(&name),
        })
    }

    /// The address of the database.
    pub fn url(&self) -> &ServerUrl {
        &self.url
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        self.url.database()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Err(error) = drop_database(&self.server, self.name()) {
            // A destructor has nobody to tell, and the test may have killed the server itself.
            let _ = writeln!(std::io::stderr(), "test database not dropped: {error}");
        }
    }
}
