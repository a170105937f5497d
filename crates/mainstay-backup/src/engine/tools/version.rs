//! What a program says its version is.

use std::fmt;

/// The numbers of a version. What is not said is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) patch: u32,
}

impl Version {
    pub(crate) const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// The version at the start of a text, such as `15.18 (Debian 15.18-0+deb12u1)`, `17beta1` or
    /// `10.11.6-MariaDB`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start();
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let mut numbers = text[..end].split('.').filter(|part| !part.is_empty());
        let major = numbers.next()?.parse().ok()?;
        let mut next = || {
            numbers
                .next()
                .and_then(|part| part.parse().ok())
                .unwrap_or(0)
        };
        Some(Self::new(major, next(), next()))
    }

    /// The version in what a program prints about itself: behind the first of the marks that is
    /// there and has a number behind it.
    pub(crate) fn behind(text: &str, marks: &[&str]) -> Option<Self> {
        marks.iter().find_map(|mark| {
            text.match_indices(mark)
                .find_map(|(at, mark)| Self::parse(&text[at + mark.len()..]))
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch != 0 {
            write!(f, ".{}", self.patch)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_programs_print_them() {
        let postgres: &[&str] = &["(PostgreSQL) "];
        let maria: &[&str] = &["Distrib ", "from ", "server ", "Ver "];
        for (text, marks, expected) in [
            (
                "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)",
                postgres,
                Some(Version::new(15, 18, 0)),
            ),
            (
                "psql (PostgreSQL) 17beta1",
                postgres,
                Some(Version::new(17, 0, 0)),
            ),
            (
                "mariadb-dump  Ver 10.19 Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)",
                maria,
                Some(Version::new(10, 11, 6)),
            ),
            (
                "mariadb-dump from 11.4.2-MariaDB, client 10.19 for Linux (x86_64)",
                maria,
                Some(Version::new(11, 4, 2)),
            ),
            (
                "mariadb-backup based on MariaDB server 10.11.6-MariaDB Linux (x86_64)",
                maria,
                Some(Version::new(10, 11, 6)),
            ),
            (
                "mysqldump  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)",
                maria,
                Some(Version::new(8, 0, 36)),
            ),
            ("command not found", postgres, None),
            ("psql (PostgreSQL) newest", postgres, None),
        ] {
            assert_eq!(Version::behind(text, marks), expected, "{text}");
        }
        assert_eq!(Version::new(15, 4, 0).to_string(), "15.4");
        assert_eq!(Version::new(10, 11, 6).to_string(), "10.11.6");
        assert!(Version::new(10, 11, 6) > Version::new(9, 99, 99));
    }
}
