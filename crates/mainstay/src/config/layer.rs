//! One layer of values: what the file, the environment or the flags say.

use std::collections::BTreeMap;

use super::error::Problem;
use super::keys::KeyDef;
use super::suggest::nearest;
use super::{Source, Value};

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    pub(crate) source: Source,
}

/// Values by key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layer(BTreeMap<&'static str, Entry>);

impl Layer {
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.0.get(key)
    }

    pub(crate) fn set(&mut self, key: &'static str, value: Value, source: Source) {
        self.0.insert(key, Entry { value, source });
    }

    /// Reads a text as the key's value, or reports why it is none.
    pub(crate) fn read(
        &mut self,
        def: &KeyDef,
        text: &str,
        source: Source,
        problems: &mut Vec<Problem>,
    ) {
        match def.kind.parse(text, def.secret) {
            Ok(value) => self.set(def.key, value, source),
            Err(message) => problems.push(
                Problem::new(message)
                    .key(def.key)
                    .value(text, def.hides_text())
                    .source(source)
                    .allowed(def.kind.allowed()),
            ),
        }
    }
}

pub(crate) fn lookup<'a>(keys: &'a [KeyDef], key: &str) -> Option<&'a KeyDef> {
    keys.iter().find(|def| def.key == key)
}

/// The problem of a key that does not exist. Its value is not shown: under a misspelt name, nobody
/// knows whether it is a secret.
pub(crate) fn unknown_key(keys: &[KeyDef], key: &str, source: Source) -> Problem {
    let hint = match nearest(key, keys.iter().map(|def| def.key)) {
        Some(near) => format!("did you mean {near}?"),
        None => "remove it; `config show` lists the keys".to_owned(),
    };
    let key: String = key.chars().take(80).flat_map(char::escape_debug).collect();
    Problem::new(format!("there is no such key; {hint}"))
        .key(key)
        .source(source)
}
