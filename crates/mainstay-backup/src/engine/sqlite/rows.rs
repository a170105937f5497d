//! The rows of one table, counted and hashed.
//!
//! A cell is its type, its length where that varies, and its bytes, so that no two rows are the same
//! bytes. Columns that are computed from others are left out.
//!
//! Values of a table may have a gigabyte, and this takes little memory all the same. So a table is
//! first read as if all its values were small; SQLite is told to refuse larger ones, which costs
//! nothing. Only a table that has such a value is read again in the slow way, in which the large ones
//! come in pieces. The two ways give the same hash. Where SQLite can give no pieces, in tables
//! WITHOUT ROWID or with computed columns, a value is held in memory.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, ffi};

use super::error::code;
use crate::archive::Table;
use crate::content::{Content, Pieces};

/// A value of more bytes is read in pieces.
const LARGE: i32 = 1024 * 1024;

/// The size of such a piece.
const PIECE: usize = 64 * 1024;

/// As many rows are read before somebody may stop it.
const ROWS: u64 = 256;

/// SQLite's own limit on a value.
const UNLIMITED: i32 = i32::MAX;

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

/// A table with rows of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) name: String,
    columns: Vec<String>,
    /// By which name its rows can be told apart. `None` where a row has no number, or every name
    /// for it is taken by a column; and where values cannot be read in pieces anyway.
    rowid: Option<&'static str>,
}

/// The tables that hold rows, by name: also those in which virtual tables keep their content, but
/// not the virtual ones themselves, whose modules may not be there; nor the planner's statistics.
pub(super) fn sources(connection: &Connection) -> rusqlite::Result<Vec<Source>> {
    let mut tables = connection.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 \
         AND name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' ORDER BY name",
    )?;
    let mut columns = connection.prepare("SELECT name, hidden FROM pragma_table_xinfo(?1)")?;
    let names = tables.query_map([], |row| row.get::<_, String>(0))?;
    let mut sources = Vec::new();
    for name in names {
        let name = name?;
        let all = columns
            .query_map([&name], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<Vec<(String, i64)>>>()?;
        let count = all.len();
        let columns: Vec<String> = all
            .into_iter()
            .filter(|(_, hidden)| *hidden == 0)
            .map(|(name, _)| name)
            .collect();
        // SQLite reads no value in pieces where others are computed.
        let rowid = match columns.len() == count {
            true => rowid(connection, &name, &columns),
            false => None,
        };
        sources.push(Source {
            name,
            columns,
            rowid,
        });
    }
    Ok(sources)
}

/// A name for a row's number that is no column's.
fn rowid(connection: &Connection, table: &str, columns: &[String]) -> Option<&'static str> {
    let name = ["rowid", "_rowid_", "oid"].into_iter().find(|name| {
        !columns
            .iter()
            .any(|column| column.eq_ignore_ascii_case(name))
    })?;
    let sql = format!("SELECT {name} FROM {} LIMIT 0", quote(table));
    connection.prepare(&sql).ok().map(|_| name)
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Reads a table. `None`: it was stopped.
pub(super) fn read(
    connection: &Connection,
    source: &Source,
    stop: &AtomicBool,
) -> rusqlite::Result<Option<Table>> {
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LARGE)?;
    let quick = whole_values(connection, source, stop);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, UNLIMITED)?;
    match quick {
        Err(error) if code(&error) == Some(ffi::SQLITE_TOOBIG) => {}
        quick => return quick,
    }
    // A piece of a text in UTF-16 is not what the text is in UTF-8.
    let encoding: String = connection.pragma_query_value(None, "encoding", |row| row.get(0))?;
    match source.rowid {
        Some(rowid) if encoding == "UTF-8" => in_pieces(connection, source, rowid, stop),
        _ => whole_values(connection, source, stop),
    }
}

fn whole_values(
    connection: &Connection,
    source: &Source,
    stop: &AtomicBool,
) -> rusqlite::Result<Option<Table>> {
    let columns: Vec<String> = source.columns.iter().map(|name| quote(name)).collect();
    // By the table itself, never by an index that has the same columns.
    let sql = format!(
        "SELECT {} FROM {} NOT INDEXED",
        columns.join(", "),
        quote(&source.name)
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut content = Content::default();
    let mut bytes = Vec::with_capacity(512);
    let mut count = 0_u64;
    while let Some(row) = rows.next()? {
        count += 1;
        if count.is_multiple_of(ROWS) && stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        bytes.clear();
        for position in 0..columns.len() {
            put(row.get_ref(position)?, &mut bytes);
        }
        content.add(&bytes);
    }
    Ok(Some(content.table(source.name.as_str())))
}

fn put(value: ValueRef<'_>, bytes: &mut Vec<u8>) {
    let mut varying = |kind: u8, value: &[u8]| {
        bytes.push(kind);
        bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
        bytes.extend_from_slice(value);
    };
    match value {
        ValueRef::Text(text) => varying(TEXT, text),
        ValueRef::Blob(blob) => varying(BLOB, blob),
        ValueRef::Null => bytes.push(NULL),
        ValueRef::Integer(number) => {
            bytes.push(INTEGER);
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        ValueRef::Real(number) => {
            bytes.push(REAL);
            bytes.extend_from_slice(&number.to_bits().to_le_bytes());
        }
    }
}

fn in_pieces(
    connection: &Connection,
    source: &Source,
    rowid: &str,
    stop: &AtomicBool,
) -> rusqlite::Result<Option<Table>> {
    let mut sql = format!("SELECT {rowid}");
    for column in &source.columns {
        let column = quote(column);
        // The length is in the row's header: SQLite does not read the value for it.
        let large = format!("octet_length({column}) > {LARGE}");
        sql.push_str(&format!(
            ", CASE WHEN {large} THEN typeof({column}) END, \
             CASE WHEN {large} THEN NULL ELSE {column} END"
        ));
    }
    sql.push_str(&format!(" FROM {} NOT INDEXED", quote(&source.name)));
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut content = Content::default();
    let mut pieces = Pieces::default();
    while let Some(row) = rows.next()? {
        for position in 0..source.columns.len() {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            cell(connection, source, row, position, &mut pieces, stop)?;
        }
        content.add_pieces(&mut pieces);
    }
    Ok((!stop.load(Ordering::Relaxed)).then(|| content.table(source.name.as_str())))
}

fn cell(
    connection: &Connection,
    source: &Source,
    row: &Row<'_>,
    position: usize,
    pieces: &mut Pieces,
    stop: &AtomicBool,
) -> rusqlite::Result<()> {
    let kind = match row.get_ref(2 * position + 1)? {
        ValueRef::Text(b"text") => TEXT,
        ValueRef::Text(_) => BLOB,
        _ => {
            let mut bytes = Vec::new();
            put(row.get_ref(2 * position + 2)?, &mut bytes);
            pieces.update(&bytes);
            return Ok(());
        }
    };
    let column = source.columns[position].as_str();
    let mut blob = connection.blob_open("main", source.name.as_str(), column, row.get(0)?, true)?;
    pieces.update(&[kind]);
    pieces.update(&(blob.len() as u64).to_le_bytes());
    let mut piece = vec![0; PIECE];
    loop {
        let read = blob.read(&mut piece).map_err(|error| {
            rusqlite::Error::SqliteFailure(
                ffi::Error::new(ffi::SQLITE_IOERR_READ),
                Some(error.to_string()),
            )
        })?;
        if read == 0 || stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        pieces.update(&piece[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(sql: &str) -> Connection {
        let connection = Connection::open_in_memory().expect("opens");
        connection.execute_batch(sql).expect("runs");
        connection
    }

    fn tables(connection: &Connection) -> Vec<Table> {
        let stop = AtomicBool::new(false);
        let sources = sources(connection).expect("read");
        sources
            .iter()
            .map(|source| {
                read(connection, source, &stop)
                    .expect("read")
                    .expect("whole")
            })
            .collect()
    }

    fn hash(sql: &str) -> String {
        let tables = tables(&database(sql));
        assert_eq!(tables.len(), 1, "{tables:?}");
        tables[0].hash.clone()
    }

    #[test]
    fn values_of_different_types_and_borders_are_told_apart() {
        let of = |values: &str| {
            hash(&format!(
                "CREATE TABLE t (a, b); INSERT INTO t VALUES {values}"
            ))
        };
        let all = [
            "(1, 2)",
            "('1', 2)",
            "(1.0, 2)",
            "(x'31', 2)",
            "(NULL, 2)",
            "(2, 1)",
            "('ab', 'c')",
            "('a', 'bc')",
            "('', NULL)",
            "(NULL, '')",
            "(1, 2), (1, 2)",
        ];
        for (position, one) in all.iter().enumerate() {
            for other in &all[position + 1..] {
                assert_ne!(of(one), of(other), "{one} and {other}");
            }
        }
        assert_eq!(of("(1, 2), (3, 4)"), of("(3, 4), (1, 2)"));
    }

    #[test]
    fn every_kind_of_table_is_read() {
        let connection = database(
            "CREATE TABLE plain (id INTEGER PRIMARY KEY AUTOINCREMENT, \"a \"\"b\" TEXT);
             INSERT INTO plain (\"a \"\"b\") VALUES ('x'), ('y');
             CREATE TABLE keyed (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
             INSERT INTO keyed VALUES ('a', 1);
             CREATE TABLE computed (a, b AS (length(a)), c AS (length(a) * 2) STORED);
             INSERT INTO computed VALUES (zeroblob(2000000));
             CREATE TABLE taken (rowid TEXT, _rowid_ TEXT, oid TEXT);
             INSERT INTO taken VALUES (zeroblob(2000000), 'x', 'y');
             CREATE VIRTUAL TABLE words USING fts5 (text);
             INSERT INTO words VALUES ('one word');
             CREATE INDEX by_v ON keyed (v); ANALYZE;
             CREATE VIEW seen AS SELECT * FROM plain;",
        );
        let rows = |name: &str| {
            let tables = tables(&connection);
            let found = tables.iter().find(|table| table.name == name);
            found.map(|table| table.rows)
        };
        assert_eq!(rows("plain"), Some(2));
        assert_eq!(rows("keyed"), Some(1));
        assert_eq!(rows("computed"), Some(1));
        assert_eq!(rows("taken"), Some(1));
        assert_eq!(rows("words_content"), Some(1));
        assert_eq!(rows("sqlite_sequence"), Some(1));
        for none in ["words", "seen", "sqlite_stat1"] {
            assert_eq!(rows(none), None, "{none}");
        }
    }

    #[test]
    fn large_values_have_the_same_hash_in_pieces() {
        let connection = database(
            "CREATE TABLE files (id INTEGER PRIMARY KEY, name TEXT, data);
             INSERT INTO files (name, data) VALUES
               ('small', x'0102'), ('none', NULL), ('number', 7), (NULL, 1.5),
               ('blob', zeroblob(3000000)), ('text', hex(zeroblob(700000))),
               (hex(zeroblob(800000)), 'large name')",
        );
        let stop = AtomicBool::new(false);
        let source = &sources(&connection).expect("read")[0];
        let pieces = in_pieces(&connection, source, "rowid", &stop).expect("read");
        let whole = whole_values(&connection, source, &stop).expect("read");
        assert_eq!(pieces, whole);
        assert_eq!(read(&connection, source, &stop).expect("read"), whole);
        assert_eq!(whole.expect("read").rows, 7);
        // Which of the two ways was taken: without large values SQLite refuses nothing.
        connection
            .set_limit(Limit::SQLITE_LIMIT_LENGTH, LARGE)
            .expect("set");
        let error = whole_values(&connection, source, &stop).expect_err("too large");
        assert_eq!(code(&error), Some(ffi::SQLITE_TOOBIG));
        stop.store(true, Ordering::Relaxed);
        connection
            .set_limit(Limit::SQLITE_LIMIT_LENGTH, UNLIMITED)
            .expect("set");
        assert_eq!(
            in_pieces(&connection, source, "rowid", &stop).expect("stopped"),
            None
        );
    }
}
