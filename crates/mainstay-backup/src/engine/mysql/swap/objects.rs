//! Triggers, views, events and routines: what does not move with tables.

use std::io::Read;

use mainstay::database::Exclusive;
use mainstay::{Database, Error, ErrorKind, Result};

use super::super::capture::RIGHTS;
use super::super::filter::Filter;
use super::super::server::{self, Item};
use super::super::{MySql, close, programs};
use super::plan;
use crate::control::Control;
use crate::engine::tools::{Launch, Pipe};
use crate::failure::from_io;

/// So many bytes of definitions are more than anyone has.
const MOST: usize = 64 << 20;

/// What moves: tables and sequences.
pub(super) async fn tables(db: &Database, database: &str) -> Result<Vec<String>> {
    let items = server::items(db, database).await?;
    let items = items.into_iter().filter(|item| !item.is_view());
    Ok(items.map(|item| item.name).collect())
}

/// Drops views, events and routines of a database.
pub(super) async fn drop_all(held: &Exclusive, database: &str) -> Result<()> {
    let db = held.database();
    for event in server::events(db, database).await? {
        held.script(plan::drop_object("EVENT", database, &event))
            .await?;
    }
    for view in server::items(db, database)
        .await?
        .iter()
        .filter(|item| item.is_view())
    {
        held.script(plan::drop_object("VIEW", database, &view.name))
            .await?;
    }
    for (kind, routine) in server::routines(db, database).await? {
        held.script(plan::drop_object(&kind, database, &routine))
            .await?;
    }
    Ok(())
}

impl MySql {
    /// Statements that make triggers, events, routines and views of a database, wherever they are
    /// run, in the words of the program that dumps. Blocking.
    pub(super) fn read_objects(&self, database: &str) -> Result<Vec<u8>> {
        let (facts, views) = self.wait(async {
            let db = self.connect().await?;
            let asked = async {
                let facts = server::facts(&db).await?;
                let items = server::items(&db, database).await?;
                let views = items.into_iter().filter(Item::is_view);
                Ok((facts, views.map(|item| item.name).collect::<Vec<_>>()))
            };
            let asked = asked.await;
            close(db).await;
            asked
        })?;
        let found = programs::find(&self.places, &programs::DUMP, facts.dialect)?;
        let launch = || {
            programs::launch(&found, &self.config, facts.dialect).args([
                "--no-data",
                "--single-transaction",
                "--default-character-set=utf8mb4",
                "--no-tablespaces",
                "--skip-lock-tables",
                "--skip-comments",
                "--skip-dump-date",
            ])
        };
        let others = [
            "--no-create-info",
            "--routines",
            "--triggers",
            "--events",
            "--add-drop-trigger",
        ];
        let mut text = read(launch().args(others).args(["--", database]), database)?;
        if !views.is_empty() {
            let launch = launch().arg("--skip-triggers").args(["--", database]);
            text.extend(read(launch.args(views), database)?);
        }
        Ok(text)
    }
}

fn read(launch: Launch, database: &str) -> Result<Vec<u8>> {
    let told = |why| from_io("reading definitions", why);
    let hinted = |error| programs::hinted(error, RIGHTS);
    let mut running = launch.start(Pipe::Output, &Control::new())?;
    let mut text = Vec::new();
    // One more than is allowed, so that too many are noticed.
    let limit = MOST as u64 + 1;
    if let Err(error) = (&mut running).take(limit).read_to_end(&mut text) {
        return Err(hinted(running.fail(told(error))));
    }
    if text.len() > MOST {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("the definitions of views and routines have more than {MOST} bytes"),
        ));
    }
    running.finish().map_err(hinted)?;
    let (mut filter, mut fit) = (Filter::new(database), Vec::with_capacity(text.len()));
    let passed = filter
        .pass(&text, &mut fit)
        .and_then(|()| filter.end(&mut fit));
    passed.map_err(told)?;
    Ok(fit)
}
