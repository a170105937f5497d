//! A new database, filled and looked at; `place` makes it.

use std::collections::HashSet;
use std::io::{self, Read, Write};

use mainstay::database::admin;
use mainstay::{Config, Error, ErrorKind, Result};
use tokio::runtime::Handle;

use super::super::Place;
use super::super::tools::{Pipe, Running, Version};
use super::dump::without_unknown;
use super::locale::Locale;
use super::{Postgres, programs, server};
use crate::archive::{Manifest, Table};
use crate::control::Control;
use crate::failure::from_io;

/// More than the settings at the start of a dump take.
const START: usize = 64 << 10;
const BLOCK: usize = 256 << 10;

/// Settings of the session that fills the database. Its commits need not reach the disk one by one:
/// the swap's does, and all before it with it.
const SESSION: &str = "-c synchronous_commit=off -c default_transaction_read_only=off \
     -c client_min_messages=warning";

impl Postgres {
    /// Fills the place from what a capture wrote. Blocks; to be called on a thread for that, within a
    /// runtime.
    ///
    /// # Errors
    /// Those of the server and of its programs, with the statement; when `input` cannot be read;
    /// when it was cancelled. The place is of no use then.
    pub(crate) fn restore(
        &self,
        manifest: &Manifest,
        input: &mut dyn Read,
        place: &Place,
        control: &Control,
    ) -> Result<()> {
        control.check()?;
        let mut start = Vec::with_capacity(START);
        input
            .take(START as u64)
            .read_to_end(&mut start)
            .map_err(|error| from_io("reading the backup", error))?;
        let runtime = Handle::current();
        if let Some(locale) = Locale::read(&start) {
            runtime.block_on(self.settle(place, &locale))?;
        }
        let settings = runtime.block_on(settings(&place.config, &place.name))?;
        let dumped_by = manifest.tools.iter().find(|tool| tool.name == "pg_dump");
        let dumped_by = dumped_by.and_then(|tool| Version::parse(&tool.version));
        let program = programs::psql(&self.places, dumped_by)?;
        let mut running = programs::launch(&program, &self.config, &place.name)
            .env("PGOPTIONS", SESSION)
            .args(["--no-psqlrc", "--quiet", "--echo-errors"])
            .args(["--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse"])
            .args(["--file=-"])
            .start(Pipe::Input, control)?;
        let start = without_unknown(&start, |name| settings.contains(name));
        if let Err(error) = running.write_all(&start) {
            return Err(refused(running, error));
        }
        let mut buffer = vec![0; BLOCK];
        loop {
            control.check()?;
            let read = match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(from_io("reading the backup", error)),
            };
            if let Err(error) = running.write_all(&buffer[..read]) {
                return Err(refused(running, error));
            }
        }
        running.finish().map(drop).map_err(explained)
    }

    /// Makes the place anew if the database that was backed up was of another kind: where that one
    /// is gone, it could not be known before.
    async fn settle(&self, place: &Place, locale: &Locale) -> Result<()> {
        let db = server::open_maintenance(&self.config, &[]).await?;
        let now = Locale::named(&db, &place.name).await;
        server::close(db).await;
        if now?.as_ref() == Some(locale) {
            return Ok(());
        }
        admin::drop_if_exists(&place.config).await?;
        let Err(error) = self.make(&place.config, Some(locale)).await else {
            return Ok(());
        };
        // The system here may not know it, as after moving to another.
        tracing::warn!(
            target: "mainstay::backup", %error,
            "the database cannot be made with the locale it had, and gets the usual one"
        );
        self.make(&place.config, None).await
    }

    /// Looks at the place: its tables with their rows, as a capture tells of them. Blocks; to be
    /// called on a thread for that, within a runtime.
    ///
    /// # Errors
    /// Those of the server and of its programs, a damaged page among them; when it was cancelled.
    pub(crate) fn verify(
        &self,
        _manifest: &Manifest,
        place: &Place,
        control: &Control,
    ) -> Result<Vec<Table>> {
        control.check()?;
        self.tables_of(&place.name, control)
    }
}

/// The program closed its end: what it says is the cause.
fn refused(running: Running, error: io::Error) -> Error {
    explained(running.fail(from_io("writing to psql", error)))
}

fn explained(error: Error) -> Error {
    // Statements that a dump has and this user may not run.
    if error.kind() == ErrorKind::AccessDenied && error.hint().is_none() {
        return error.with_hint(
            "restore as a user who may make everything that is in the backup: extensions and event \
             triggers often need a superuser",
        );
    }
    error
}

/// The names of all settings the server knows.
async fn settings(config: &Config, database: &str) -> Result<HashSet<String>> {
    let db = server::open(config, database).await?;
    let names = db
        .sql("SELECT name FROM pg_settings")
        .fetch_with(|row| row.get::<String>(0))
        .await;
    server::close(db).await;
    Ok(names?.into_iter().collect())
}
