//! Reads a dump as it passes by: which tables it has, and the rows of each, counted and hashed.
//!
//! - `mod.rs`: [`Scanner`], which takes the dump in pieces of any size
//! - `note`: the lines in which the program that dumps says where in the binary log it stands
//! - `fields`: a row taken apart, for the few that are read
//!
//! Pure: no I/O. Lines decide what is a statement of ours and what is the body of somebody's
//! procedure: the program writes each INSERT and CREATE TABLE at the start of a line, and bodies
//! between two lines with `DELIMITER`, as the client that restores them needs it.

mod fields;
mod note;

use std::collections::BTreeMap;

use mainstay::{Error, ErrorKind, Result};
use memchr::{memchr, memchr2};

pub(super) use note::LogPosition;

use crate::archive::{SchemaVersion, Table};
use crate::content::{Content, Pieces};

/// The table whose rows say which migrations had been applied.
const HISTORY: &[u8] = b"_mainstay_migrations";

/// How much of a line is looked at, and how many bytes of the history's rows: more there never is.
const LINE: usize = 4096;
const ROWS: usize = 4 << 20;

const INSERT: &[u8] = b"INSERT INTO `";
const CREATE: &[u8] = b"CREATE TABLE `";
const DELIMITER: &[u8] = b"DELIMITER ";
const VALUES: &[u8] = b"VALUES";

/// What a dump has.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// By name.
    pub(super) tables: Vec<Table>,
    /// Where the dump stands in the binary log, if it says so.
    pub(super) log: Option<LogPosition>,
    /// Which migrations had been applied in the state that was dumped.
    pub(super) schema: Option<SchemaVersion>,
}

/// Takes a dump piece by piece.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    state: State,
    /// The start of the line, or the name, that is being read.
    head: Vec<u8>,
    tables: BTreeMap<Vec<u8>, Content>,
    /// The table whose rows are being read.
    current: Vec<u8>,
    content: Content,
    /// Whether the rows of this table are kept, and those that were.
    keeps: bool,
    kept: Vec<u8>,
    row: Option<Pieces>,
    /// Between a line that sets another delimiter and the one that sets it back.
    in_body: bool,
    log: note::Reader,
    /// What could not be read.
    problem: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The start of a line, collected in `head`.
    #[default]
    Line,
    /// The rest of a line that says nothing.
    Skip,
    /// A table's name, collected in `head`; whether its last byte was a backtick.
    Name { inserts: bool, ticked: bool },
    /// What stands between the name and the rows: the columns' names, perhaps.
    Columns { quoted: bool, matched: usize },
    /// Before a row, or after the last.
    Between,
    /// In a row.
    Row { quoted: bool, escaped: bool },
}

impl Scanner {
    /// The next piece, wherever it was cut off.
    pub(super) fn feed(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let taken = match self.state {
                State::Line => self.line(piece),
                State::Skip => self.skip(piece),
                State::Name { inserts, ticked } => self.name(piece, inserts, ticked),
                State::Columns { quoted, matched } => self.columns(piece, quoted, matched),
                State::Between => self.between(piece),
                State::Row { quoted, escaped } => self.rows(piece, quoted, escaped),
            };
            piece = &piece[taken..];
        }
    }

    /// What the dump has.
    ///
    /// # Errors
    /// When it is cut off, or has what no dump has.
    pub(super) fn finish(mut self) -> Result<Scanned> {
        if self.state == State::Line && !self.head.is_empty() {
            self.end_line();
        }
        if self.problem.is_none() && !matches!(self.state, State::Line | State::Skip) {
            self.problem = Some("it ends in the middle of a statement".to_owned());
        }
        if let Some(problem) = self.problem {
            return Err(Error::new(
                ErrorKind::Decode,
                format!("the dump cannot be read: {problem}"),
            )
            .with_hint("the version of the program that dumps may be too new; see the guide"));
        }
        let schema = fields::schema_version(&self.kept)?;
        let tables = self.tables.iter();
        let tables = tables.map(|(name, content)| content.table(String::from_utf8_lossy(name)));
        Ok(Scanned {
            tables: tables.collect(),
            log: self.log.position(),
            schema,
        })
    }

    /// The start of a line, until it is known what it is.
    fn line(&mut self, piece: &[u8]) -> usize {
        // What matters begins with a word; byte by byte, for as long as it may still be one.
        let mut taken = 0;
        for byte in piece {
            taken += 1;
            if *byte == b'\n' {
                self.end_line();
                return taken;
            }
            self.head.push(*byte);
            if !self.in_body {
                for (word, inserts) in [(INSERT, true), (CREATE, false)] {
                    if self.head == word {
                        self.head.clear();
                        self.state = State::Name {
                            inserts,
                            ticked: false,
                        };
                        return taken;
                    }
                }
            }
            if self.head.len() >= LINE {
                self.end_line();
                self.state = State::Skip;
                return taken;
            }
        }
        taken
    }

    fn end_line(&mut self) {
        if let Some(delimiter) = self.head.strip_prefix(DELIMITER) {
            self.in_body = delimiter.trim_ascii() != b";";
        } else if !self.in_body {
            self.log.line(&self.head);
        }
        self.head.clear();
        self.state = State::Line;
    }

    fn skip(&mut self, piece: &[u8]) -> usize {
        match memchr(b'\n', piece) {
            Some(at) => {
                self.state = State::Line;
                at + 1
            }
            None => piece.len(),
        }
    }

    /// A name ends with a backtick that is not doubled.
    fn name(&mut self, piece: &[u8], inserts: bool, mut ticked: bool) -> usize {
        for (at, byte) in piece.iter().enumerate() {
            match (*byte == b'`', ticked) {
                (true, true) => {
                    self.head.push(b'`');
                    ticked = false;
                }
                (true, false) => ticked = true,
                (false, false) => self.head.push(*byte),
                (false, true) => {
                    let name = std::mem::take(&mut self.head);
                    if inserts {
                        self.begin(name);
                    } else {
                        self.tables.entry(name).or_default();
                        self.state = State::Skip;
                    }
                    // The byte itself belongs to what follows.
                    return at;
                }
            }
        }
        self.state = State::Name { inserts, ticked };
        piece.len()
    }

    /// The rows of a table begin, or go on.
    fn begin(&mut self, name: Vec<u8>) {
        self.content = self.tables.get(&name).cloned().unwrap_or_default();
        self.keeps = name == HISTORY;
        self.current = name;
        self.state = State::Columns {
            quoted: false,
            matched: 0,
        };
    }

    fn columns(&mut self, piece: &[u8], mut quoted: bool, mut matched: usize) -> usize {
        for (at, byte) in piece.iter().enumerate() {
            if *byte == b'`' {
                quoted = !quoted;
                matched = 0;
            } else if !quoted {
                matched = if *byte == VALUES[matched] {
                    matched + 1
                } else {
                    usize::from(*byte == VALUES[0])
                };
                if matched == VALUES.len() {
                    self.state = State::Between;
                    return at + 1;
                }
            }
        }
        self.state = State::Columns { quoted, matched };
        piece.len()
    }

    fn between(&mut self, piece: &[u8]) -> usize {
        for (at, byte) in piece.iter().enumerate() {
            match byte {
                b' ' | b',' | b'\n' | b'\r' => {}
                b'(' => {
                    self.state = State::Row {
                        quoted: false,
                        escaped: false,
                    };
                    return at + 1;
                }
                _ => {
                    if *byte != b';' && self.problem.is_none() {
                        let table = String::from_utf8_lossy(&self.current);
                        let rows = self.content.table("").rows;
                        self.problem = Some(format!(
                            "after row {rows} of {table} stands neither a row nor the end"
                        ));
                    }
                    let content = std::mem::take(&mut self.content);
                    self.tables
                        .insert(std::mem::take(&mut self.current), content);
                    self.state = State::Skip;
                    return at + 1;
                }
            }
        }
        piece.len()
    }

    /// In a row, up to the parenthesis that ends it. Quotes and escapes are as the program writes
    /// them; everything else in a row is numbers, NULL and hexadecimal digits.
    fn rows(&mut self, piece: &[u8], mut quoted: bool, mut escaped: bool) -> usize {
        let mut at = 0;
        loop {
            if escaped {
                if at == piece.len() {
                    break;
                }
                at += 1;
                escaped = false;
            }
            let rest = &piece[at..];
            let found = if quoted {
                memchr2(b'\'', b'\\', rest)
            } else {
                memchr2(b'\'', b')', rest)
            };
            let Some(found) = found else {
                break;
            };
            at += found + 1;
            match rest[found] {
                b'\'' => quoted = !quoted,
                b'\\' => escaped = true,
                _ => {
                    self.end_row(&piece[..at - 1]);
                    return at;
                }
            }
        }
        self.state = State::Row { quoted, escaped };
        self.row.get_or_insert_with(Pieces::default).update(piece);
        if self.keeps {
            self.keep(piece, false);
        }
        piece.len()
    }

    fn end_row(&mut self, tail: &[u8]) {
        match self.row.take() {
            Some(mut row) => self.content.add_pieces(row.update(tail)),
            None => self.content.add(tail),
        }
        if self.keeps {
            self.keep(tail, true);
        }
        self.state = State::Between;
    }

    fn keep(&mut self, part: &[u8], ends: bool) {
        if self.kept.len() + part.len() < ROWS {
            self.kept.extend_from_slice(part);
            if ends {
                self.kept.push(b'\n');
            }
        }
    }
}

#[cfg(test)]
mod tests;
