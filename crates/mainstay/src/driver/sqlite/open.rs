//! Opens the file, and says why it cannot be opened.

use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, ffi};

use super::caller::{self, Caller, serving};
use super::checkpoint;
use super::classify::classify;
use super::options::SqliteOptions;
use super::session::{Role, Session};
use crate::error::{Error, ErrorKind, Result};

/// How often the change to WAL is tried while another process is opening the same new file.
const WAL_ATTEMPTS: u32 = 50;

/// Runs what blocks on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::new(
            ErrorKind::Unexpected,
            format!("a thread of the SQLite driver ended early: {error}"),
        )),
    }
}

/// The file's canonical path, so that two ways to say the same file are one.
///
/// Looks at names only and opens nothing.
pub(super) fn locate(options: &SqliteOptions) -> Result<PathBuf> {
    let path = &options.path;
    let name = match path.file_name() {
        Some(name) if path.as_os_str() != ":memory:" => name,
        _ => {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("{} is not the path of a database file", path.display()),
            )
            .with_hint(
                "give a file: a database in memory could not be shared by the writer and the \
                 readers (tests use a file in a temporary folder)",
            ));
        }
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = folder.canonicalize().map_err(|error| match error.kind() {
        Io::NotFound => Error::new(
            ErrorKind::DatabaseMissing,
            format!("the folder {} does not exist", folder.display()),
        )
        .with_hint("create the folder, or correct the path"),
        Io::PermissionDenied => Error::new(
            ErrorKind::AccessDenied,
            format!("the folder {} may not be entered", folder.display()),
        )
        .with_hint("check the owners and modes of the folders on the way"),
        _ => Error::new(
            ErrorKind::Configuration,
            format!("the folder {}: {error}", folder.display()),
        )
        .with_hint("correct the path"),
    })?;
    let file = folder.join(name);
    match file.metadata() {
        Ok(found) if found.is_dir() => Err(Error::new(
            ErrorKind::Configuration,
            format!("{} is a folder", file.display()),
        )
        .with_hint("give the path of a file inside it")),
        Ok(_) => file.canonicalize().map_err(|error| {
            Error::new(
                ErrorKind::Unreachable,
                format!("{}: {error}", file.display()),
            )
        }),
        Err(error) if error.kind() == Io::NotFound && !options.create => Err(missing(&file)),
        Err(error) if error.kind() == Io::NotFound => Ok(file),
        Err(error) if error.kind() == Io::PermissionDenied => Err(Error::new(
            ErrorKind::AccessDenied,
            format!("the folder {} may not be entered", folder.display()),
        )
        .with_hint("check the folder's owner and mode")),
        // A file in place of a folder shows here.
        Err(error) => Err(Error::new(
            ErrorKind::Configuration,
            format!("{}: {error}", file.display()),
        )
        .with_hint("correct the path")),
    }
}

fn missing(file: &Path) -> Error {
    Error::new(
        ErrorKind::DatabaseMissing,
        format!("{} does not exist", file.display()),
    )
    .with_hint("create the database first (setup), or allow it to be created")
}

/// Opens and sets up a connection. Readers never create the file.
pub(super) fn open(options: &SqliteOptions, role: Role, caller: &Caller) -> Result<Session> {
    serving(caller, options.busy_timeout, || {
        let connection = open_file(options, role)?;
        set_up(&connection, options, role).map_err(|error| at(options, error))?;
        Ok(Session::new(connection, role, options.busy_timeout))
    })
}

fn open_file(options: &SqliteOptions, role: Role) -> Result<Connection> {
    // Readers too open for writing, as readers of a WAL write to the -shm file; `query_only`
    // holds them to reading.
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    if options.create && role == Role::Writer {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    Connection::open_with_flags(&options.path, flags).map_err(|error| {
        let path = options.path.display();
        match (code(&error), options.path.try_exists()) {
            (Some(ffi::SQLITE_CANTOPEN), Ok(false)) if !options.create || role == Role::Reader => {
                missing(&options.path)
            }
            (Some(ffi::SQLITE_CANTOPEN), Ok(false)) => Error::new(
                ErrorKind::AccessDenied,
                format!("{path} cannot be created: {error}"),
            )
            .with_hint("the process must be able to create files in the folder"),
            (Some(ffi::SQLITE_CANTOPEN), _) => Error::new(
                ErrorKind::AccessDenied,
                format!("{path} cannot be opened: {error}"),
            )
            .with_hint(
                "check that the process may read and write the file and its folder, and open \
                 more files (ulimit -n)",
            ),
            _ => at(options, classify(&error)),
        }
    })
}

/// The primary code of an error.
fn code(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code & 0xff)
}

/// Names the file in an error of opening it.
fn at(options: &SqliteOptions, error: Error) -> Error {
    let named = Error::new(
        error.kind(),
        format!("{}: {}", options.path.display(), error.detail()),
    );
    let named = match error.hint() {
        Some(hint) => named.with_hint(hint.to_owned()),
        None => named,
    };
    match error.native_code() {
        Some(code) => named.with_native_code(code.to_owned()),
        None => named,
    }
}

fn set_up(connection: &Connection, options: &SqliteOptions, role: Role) -> Result<()> {
    let sql = |error: rusqlite::Error| classify(&error);
    caller::watch(connection).map_err(sql)?;
    connection.set_prepared_statement_cache_capacity(options.statement_cache);
    if connection.is_readonly("main").map_err(sql)? && role == Role::Writer {
        return Err(Error::new(ErrorKind::ReadOnly, "the file may only be read")
            .with_hint("make the file and its folder writable for the process"));
    }
    // A name in double quotes that is no column would be taken for a text otherwise.
    for legacy in [
        DbConfig::SQLITE_DBCONFIG_DQS_DML,
        DbConfig::SQLITE_DBCONFIG_DQS_DDL,
    ] {
        connection.set_db_config(legacy, false).map_err(sql)?;
    }
    if role == Role::Writer {
        use_wal(connection)?;
    }
    let set = |name, value: &str| connection.pragma_update(None, name, value).map_err(sql);
    set("synchronous", options.synchronous.word())?;
    set("foreign_keys", "ON")?;
    set("trusted_schema", "OFF")?;
    set("temp_store", "MEMORY")?;
    match role {
        Role::Writer => set("journal_size_limit", &checkpoint::LOG_BYTES.to_string()),
        Role::Reader => set("query_only", "ON"),
    }?;
    // Checkpoints have one owner. Before the hook: SQLite keeps its own in the same place.
    set("wal_autocheckpoint", "0")?;
    if role == Role::Writer {
        checkpoint::watch(connection);
        caller::watch_commits(connection).map_err(sql)?;
    }
    // The first look at the file: here another kind of file, or damage, shows.
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_err(sql)
}

/// Turns the file to WAL, which it then keeps.
fn use_wal(connection: &Connection) -> Result<()> {
    let mut attempt = 0;
    let mode: String = loop {
        let turned = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
        match turned {
            Ok(mode) => break mode,
            // SQLite does not wait here, since two that wait for each other would never end.
            Err(error) if code(&error) == Some(ffi::SQLITE_BUSY) && attempt < WAL_ATTEMPTS => {
                attempt += 1;
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            Err(error) => return Err(classify(&error)),
        }
    };
    if mode.eq_ignore_ascii_case("wal") {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        format!("the file stays in journal mode {mode} instead of WAL"),
    )
    .with_hint("use a local disk: network drives lack the shared memory that WAL needs"))
}
