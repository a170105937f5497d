//! Where statements, comments and rows begin and end.

use mainstay::Result;
use memchr::{memchr, memchr2};

/// So much of a statement is kept; nothing that is looked at is longer.
const LONGEST_STATEMENT: usize = 4 << 20;
/// A row that comes in pieces is put together up to this size, and hashed in pieces beyond.
const LONGEST_ROW: usize = 64 << 10;
const LONGEST_COMMENT: usize = 256;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A statement without its semicolon and without comments; only the start of a very long one.
    Statement(&'a [u8]),
    /// A whole row of COPY, without its line end.
    Row(&'a [u8]),
    /// A part of a long row.
    RowPart(&'a [u8]),
    /// The last part of a row of which parts have been given.
    RowEnd(&'a [u8]),
    /// No more rows of this table.
    EndOfRows,
    /// The start of a comment, without its dashes.
    Comment(&'a [u8]),
}

/// Takes a dump in pieces and finds what is in it, wherever they are cut.
#[derive(Debug, Default)]
pub(super) struct Lexer {
    state: State,
    /// The statement, comment or row so far.
    text: Vec<u8>,
    /// Whether parts of the row have been given.
    in_parts: bool,
    /// The last two bytes of the statement, the last one second.
    last: [u8; 2],
    /// Parentheses that are open: a rule's statements are within.
    depth: u32,
    /// The dollar quote that is open, and how much of its end has been seen.
    quote: Vec<u8>,
    matched: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Within a statement, or between two.
    #[default]
    Plain,
    LineComment,
    BlockComment {
        depth: u32,
        last: u8,
    },
    /// Within single quotes, where a backslash may escape what follows.
    Single {
        escapes: bool,
        escaped: bool,
    },
    /// Just behind single quotes, which go on if another one follows.
    AfterSingle {
        escapes: bool,
    },
    Double,
    /// Perhaps the start of a dollar quote.
    DollarTag,
    Dollar,
    /// A command of psql, to the end of the line.
    Command,
    /// The rest of the line behind a COPY.
    BeforeRows,
    Rows,
}

type Give<'a> = &'a mut dyn FnMut(Piece<'_>) -> Result<bool>;

impl Lexer {
    /// The next piece. `give` gets what was found, and says of a statement whether rows follow it.
    pub(super) fn feed(&mut self, mut bytes: &[u8], give: Give<'_>) -> Result<()> {
        while !bytes.is_empty() {
            bytes = if self.state == State::Rows {
                self.rows(bytes, give)?
            } else {
                self.sql(bytes, give)?
            };
        }
        Ok(())
    }

    /// Whether nothing has been begun.
    pub(super) fn is_between_statements(&self) -> bool {
        self.text.is_empty()
            && matches!(
                self.state,
                State::Plain | State::LineComment | State::Command
            )
    }

    /// Rows, up to the last one or the end of the piece.
    fn rows<'b>(&mut self, mut bytes: &'b [u8], give: Give<'_>) -> Result<&'b [u8]> {
        while let Some(end) = memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            if self.in_parts {
                give(Piece::RowPart(&self.text))?;
                give(Piece::RowEnd(line))?;
                self.in_parts = false;
                self.text.clear();
                continue;
            }
            let row = if self.text.is_empty() {
                line
            } else {
                self.text.extend_from_slice(line);
                &self.text
            };
            // A row cannot look like this: its backslash would be two.
            if row == b"\\." {
                self.text.clear();
                self.state = State::Plain;
                give(Piece::EndOfRows)?;
                return Ok(bytes);
            }
            give(Piece::Row(row))?;
            self.text.clear();
        }
        if self.text.len() + bytes.len() > LONGEST_ROW {
            give(Piece::RowPart(&self.text))?;
            give(Piece::RowPart(bytes))?;
            self.in_parts = true;
            self.text.clear();
        } else {
            self.text.extend_from_slice(bytes);
        }
        Ok(&[])
    }

    /// A step through SQL.
    fn sql<'b>(&mut self, bytes: &'b [u8], give: Give<'_>) -> Result<&'b [u8]> {
        match self.state {
            State::Plain => return self.plain(bytes, give),
            State::AfterSingle { escapes } => {
                if bytes[0] == b'\'' {
                    self.state = State::Single {
                        escapes,
                        escaped: false,
                    };
                    self.keep(&bytes[..1]);
                    return Ok(&bytes[1..]);
                }
                self.state = State::Plain;
                return Ok(bytes);
            }
            State::Single { escapes, escaped } => return Ok(self.single(bytes, escapes, escaped)),
            State::Double => {
                let end = memchr(b'"', bytes).map(|at| at + 1);
                if end.is_some() {
                    self.state = State::Plain;
                }
                return Ok(self.keep_to(bytes, end));
            }
            State::DollarTag => return Ok(self.dollar_tag(bytes)),
            State::Dollar => return Ok(self.dollar(bytes)),
            State::BlockComment { depth, last } => return Ok(self.block(bytes, depth, last)),
            State::LineComment | State::Command | State::BeforeRows | State::Rows => {}
        }
        // To the end of the line.
        let end = memchr(b'\n', bytes);
        let line = &bytes[..end.unwrap_or(bytes.len())];
        if self.state == State::LineComment {
            let room = LONGEST_COMMENT.saturating_sub(self.quote.len());
            self.quote.extend_from_slice(&line[..room.min(line.len())]);
        }
        let Some(end) = end else { return Ok(&[]) };
        self.state = match self.state {
            State::LineComment => {
                let comment = std::mem::take(&mut self.quote);
                give(Piece::Comment(&comment))?;
                State::Plain
            }
            State::BeforeRows => State::Rows,
            _ => State::Plain,
        };
        Ok(&bytes[end + 1..])
    }

    fn plain<'b>(&mut self, bytes: &'b [u8], give: Give<'_>) -> Result<&'b [u8]> {
        for (at, &byte) in bytes.iter().enumerate() {
            let rest = &bytes[at + 1..];
            match byte {
                b'\\' if self.text.is_empty() => {
                    self.state = State::Command;
                    return Ok(rest);
                }
                b' ' | b'\n' | b'\t' | b'\r' if self.text.is_empty() => continue,
                b'-' if self.last[1] == b'-' => {
                    self.drop_last();
                    self.quote.clear();
                    self.state = State::LineComment;
                    return Ok(rest);
                }
                b'*' if self.last[1] == b'/' => {
                    self.drop_last();
                    self.state = State::BlockComment { depth: 1, last: 0 };
                    return Ok(rest);
                }
                b';' if self.depth == 0 => {
                    let statement = std::mem::take(&mut self.text);
                    self.last = [0; 2];
                    let rows_follow = give(Piece::Statement(statement.trim_ascii_end()))?;
                    // Its memory is used again.
                    self.text = statement;
                    self.text.clear();
                    if rows_follow {
                        self.state = State::BeforeRows;
                    }
                    return Ok(rest);
                }
                b'(' => self.depth += 1,
                b')' => self.depth = self.depth.saturating_sub(1),
                b'\'' => {
                    let [before, mark] = self.last;
                    let escapes = matches!(mark, b'E' | b'e') && !is_name(before);
                    self.state = State::Single {
                        escapes,
                        escaped: false,
                    };
                }
                b'"' => self.state = State::Double,
                b'$' if !is_name(self.last[1]) => {
                    self.quote.clear();
                    self.quote.push(b'$');
                    self.state = State::DollarTag;
                }
                _ => {}
            }
            self.keep(&[byte]);
            if self.state != State::Plain {
                return Ok(rest);
            }
        }
        Ok(&[])
    }

    fn single<'b>(&mut self, bytes: &'b [u8], escapes: bool, escaped: bool) -> &'b [u8] {
        if escaped {
            self.state = State::Single {
                escapes,
                escaped: false,
            };
            return self.keep_to(bytes, Some(1));
        }
        let end = if escapes {
            memchr2(b'\'', b'\\', bytes)
        } else {
            memchr(b'\'', bytes)
        };
        if let Some(end) = end {
            self.state = if bytes[end] == b'\'' {
                State::AfterSingle { escapes }
            } else {
                State::Single {
                    escapes,
                    escaped: true,
                }
            };
        }
        self.keep_to(bytes, end.map(|at| at + 1))
    }

    /// `$tag$` begins a quote, `$1` and a lone `$` do not.
    fn dollar_tag<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let byte = bytes[0];
        if byte == b'$' {
            self.quote.push(b'$');
            self.matched = 0;
            self.state = State::Dollar;
        } else if is_name(byte) && !(byte.is_ascii_digit() && self.quote.len() == 1) {
            self.quote.push(byte);
        } else {
            self.state = State::Plain;
            return bytes;
        }
        self.keep_to(bytes, Some(1))
    }

    fn dollar<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let mut at = 0;
        while at < bytes.len() {
            if self.matched == 0 {
                match memchr(b'$', &bytes[at..]) {
                    Some(found) => at += found + 1,
                    None => return self.keep_to(bytes, None),
                }
                self.matched = 1;
                continue;
            }
            let byte = bytes[at];
            at += 1;
            if byte == self.quote[self.matched] {
                self.matched += 1;
                if self.matched == self.quote.len() {
                    self.quote.clear();
                    self.state = State::Plain;
                    return self.keep_to(bytes, Some(at));
                }
            } else {
                self.matched = usize::from(byte == b'$');
            }
        }
        self.keep_to(bytes, None)
    }

    /// Comments of this kind may stand within each other.
    fn block<'b>(&mut self, bytes: &'b [u8], mut depth: u32, mut last: u8) -> &'b [u8] {
        for (at, &byte) in bytes.iter().enumerate() {
            match (last, byte) {
                (b'/', b'*') => {
                    depth += 1;
                    last = 0;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    last = 0;
                    if depth == 0 {
                        self.state = State::Plain;
                        return &bytes[at + 1..];
                    }
                }
                _ => last = byte,
            }
        }
        self.state = State::BlockComment { depth, last };
        &[]
    }

    /// Keeps the bytes up to an end, or all of them, and gives the rest.
    fn keep_to<'b>(&mut self, bytes: &'b [u8], end: Option<usize>) -> &'b [u8] {
        let (kept, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        self.keep(kept);
        rest
    }

    fn keep(&mut self, bytes: &[u8]) {
        match bytes {
            [] => return,
            [.., before, last] => self.last = [*before, *last],
            [last] => self.last = [self.last[1], *last],
        }
        let room = LONGEST_STATEMENT.saturating_sub(self.text.len());
        self.text.extend_from_slice(&bytes[..room.min(bytes.len())]);
    }

    /// The last byte was the start of a comment.
    fn drop_last(&mut self) {
        self.text.pop();
        self.last = [0; 2];
    }
}

/// Whether a byte may be within a name. Those beyond ASCII are parts of letters.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
