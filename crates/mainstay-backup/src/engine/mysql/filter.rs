//! A dump made fit for any database and any client, as it passes by. Pure.
//!
//! Two things in a dump are not. Recent programs put a line in front that older clients cannot
//! read; the client that restores here takes no commands from a dump anyway. And around things made
//! while the database had another collation stands `ALTER DATABASE` with its name, which would change
//! that database when the dump is restored to another: without the name it means the one at hand.

use std::io::{Result, Write};

use memchr::memchr;

use super::quote;

const SANDBOX: &[u8] = b"/*M!999999\\-";
const ALTER: &[u8] = b"ALTER DATABASE ";

/// Takes a dump piece by piece and passes it on.
#[derive(Debug)]
pub(super) struct Filter {
    /// What a line begins with that is changed.
    named: Vec<u8>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// So many bytes of the first line are as in [`SANDBOX`], and held back.
    First(usize),
    /// The rest of the first line, which is left out.
    LeftOut,
    /// So many bytes of a line are as in `named`, and held back.
    Start(usize),
    /// The rest of a line.
    Rest,
}

impl Filter {
    /// For a dump of this database.
    pub(super) fn new(database: &str) -> Self {
        let mut named = ALTER.to_vec();
        named.extend_from_slice(quote(database).as_bytes());
        named.push(b' ');
        Self {
            named,
            state: State::First(0),
        }
    }

    /// The next piece, wherever it was cut off.
    pub(super) fn pass(&mut self, mut piece: &[u8], out: &mut dyn Write) -> Result<()> {
        // From here on nothing has been written yet.
        while !piece.is_empty() {
            match self.state {
                State::First(held) => {
                    if piece[0] == SANDBOX[held] {
                        self.state = if held + 1 == SANDBOX.len() {
                            State::LeftOut
                        } else {
                            State::First(held + 1)
                        };
                        piece = &piece[1..];
                    } else if held == 0 {
                        self.state = State::Start(0);
                    } else {
                        out.write_all(&SANDBOX[..held])?;
                        self.state = State::Rest;
                    }
                }
                State::LeftOut => match memchr(b'\n', piece) {
                    Some(at) => {
                        piece = &piece[at + 1..];
                        self.state = State::Start(0);
                    }
                    None => return Ok(()),
                },
                State::Start(held) => {
                    if piece[0] == self.named[held] {
                        piece = &piece[1..];
                        self.state = State::Start(held + 1);
                        if held + 1 == self.named.len() {
                            out.write_all(ALTER)?;
                            self.state = State::Rest;
                        }
                    } else {
                        out.write_all(&self.named[..held])?;
                        self.state = State::Rest;
                    }
                }
                State::Rest => {
                    let end = self.rest(piece);
                    out.write_all(&piece[..end])?;
                    piece = &piece[end..];
                }
            }
        }
        Ok(())
    }

    /// How much of a piece can be passed on as it is: up to the start of a line that may have to be
    /// changed.
    fn rest(&mut self, piece: &[u8]) -> usize {
        let mut from = 0;
        while let Some(at) = memchr(b'\n', &piece[from..]) {
            from += at + 1;
            // Most lines are rows, which begin with a parenthesis.
            if piece.get(from).is_none_or(|byte| *byte == self.named[0]) {
                self.state = State::Start(0);
                return from;
            }
        }
        piece.len()
    }

    /// What was held back at the end.
    pub(super) fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        let held = match std::mem::replace(&mut self.state, State::Rest) {
            State::First(held) => &SANDBOX[..held],
            State::Start(held) => &self.named[..held],
            State::LeftOut | State::Rest => &[],
        };
        out.write_all(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let (mut filter, mut out) = (Filter::new("my`shop"), Vec::new());
        for piece in pieces {
            filter.pass(piece, &mut out).expect("a vector takes it");
        }
        filter.end(&mut out).expect("a vector takes it");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn names_and_the_first_line_are_left_out_however_it_is_cut() {
        let dump = "/*M!999999\\- enable the sandbox mode */ \n\nINSERT INTO `a` VALUES\n(1,'A\\nA'),\n\
             (2,'ALTER DATABASE `my``shop` ');\nALTER DATABASE `my``shop` CHARACTER SET latin1 ;\n\
             ALTER DATABASE `my``shops` CHARACTER SET latin1 ;\nALTER DATABASE `my``shop` COLLATE x ;;\nALTER";
        let fit = "\nINSERT INTO `a` VALUES\n(1,'A\\nA'),\n\
             (2,'ALTER DATABASE `my``shop` ');\nALTER DATABASE CHARACTER SET latin1 ;\n\
             ALTER DATABASE `my``shops` CHARACTER SET latin1 ;\nALTER DATABASE COLLATE x ;;\nALTER";
        for at in 0..dump.len() {
            let (one, two) = dump.as_bytes().split_at(at);
            assert_eq!(passed([one, two]), fit, "cut at {at}");
        }
        assert_eq!(passed(dump.as_bytes().chunks(1)), fit);
    }

    #[test]
    fn all_else_stays() {
        for dump in [
            "-- MySQL dump\nSELECT 1;\n",
            "/*",
            "",
            "/*M!100100 SET a=1 */;\n\n\nA",
            "\n\n",
        ] {
            assert_eq!(passed(dump.as_bytes().chunks(1)), dump);
            assert_eq!(passed([dump.as_bytes()]), dump);
        }
    }
}
