//! Reading what `pg_dump` writes: the rows of each table, counted and hashed on their way by.
//!
//! - `lexer`: where statements, comments and rows begin and end, in pieces of any size
//! - `names`: the table of a COPY statement
//! - `settings`: the settings at the start of a dump that an older server does not know

mod lexer;
mod names;
mod settings;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use mainstay::{Error, ErrorKind, Result};

use self::lexer::{Lexer, Piece};
use crate::archive::Table;
use crate::content::{Content, Pieces};

pub(super) use settings::without_unknown;

/// What all sequences together are called among the tables: a name that no table has.
pub(super) const SEQUENCES: &str = "(sequences)";
/// The same for large objects.
pub(super) const LARGE_OBJECTS: &str = "(large objects)";

/// The last thing `pg_dump` writes, in a comment.
const END: &[u8] = b"PostgreSQL database dump complete";

/// A dump as far as it was read.
///
/// Rows are taken as they stand there, in the text form of COPY, which is the same whenever the same
/// row is dumped. The values of sequences count, too, and large objects.
#[derive(Debug, Default)]
pub(super) struct Dump {
    lexer: Lexer,
    reader: Reader,
}

/// What was found.
#[derive(Debug, Default)]
struct Reader {
    tables: BTreeMap<String, Content>,
    /// The table whose rows come, with its rows.
    current: Option<(String, Content)>,
    /// A row that came in pieces.
    row: Pieces,
    sequences: Content,
    objects: Content,
    /// The large object that is being written.
    object: Option<Pieces>,
    is_complete: bool,
}

impl Dump {
    /// The next piece, of any size.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        let reader = &mut self.reader;
        self.lexer.feed(bytes, &mut |piece| reader.take(piece))
    }

    /// All tables, by name.
    ///
    /// # Errors
    /// `CORRUPT` when the end is missing.
    pub(super) fn finish(self) -> Result<Vec<Table>> {
        let reader = self.reader;
        if !reader.is_complete || !self.lexer.is_between_statements() {
            let place = match reader.current {
                Some((table, _)) => format!("within the rows of {table}"),
                None => "before its end".to_owned(),
            };
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("the dump stops {place}"),
            ));
        }
        let tables = reader.tables.into_iter();
        let mut tables: Vec<Table> = tables.map(|(name, content)| content.table(name)).collect();
        let others = [
            reader.sequences.table(SEQUENCES),
            reader.objects.table(LARGE_OBJECTS),
        ];
        tables.extend(others.into_iter().filter(|table| table.rows > 0));
        tables.sort();
        Ok(tables)
    }
}

impl Reader {
    /// Says whether rows follow.
    fn take(&mut self, piece: Piece<'_>) -> Result<bool> {
        match piece {
            Piece::Statement(text) => return self.statement(text),
            Piece::Row(line) => {
                if let Some((_, content)) = &mut self.current {
                    content.add(line);
                }
            }
            Piece::RowPart(part) => {
                self.row.update(part);
            }
            Piece::RowEnd(part) => {
                let row = self.row.update(part);
                match &mut self.current {
                    Some((_, content)) => content.add_pieces(row),
                    None => drop(row.finish()),
                }
            }
            Piece::EndOfRows => {
                if let Some((name, content)) = self.current.take() {
                    self.tables.insert(name, content);
                }
            }
            Piece::Comment(text) => {
                if text.trim_ascii() == END {
                    self.is_complete = true;
                }
            }
        }
        Ok(false)
    }

    fn statement(&mut self, text: &[u8]) -> Result<bool> {
        if let Some(object) = &mut self.object {
            object.update(text);
        }
        if text.starts_with(b"COPY ") && text.ends_with(b" FROM stdin") {
            let name = names::copied_table(text).ok_or_else(|| {
                Error::new(
                    ErrorKind::Unsupported,
                    "the dump has a COPY whose table is not understood",
                )
            })?;
            if self.tables.contains_key(&name) {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("the dump has the rows of {name} twice"),
                ));
            }
            self.current = Some((name, Content::default()));
            return Ok(true);
        }
        if text.starts_with(b"SELECT pg_catalog.setval(") {
            self.sequences.add(text);
        } else if text.starts_with(b"SELECT pg_catalog.lo_open(") {
            let mut object = Pieces::default();
            object.update(text);
            self.object = Some(object);
        } else if text.starts_with(b"SELECT pg_catalog.lo_close(")
            && let Some(mut object) = self.object.take()
        {
            self.objects.add_pieces(&mut object);
        }
        Ok(false)
    }
}
