//! Filling a new database from a dump.

use std::io::{Read, Write};

use mainstay::Result;

use super::{MySql, close, programs, quote, server};
use crate::archive::Manifest;
use crate::control::Control;
use crate::engine::Place;
use crate::engine::tools::{Pipe, Running};
use crate::failure::from_io;

const PIECE: usize = 256 * 1024;

impl MySql {
    /// Runs a dump in a new database. `input` is what capture wrote.
    ///
    /// # Errors
    /// The first statement that fails, by its line; those of reading `input`, of connecting, and
    /// `CONFIGURATION_ERROR` when the program that reads statements is missing.
    pub(crate) fn restore(
        &self,
        _manifest: &Manifest,
        input: &mut dyn Read,
        place: &Place,
        control: &Control,
    ) -> Result<()> {
        self.check_place(&place.name)?;
        self.apply(&place.name, input, control)?;
        self.wait(self.put_to_sleep(&place.name))
    }

    /// Has events not run in a place that is nobody's yet. The swap wakes them.
    async fn put_to_sleep(&self, database: &str) -> Result<()> {
        let db = self.connect().await?;
        let done = async {
            for event in server::events_in(&db, database, "ENABLED").await? {
                let name = format!("{}.{}", quote(database), quote(&event));
                let sql = format!("ALTER EVENT {name} DISABLE ON SLAVE");
                db.script(sql).await?;
            }
            Ok(())
        };
        let done = done.await;
        close(db).await;
        done
    }

    /// Runs statements in a database.
    pub(super) fn apply(
        &self,
        database: &str,
        input: &mut dyn Read,
        control: &Control,
    ) -> Result<()> {
        let told = |why| from_io("restoring", why);
        let mut running = self.client(database, control)?;
        let mut buffer = vec![0; PIECE];
        let ended = loop {
            control.check()?;
            let read = input.read(&mut buffer).map_err(told)?;
            if read == 0 {
                break running.finish().map(|_| ());
            }
            // Where writing fails, the program has ended, and says why.
            if let Err(error) = running.write_all(&buffer[..read]) {
                break Err(running.fail(told(error)));
            }
        };
        ended.map_err(|error| programs::hinted(error, RIGHTS))?;
        control.check()
    }

    /// The program that runs statements, in a database.
    pub(super) fn client(&self, database: &str, control: &Control) -> Result<Running> {
        let dialect = self.wait(async {
            let db = self.connect().await?;
            let facts = server::facts(&db).await;
            close(db).await;
            facts.map(|facts| facts.dialect)
        })?;
        let found = programs::find(&self.places, &programs::CLIENT, dialect)?;
        programs::launch(&found, &self.config, dialect)
            .args([
                // Statements only: no commands of the program, and bytes as they are.
                "--binary-mode",
                "--batch",
                "--comments",
                "--skip-reconnect",
                // It would hold what is in the rows. Older ones do not know it.
                "--loose-skip-print-query-on-error",
                "--default-character-set=utf8mb4",
                "--max-allowed-packet=1G",
            ])
            .arg(format!("--database={database}"))
            .start(Pipe::Input, control)
    }
}

/// What the user must be allowed to do. Views, triggers, events and routines belong to the user
/// they belonged to.
const RIGHTS: &str = "to restore views, triggers, events and routines of other users the user \
    needs SET USER (before 10.5 and on MySQL: SUPER or SET_USER_ID); and CREATE, DROP, ALTER, \
    INSERT and all else on databases whose names begin like this one's: GRANT ALL ON `name%`.*";
