//! A copy of one moment, tried out, and written out.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use chrono::{DateTime, Utc};
use mainstay::{Clock, Entropy, Error, ErrorKind, Result};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::error::{of_io, of_sqlite};
use super::workspace::Workspace;
use super::{Sqlite, files, open, trial};
use crate::archive::{Kind, Tool};
use crate::control::Control;
use crate::engine::Captured;

/// Pages that are copied between two looks at whether it is to stop: 4 MB of pages of 4 KB.
const PAGES: i32 = 1024;

/// The size of a piece that is written out.
const PIECE: usize = 1024 * 1024;

/// How often the beginning is tried at a moment in which nobody commits.
const ATTEMPTS: usize = 100;

const COPY: &str = "copy.db";

pub(super) fn capture(
    engine: &Sqlite,
    kind: Kind,
    out: &mut dyn Write,
    control: &Control,
) -> Result<Captured> {
    if kind == Kind::Logical {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "a backup of SQLite is a copy of its file; there is no logical one",
        )
        .with_hint("take a physical backup, or move the rows elsewhere with `mainstay copy`"));
    }
    let path = files::existing(&engine.path)?;
    let source = Source::begin(&path, engine)?;
    let size = open::size(&source.connection).map_err(|error| of_sqlite(&path, &error))?;
    let workspace = workspace(&path, size, &*engine.entropy)?;
    let copy = workspace.path().join(COPY);
    control.begin("copying", Some(size));
    copy_pages(&source.connection, &path, &copy, control)?;
    let taken_at = source.taken_at;
    // From here on the log can start from its beginning again.
    drop(source);
    let length = copy
        .metadata()
        .map_err(|error| of_io("cannot look at", &copy, error))?
        .len();
    control.begin("writing", Some(length));
    let tables = trial::run(&copy, control, || write_out(&copy, out, control))?;
    Ok(Captured {
        engine_version: rusqlite::version().to_owned(),
        tools: vec![Tool {
            name: "SQLite".to_owned(),
            version: rusqlite::version().to_owned(),
        }],
        taken_at,
        position: None,
        schema: None,
        tables,
    })
}

/// A transaction that reads, and when it began.
struct Source {
    connection: Connection,
    taken_at: DateTime<Utc>,
}

impl Source {
    fn begin(path: &Path, engine: &Sqlite) -> Result<Self> {
        let wait = engine.busy_timeout();
        let reader = open::existing(path, wait)?;
        let witness = open::existing(path, wait)?;
        let sql = |error: rusqlite::Error| of_sqlite(path, &error);
        warn_of_journal(&reader, path).map_err(sql)?;
        let taken_at = snapshot(&reader, &witness, &*engine.clock).map_err(sql)?;
        Ok(Self {
            connection: reader,
            taken_at,
        })
    }
}

/// Without a log whoever reads keeps writers out.
fn warn_of_journal(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        tracing::warn!(
            target: "mainstay::backup",
            path = %path.display(), mode,
            "the database is not in WAL mode: nobody can write to it while it is copied"
        );
    }
    Ok(())
}

/// Begins a transaction that reads, and says when: all that was committed before is in it, and
/// nothing that was committed after.
///
/// Between reading the clock and getting the snapshot somebody may commit. Another connection
/// notices, and then it is begun again. Where commits follow one another so closely that this never
/// goes well, what was committed within some microseconds after the moment may be in it too.
fn snapshot(
    reader: &Connection,
    witness: &Connection,
    clock: &dyn Clock,
) -> rusqlite::Result<DateTime<Utc>> {
    let version = || witness.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0));
    let mut attempt = 0;
    loop {
        let before = version()?;
        let now = clock.now();
        reader.execute_batch("BEGIN")?;
        open::first_look(reader)?;
        attempt += 1;
        if version()? == before || attempt == ATTEMPTS {
            return Ok(now);
        }
        reader.execute_batch("ROLLBACK")?;
    }
}

/// A folder with room for the copy: beside the database, whose disk is made for files of its size,
/// or else in the folder for temporary files.
fn workspace(path: &Path, size: u64, entropy: &dyn Entropy) -> Result<Workspace> {
    workspace_in(path, &std::env::temp_dir(), size, entropy)
}

pub(super) fn workspace_in(
    path: &Path,
    temporary: &Path,
    size: u64,
    entropy: &dyn Entropy,
) -> Result<Workspace> {
    const WHAT: &str = "the copy that is tried out";
    let (folder, name) = files::parts(path)?;
    let beside = files::require_room(folder, size, WHAT)
        .and_then(|()| Workspace::create(folder, &format!("{name}.capture-"), entropy));
    let Err(first) = beside else {
        return beside;
    };
    let elsewhere = files::require_room(temporary, size, WHAT)
        .and_then(|()| Workspace::create(temporary, &format!("{name}.capture-"), entropy));
    elsewhere.map_err(|second| {
        Error::new(
            first.kind(),
            format!("{}; {}", first.detail(), second.detail()),
        )
        .with_hint("free space on one of the two, or name a folder with more room in TMPDIR")
    })
}

/// Copies all pages within the transaction of `source`. The copy is in no need of a log.
pub(super) fn copy_pages(
    source: &Connection,
    path: &Path,
    copy: &Path,
    control: &Control,
) -> Result<()> {
    let sql = |error: rusqlite::Error| of_sqlite(copy, &error);
    let page = source
        .pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0))
        .map_err(|error| of_sqlite(path, &error))?;
    let mut target = open::scratch(copy).map_err(sql)?;
    {
        let backup = Backup::new(source, &mut target).map_err(sql)?;
        let mut done = 0;
        loop {
            control.check()?;
            let step = backup.step(PAGES).map_err(sql)?;
            let progress = backup.progress();
            let now = u64::try_from(progress.pagecount - progress.remaining).unwrap_or(0);
            control.add(now.saturating_sub(done) * u64::from(page));
            done = now;
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                // Neither happens within a transaction that has begun, to a copy that is ours.
                _ => {
                    return Err(Error::new(
                        ErrorKind::WriteConflict,
                        format!("{} is locked while it is copied", path.display()),
                    ));
                }
            }
        }
    }
    // The copy says of itself what the database does: that it has a log.
    target
        .pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
        .map_err(sql)?;
    target.close().map_err(|(_, error)| sql(error))
}

fn write_out(copy: &Path, out: &mut dyn Write, control: &Control) -> Result<()> {
    // Nobody has locks on the copy: those who read it are on this process's threads.
    let mut file = File::open(copy).map_err(|error| of_io("cannot read", copy, error))?;
    let mut piece = vec![0; PIECE];
    loop {
        control.check()?;
        let read = file
            .read(&mut piece)
            .map_err(|error| of_io("cannot read", copy, error))?;
        if read == 0 {
            return Ok(());
        }
        out.write_all(&piece[..read]).map_err(of_writer)?;
    }
}

/// An error of the writer that was given, which may carry one of ours.
fn of_writer(error: std::io::Error) -> Error {
    if let Some(ours) = error
        .get_ref()
        .and_then(|source| source.downcast_ref::<Error>())
    {
        return ours.clone();
    }
    match error.kind() {
        std::io::ErrorKind::StorageFull => Error::new(
            ErrorKind::DiskFull,
            format!("the backup cannot be written: {error}"),
        )
        .with_hint("free space where backups are kept"),
        _ => Error::new(
            ErrorKind::Unexpected,
            format!("the backup cannot be written: {error}"),
        ),
    }
    .with_source(error)
}
