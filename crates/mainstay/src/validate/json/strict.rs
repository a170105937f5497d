//! Reads a document and refuses what engines disagree on.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::limits::{DOCUMENT, MAX_DEPTH, printable};

/// Where the reader is, and why it stopped.
#[derive(Default)]
pub(super) struct State {
    path: String,
    depth: usize,
    refusal: Option<(String, String)>,
}

impl State {
    /// The field and the message, when the document was refused for what it holds.
    pub(super) fn into_refusal(self) -> Option<(String, String)> {
        self.refusal
    }

    fn refuse<E: serde::de::Error>(&mut self, path: &str, message: String) -> E {
        let field = if path.is_empty() { DOCUMENT } else { path };
        self.refusal = Some((field.to_owned(), message));
        E::custom("refused")
    }

    fn text<E: serde::de::Error>(&mut self, text: &str) -> Result<(), E> {
        if text.contains('\0') {
            let path = self.path.clone();
            let field = if path.is_empty() { "text" } else { &path };
            let message = format!("{field} must not contain a NUL character");
            return Err(self.refuse(&path, message));
        }
        Ok(())
    }

    fn enter<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            // The path is as deep as the document; its first step is enough to find it.
            let first = self.path.split(['.', '[']).next().unwrap_or_default();
            let first = first.to_owned();
            let message = format!("Nested deeper than {MAX_DEPTH} levels");
            return Err(self.refuse(&first, message));
        }
        Ok(())
    }
}

/// Reads one value.
pub(super) struct Strict<'a>(pub(super) &'a mut State);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Value, E> {
        self.0.text(&text)?;
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let state = self.0;
        state.enter()?;
        let outside = state.path.len();
        let mut array = Vec::new();
        loop {
            state.path.push_str(&format!("[{}]", array.len()));
            let Some(item) = items.next_element_seed(Strict(state))? else {
                break;
            };
            array.push(item);
            state.path.truncate(outside);
        }
        state.path.truncate(outside);
        state.depth -= 1;
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let state = self.0;
        state.enter()?;
        let outside = state.path.len();
        let mut object = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            if outside > 0 {
                state.path.push('.');
            }
            state.path.push_str(&printable(&name));
            if name.contains('\0') {
                let path = state.path[..outside].to_owned();
                let message = "Field names must not contain a NUL character".to_owned();
                return Err(state.refuse(&path, message));
            }
            if object.contains_key(&name) {
                let path = state.path.clone();
                let message = format!("Duplicate field: {path}");
                return Err(state.refuse(&path, message));
            }
            let value = entries.next_value_seed(Strict(state))?;
            object.insert(name, value);
            state.path.truncate(outside);
        }
        state.depth -= 1;
        Ok(Value::Object(object))
    }
}
