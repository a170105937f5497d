//! What is wrong with a configuration: every problem at once, none of them showing a secret.

use std::fmt;
use std::path::PathBuf;

use super::Profile;
use super::secret::REDACTED;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The default of the profile.
    Default(Profile),
    /// The configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line the value stands on, counted from 1, if known.
        line: Option<usize>,
    },
    /// An environment variable.
    Env(String),
    /// A command line flag, or an override set by the program.
    Flag,
}

impl Source {
    /// Higher wins.
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::Default(_) => 0,
            Self::File { .. } => 1,
            Self::Env(_) => 2,
            Self::Flag => 3,
        }
    }

    /// Whether somebody wrote the value down, rather than leaving the default.
    pub const fn is_set(&self) -> bool {
        !matches!(self, Self::Default(_))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default(profile) => write!(f, "default of {profile}"),
            Self::File {
                path,
                line: Some(line),
            } => write!(f, "{} line {line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, or the environment variable that is no key's. `None` when the file as a whole
    /// cannot be read.
    pub key: Option<String>,
    /// The value as it was written, `[redacted]` for a secret. `None` when there is none to show.
    pub value: Option<String>,
    /// Where the value came from.
    pub source: Option<Source>,
    /// What is wrong, and what to do.
    pub message: String,
    /// What is allowed instead.
    pub allowed: Option<String>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            key: None,
            value: None,
            source: None,
            message: message.into(),
            allowed: None,
        }
    }

    pub(crate) fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    pub(crate) fn value(mut self, text: &str, secret: bool) -> Self {
        self.value = Some(if secret {
            REDACTED.to_owned()
        } else {
            shown(text)
        });
        self
    }

    pub(crate) fn source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    pub(crate) fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }
}

/// A value as an error may show it: short, on one line, and not at all when it looks like a secret
/// that was put under the wrong key.
fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    if (text.contains("://") && text.contains('@')) || text.contains("-----BEGIN") {
        return REDACTED.to_owned();
    }
    let short: String = text.chars().take(LONGEST).collect();
    let dots = if short.len() < text.len() { "..." } else { "" };
    format!("\"{}{dots}\"", short.escape_debug())
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.key {
            f.write_str(key)?;
            if let Some(value) = &self.value {
                write!(f, " = {value}")?;
            }
        }
        match (&self.key, &self.source) {
            (Some(_), Some(source)) => write!(f, " ({source}): ")?,
            (Some(_), None) => f.write_str(": ")?,
            (None, Some(source)) => write!(f, "{source}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.message)?;
        match &self.allowed {
            Some(allowed) => write!(f, "; allowed: {allowed}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a configuration. It holds at least one [`Problem`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(crate) const fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// The problems, in the order file, environment, flags, then what they add up to.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [one] => write!(f, "the configuration is wrong: {one}"),
            many => {
                write!(f, "the configuration has {} problems:", many.len())?;
                many.iter()
                    .try_for_each(|problem| write!(f, "\n  - {problem}"))
            }
        }
    }
}

impl std::error::Error for ConfigError {}
