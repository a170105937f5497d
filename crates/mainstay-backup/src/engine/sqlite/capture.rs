//! A copy of one moment, tried out, and written out.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use mainstay::{Entropy, Error, ErrorKind, Result};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::error::{of_io, of_sqlite};
use super::moment::Moment;
use super::trial::{Course, Depth};
use super::workspace::Workspace;
use super::{Sqlite, files, open, trial};
use crate::archive::{Kind, Tool};
use crate::control::Control;
use crate::engine::Captured;
use crate::failure::from_io;

/// Pages that are copied between two looks at whether it is to stop: 4 MB of pages of 4 KB.
const PAGES: i32 = 1024;

/// The size of a piece that is written out.
const PIECE: usize = 1024 * 1024;

/// How often it is looked whether to stop while waiting.
const LOOK: Duration = Duration::from_millis(50);

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
    let moment = Moment::begin(&path, engine.busy_timeout(), &*engine.clock)?;
    capture_moment(engine, &path, moment, out, control)
}

/// Captures a moment that has begun.
pub(super) fn capture_moment(
    engine: &Sqlite,
    path: &Path,
    moment: Moment,
    out: &mut dyn Write,
    control: &Control,
) -> Result<Captured> {
    let size = open::size(&moment.reader).map_err(|error| of_sqlite(path, &error))?;
    let workspace = workspace(path, size, &*engine.entropy)?;
    let copy = workspace.path().join(COPY);
    let Moment {
        reader,
        second,
        taken_at,
    } = moment;
    let copied = Gate::default();
    let check = |course: &Course<'_>| {
        if copied.claim() {
            course.look_over(&course.open(&copy)?, Depth::Pages)?;
        }
        Ok(())
    };
    control.begin("copying", Some(size));
    let read = |course: &Course<'_>| {
        let tables = second.map(|second| course.contents(&second)).transpose()?;
        copied.wait(course)?;
        check(course)?;
        match tables {
            Some(tables) => Ok(tables),
            None => course.contents(&course.open(&copy)?),
        }
    };
    let write = |course: &Course<'_>| {
        copy_pages(&reader, path, &copy, control, course)?;
        // As far as this one goes, the log can start from its beginning again.
        drop(reader);
        copied.open();
        let length = copy
            .metadata()
            .map_err(|error| of_io("cannot look at", &copy, error))?
            .len();
        control.begin("writing", Some(length));
        write_out(&copy, out, course)?;
        check(course)
    };
    let (tables, ()) = trial::together(path, control, read, write)?;
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

/// Between the thread that copies and writes out and the one that reads the tables. Whichever has
/// nothing else to do first looks at the copy.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    is_claimed: AtomicBool,
}

impl Gate {
    fn open(&self) {
        *self.is_open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.opened.notify_all();
    }

    fn wait(&self, course: &Course<'_>) -> Result<()> {
        let mut is_open = self.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_open {
            course.check()?;
            let waited = self.opened.wait_timeout(is_open, LOOK);
            is_open = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    fn claim(&self) -> bool {
        !self.is_claimed.swap(true, Ordering::Relaxed)
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
    course: &Course<'_>,
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
            course.check()?;
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

fn write_out(copy: &Path, out: &mut dyn Write, course: &Course<'_>) -> Result<()> {
    // Nobody has locks on the copy: those who read it are on this process's threads.
    let mut file = File::open(copy).map_err(|error| of_io("cannot read", copy, error))?;
    let mut piece = vec![0; PIECE];
    loop {
        course.check()?;
        let read = file
            .read(&mut piece)
            .map_err(|error| of_io("cannot read", copy, error))?;
        if read == 0 {
            return Ok(());
        }
        out.write_all(&piece[..read])
            .map_err(|error| from_io("the backup cannot be written", error))?;
    }
}
