//! What a key can hold ([`Kind`]) and what it holds ([`Value`]).

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::duration::{format_duration, parse_duration};
use super::suggest::nearest;
use super::url::UrlError;
use super::{DatabaseUrl, Secret};

/// What a key can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// `true` or `false`.
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number between two bounds, both included.
    Count {
        /// The smallest allowed.
        min: u32,
        /// The largest allowed.
        max: u32,
    },
    /// A duration with its unit, between two bounds, both included.
    Duration {
        /// The shortest allowed.
        min: Duration,
        /// The longest allowed.
        max: Duration,
    },
    /// A share in percent with the sign, up to this many.
    Percent {
        /// The largest allowed.
        max: u8,
    },
    /// The path of a file.
    Path,
    /// An IP address and a port, such as `127.0.0.1:3000`.
    Address,
    /// The address of a database. Its password is always redacted.
    Url,
}

/// A share in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(pub u8);

impl Percent {
    /// This share of a duration.
    pub fn of(self, whole: Duration) -> Duration {
        whole / 100 * u32::from(self.0)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// The value of a key. Printing one never shows a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text; also the word of a [`Kind::Choice`].
    Text(String),
    /// A text that is not to be shown.
    Secret(Secret),
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Count(u32),
    /// A duration.
    Duration(Duration),
    /// A share.
    Percent(Percent),
    /// The path of a file.
    Path(PathBuf),
    /// An IP address and a port.
    Address(SocketAddr),
    /// The address of a database.
    Url(DatabaseUrl),
}

impl Value {
    /// The text, unless it is a secret or something else.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The secret, if it is one.
    pub const fn as_secret(&self) -> Option<&Secret> {
        if let Self::Secret(secret) = self {
            Some(secret)
        } else {
            None
        }
    }

    /// The answer, if it is yes or no.
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(answer) = self {
            Some(*answer)
        } else {
            None
        }
    }

    /// The number, if it is one.
    pub const fn as_count(&self) -> Option<u32> {
        if let Self::Count(count) = self {
            Some(*count)
        } else {
            None
        }
    }

    /// The duration, if it is one.
    pub const fn as_duration(&self) -> Option<Duration> {
        if let Self::Duration(duration) = self {
            Some(*duration)
        } else {
            None
        }
    }

    /// The share, if it is one.
    pub const fn as_percent(&self) -> Option<Percent> {
        if let Self::Percent(share) = self {
            Some(*share)
        } else {
            None
        }
    }

    /// The path, if it is one.
    pub fn as_path(&self) -> Option<&Path> {
        if let Self::Path(path) = self {
            Some(path)
        } else {
            None
        }
    }

    /// The IP address and port, if it is one.
    pub const fn as_address(&self) -> Option<SocketAddr> {
        if let Self::Address(address) = self {
            Some(*address)
        } else {
            None
        }
    }

    /// The database's address, if it is one.
    pub const fn as_url(&self) -> Option<&DatabaseUrl> {
        if let Self::Url(url) = self {
            Some(url)
        } else {
            None
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Secret(secret) => secret.fmt(f),
            Self::Bool(answer) => answer.fmt(f),
            Self::Count(count) => count.fmt(f),
            Self::Duration(duration) => f.write_str(&format_duration(*duration)),
            Self::Percent(share) => share.fmt(f),
            Self::Path(path) => path.display().fmt(f),
            Self::Address(address) => address.fmt(f),
            Self::Url(url) => url.fmt(f),
        }
    }
}

impl Kind {
    /// What is allowed, in words.
    pub fn allowed(&self) -> String {
        match self {
            Self::Text => "a text that is not empty".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::Choice(words) => words.join(", "),
            Self::Count { min, max } => format!("a whole number from {min} to {max}"),
            Self::Duration { min, max } => format!(
                "a whole number with a unit (ms, s, m, h, d), from {} to {}",
                format_duration(*min),
                format_duration(*max)
            ),
            Self::Percent { max } => format!("a whole number with a percent sign, 0% to {max}%"),
            Self::Path => "the path of a file".to_owned(),
            Self::Address => "an IP address and a port, such as 127.0.0.1:3000".to_owned(),
            Self::Url => UrlError::ALLOWED.to_owned(),
        }
    }

    /// Reads a value. The error says what is wrong and does not repeat the text.
    pub(crate) fn parse(&self, text: &str, secret: bool) -> Result<Value, String> {
        if text.is_empty() {
            return Err("the value is empty".to_owned());
        }
        match self {
            Self::Text if secret => Ok(Value::Secret(text.into())),
            Self::Text => Ok(Value::Text(text.to_owned())),
            Self::Bool => match text {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err("neither true nor false".to_owned()),
            },
            Self::Choice(words) => match words.iter().find(|word| **word == text) {
                Some(word) => Ok(Value::Text((*word).to_owned())),
                None => Err(match nearest(text, words.iter().copied()) {
                    Some(word) => format!("not one of the allowed words; did you mean {word}?"),
                    None => "not one of the allowed words".to_owned(),
                }),
            },
            Self::Count { min, max } => {
                let count: i128 = text.parse().map_err(|_| "not a whole number".to_owned())?;
                u32::try_from(count)
                    .ok()
                    .filter(|count| (min..=max).contains(&count))
                    .map(Value::Count)
                    .ok_or_else(|| "out of range".to_owned())
            }
            Self::Duration { min, max } => match parse_duration(text)? {
                duration if duration < *min => Err("too short".to_owned()),
                duration if duration > *max => Err("too long".to_owned()),
                duration => Ok(Value::Duration(duration)),
            },
            Self::Percent { max } => {
                let number = text
                    .strip_suffix('%')
                    .ok_or("the percent sign is missing")?;
                let share: u8 = number
                    .parse()
                    .map_err(|_| "not a whole percentage".to_owned())?;
                if share > *max {
                    return Err("out of range".to_owned());
                }
                Ok(Value::Percent(Percent(share)))
            }
            Self::Path if text.contains("-----BEGIN") => {
                Err("the contents of a file; write its path".to_owned())
            }
            Self::Path => Ok(Value::Path(PathBuf::from(text))),
            Self::Address => text.parse().map(Value::Address).map_err(|_| {
                "not an IP address and a port (an IPv6 address stands in brackets)".to_owned()
            }),
            Self::Url => DatabaseUrl::parse(text)
                .map(Value::Url)
                .map_err(|error| error.message().to_owned()),
        }
    }

    /// Whether the file must write the value in quotes.
    pub(crate) const fn is_string(&self) -> bool {
        !matches!(self, Self::Bool | Self::Count { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);
    const KINDS: [Kind; 9] = [
        Kind::Text,
        Kind::Bool,
        Kind::Choice(&["full", "normal"]),
        Kind::Count { min: 1, max: 10 },
        Kind::Duration {
            min: SECOND,
            max: Duration::from_secs(60),
        },
        Kind::Percent { max: 50 },
        Kind::Path,
        Kind::Address,
        Kind::Url,
    ];

    #[test]
    fn each_kind_reads_its_values_and_prints_them_back() {
        let good = [
            "a",
            "true",
            "normal",
            "10",
            "30s",
            "10%",
            "ca.pem",
            "[::1]:80",
            "sqlite:a.db",
        ];
        for (kind, text) in KINDS.iter().zip(good) {
            let value = kind.parse(text, false).expect(text);
            assert_eq!(value.to_string(), text);
        }
    }

    #[test]
    fn each_kind_refuses_what_it_does_not_allow() {
        for (kind, text) in [
            (1, "yes"),
            (2, "ful"),
            (3, "0"),
            (3, "11"),
            (3, "-1"),
            (3, "4294967297"),
            (3, "1.5"),
            (4, "999ms"),
            (4, "2m"),
            (4, "30"),
            (5, "10"),
            (5, "51%"),
            (6, "-----BEGIN PRIVATE KEY-----"),
            (7, "localhost"),
            (8, "dev.db"),
        ] {
            assert!(KINDS[kind].parse(text, false).is_err(), "{text}");
        }
        for kind in KINDS {
            assert_eq!(kind.parse("", false), Err("the value is empty".to_owned()));
            assert!(!kind.allowed().is_empty());
        }
    }

    #[test]
    fn a_nearby_word_is_suggested() {
        let error = KINDS[2].parse("ful", false).expect_err("not a word");
        assert!(error.ends_with("did you mean full?"), "{error}");
    }

    #[test]
    fn a_secret_text_is_held_as_a_secret() {
        let value = Kind::Text.parse("hunter2", true).expect("any text");
        assert_eq!(value.to_string(), "[redacted]");
        assert_eq!(format!("{value:?}"), "Secret([redacted])");
        assert_eq!(value.as_secret().map(Secret::expose), Some("hunter2"));
        assert_eq!(value.as_str(), None);
    }

    #[test]
    fn a_percentage_is_taken_of_a_duration() {
        assert_eq!(
            Percent(10).of(Duration::from_secs(1800)),
            Duration::from_secs(180)
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*", kind in 0..KINDS.len()) {
            let _ = KINDS[kind].parse(&text, false);
        }
    }
}
