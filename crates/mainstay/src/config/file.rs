//! Reading the configuration file into a layer of values.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Problem;
use super::keys::KeyDef;
use super::layer::{Layer, lookup, unknown_key};
use super::{Kind, Profile, Source};

/// More than this is no configuration file.
pub(crate) const SIZE_LIMIT: u64 = 1024 * 1024;

/// Which file to read.
#[derive(Clone)]
pub(crate) enum FileChoice {
    None,
    /// A file that may be missing.
    Optional(PathBuf),
    /// A file somebody named; it must be there.
    Required(PathBuf),
}

/// The file's values: those for every profile, and those of each profile's own table.
#[derive(Default)]
pub(crate) struct FileLayers {
    pub(crate) top: Layer,
    pub(crate) profiles: [Layer; 3],
}

impl FileLayers {
    pub(crate) fn of(&self, profile: Profile) -> &Layer {
        &self.profiles[index(profile)]
    }
}

fn index(profile: Profile) -> usize {
    match profile {
        Profile::Development => 0,
        Profile::Test => 1,
        Profile::Production => 2,
    }
}

pub(crate) fn read(
    choice: &FileChoice,
    keys: &[KeyDef],
    problems: &mut Vec<Problem>,
) -> FileLayers {
    let (path, required) = match choice {
        FileChoice::None => return FileLayers::default(),
        FileChoice::Optional(path) => (path, false),
        FileChoice::Required(path) => (path, true),
    };
    match text_of(path, required) {
        Ok(Some(text)) => parse(path, &text, keys, problems),
        Ok(None) => FileLayers::default(),
        Err(message) => {
            problems.push(Problem::new(message).source(Source::File {
                path: path.clone(),
                line: None,
            }));
            FileLayers::default()
        }
    }
}

fn text_of(path: &Path, required: bool) -> Result<Option<String>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound && !required => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err("the configuration file does not exist; create it, or name another".into());
        }
        Err(error) => return Err(format!("the configuration file cannot be opened: {error}")),
    };
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("the configuration file cannot be read: {error}"))?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err("the configuration file is larger than 1 MiB; is it the right file?".into());
    }
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| "the configuration file is not UTF-8 text".to_owned())
}

/// Reads TOML. The parser's own message is kept but not its excerpt of the line, which may hold a
/// password.
pub(crate) fn parse(
    path: &Path,
    text: &str,
    keys: &[KeyDef],
    problems: &mut Vec<Problem>,
) -> FileLayers {
    let mut layers = FileLayers::default();
    let lines = Lines { path, text };
    match DeTable::parse(text) {
        Ok(table) => {
            let mut walk = Walk {
                lines,
                keys,
                problems,
            };
            walk.top(table.get_ref(), &mut layers);
        }
        Err(error) => {
            let line = error.span().map(|span| lines.number(span.start));
            problems.push(
                Problem::new(format!(
                    "not valid TOML: {}",
                    error.message().replace('\n', ", ")
                ))
                .source(Source::File {
                    path: path.to_owned(),
                    line,
                }),
            );
        }
    }
    layers
}

#[derive(Clone, Copy)]
struct Lines<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Lines<'_> {
    fn number(&self, at: usize) -> usize {
        let before = self
            .text
            .as_bytes()
            .get(..at)
            .unwrap_or(self.text.as_bytes());
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn source(&self, at: usize) -> Source {
        Source::File {
            path: self.path.to_owned(),
            line: Some(self.number(at)),
        }
    }
}

struct Walk<'a> {
    lines: Lines<'a>,
    keys: &'a [KeyDef],
    problems: &'a mut Vec<Problem>,
}

impl Walk<'_> {
    fn top(&mut self, table: &DeTable<'_>, layers: &mut FileLayers) {
        for (name, value) in table {
            let inner = match (Profile::from_name(name.get_ref()), value.get_ref()) {
                (Some(profile), DeValue::Table(inner)) => Some((profile, inner)),
                _ => None,
            };
            match inner {
                Some((profile, inner)) => {
                    let layer = &mut layers.profiles[index(profile)];
                    for (name, value) in inner {
                        self.entry(name.get_ref(), Some(profile), name, value, layer);
                    }
                }
                None => self.entry(name.get_ref(), None, name, value, &mut layers.top),
            }
        }
    }

    fn entry(
        &mut self,
        key: &str,
        profile: Option<Profile>,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        layer: &mut Layer,
    ) {
        let source = self.lines.source(name.span().start);
        let table = match value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => None,
        };
        match (lookup(self.keys, key), table) {
            (Some(def), None) => self.leaf(def, profile, value.get_ref(), source, layer),
            (Some(def), Some(_)) => {
                let problem = Problem::new("is a value, not a table")
                    .key(def.key)
                    .source(source);
                self.problems.push(problem.allowed(def.kind.allowed()));
            }
            (None, Some(table)) if !table.is_empty() => {
                for (name, value) in table {
                    let key = format!("{key}.{}", name.get_ref());
                    self.entry(&key, profile, name, value, layer);
                }
            }
            (None, Some(_)) if self.is_prefix(key) => {}
            (None, _) => self.problems.push(unknown_key(self.keys, key, source)),
        }
    }

    fn leaf(
        &mut self,
        def: &KeyDef,
        profile: Option<Profile>,
        value: &DeValue<'_>,
        source: Source,
        layer: &mut Layer,
    ) {
        if let (Some(profile), "profile") = (profile, def.key) {
            self.problems.push(
                Problem::new(format!(
                    "cannot stand in the table [{profile}]; write it at the top"
                ))
                .key(def.key)
                .source(source),
            );
            return;
        }
        match text_of_value(value, &def.kind) {
            Ok(text) => layer.read(def, &text, source, self.problems),
            Err(message) => self.problems.push(
                Problem::new(message)
                    .key(def.key)
                    .source(source)
                    .allowed(def.kind.allowed()),
            ),
        }
    }

    fn is_prefix(&self, key: &str) -> bool {
        self.keys.iter().any(|def| {
            def.key
                .strip_prefix(key)
                .is_some_and(|r| r.starts_with('.'))
        })
    }
}

fn text_of_value(value: &DeValue<'_>, kind: &Kind) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if !kind.is_string() => {
            i64::from_str_radix(number.as_str(), number.radix())
                .map(|number| number.to_string())
                .map_err(|_| "out of range".to_owned())
        }
        DeValue::Boolean(answer) if !kind.is_string() => Ok(answer.to_string()),
        DeValue::Integer(_) if matches!(kind, Kind::Duration { .. }) => {
            Err("the unit is missing; write it as a string such as \"30s\"".to_owned())
        }
        DeValue::Integer(_) if matches!(kind, Kind::Percent { .. }) => {
            Err("the percent sign is missing; write it as a string such as \"10%\"".to_owned())
        }
        other => Err(format!(
            "is written as a TOML {}, which cannot be used here",
            other.type_str()
        )),
    }
}
