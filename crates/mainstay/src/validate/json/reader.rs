//! Reads a struct from a document and says which field does not fit, and why.
//!
//! serde's error types carry text made for programmers, with the value in it. [`Mismatch`] keeps
//! the parts apart instead, so that the message can be made for the public.

use std::fmt::{self, Display};

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use super::limits::{DOCUMENT, MAX_PROBLEMS, printable};
use crate::error::FieldErrors;
use crate::schema::TableModel;
use crate::validate::rules;

/// Why a document does not fit a type.
#[derive(Debug)]
pub(super) struct Mismatch {
    /// The way to the value, outermost step last.
    steps: Vec<Step>,
    problem: Problem,
}

#[derive(Debug)]
enum Step {
    Field(String),
    Item(usize),
}

#[derive(Debug)]
enum Problem {
    Unknown(Vec<String>),
    Missing(&'static str),
    Null,
    Type(String),
    Word(&'static [&'static str]),
    /// The value is of the right type, but not what this says.
    Form(&'static str),
    Range,
    Value,
}

impl Mismatch {
    fn new(problem: Problem) -> Self {
        Self {
            steps: Vec::new(),
            problem,
        }
    }

    fn within(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for step in self.steps.iter().rev() {
            match step {
                Step::Field(name) => join(&mut path, &printable(name)),
                Step::Item(index) => path.push_str(&format!("[{index}]")),
            }
        }
        path
    }

    /// Adds the problem to `problems`, unless its field has one. Gives the fields of the document
    /// that are at fault, as they are called there. A value that is missing is reported as the
    /// column of `table` would, if there is one.
    pub(super) fn report(
        self,
        problems: &mut FieldErrors,
        table: Option<&TableModel>,
    ) -> Vec<String> {
        let path = self.path();
        let required = |field: &str| {
            let column = table.and_then(|table| table.columns.iter().find(|c| c.field == field));
            rules::required(column.map_or(&[], |column| column.rules), field)
        };
        let mut add = |field: &str, message: String| {
            let field = if field.is_empty() { DOCUMENT } else { field };
            if !problems.iter().any(|known| known.field == field) {
                problems.push(field.to_owned(), message);
            }
        };
        let of = |what: &str| match path.as_str() {
            "" => what.to_owned(),
            path => format!("{what} for {path}"),
        };
        let subject = if path.is_empty() {
            "The document"
        } else {
            &path
        };
        match &self.problem {
            Problem::Unknown(names) => {
                for name in names {
                    let mut field = path.clone();
                    join(&mut field, &printable(name));
                    add(&field, format!("Unknown field: {field}"));
                }
            }
            Problem::Missing(name) => {
                let mut field = path.clone();
                join(&mut field, name);
                add(&field, required(&field));
            }
            Problem::Null => add(&path, required(subject)),
            Problem::Type(expected) => {
                add(
                    &path,
                    format!("{}: expected {expected}", of("Invalid type")),
                );
            }
            Problem::Word(words) => {
                add(
                    &path,
                    format!("{subject} must be one of {}", words.join(", ")),
                );
            }
            Problem::Form(what) => add(&path, format!("{subject} must be {what}")),
            Problem::Range => add(&path, format!("{subject} is out of range")),
            Problem::Value => add(&path, of("Invalid value")),
        }
        match (self.steps.into_iter().next_back(), self.problem) {
            (Some(Step::Field(name)), _) => vec![name],
            (None, Problem::Unknown(names)) => names,
            _ => Vec::new(),
        }
    }
}

fn join(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

impl Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.problem, self.path())
    }
}

impl std::error::Error for Mismatch {}

impl serde::de::Error for Mismatch {
    fn custom<T: Display>(_: T) -> Self {
        // What a type says by itself can quote the value.
        Self::new(Problem::Value)
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        if unexpected == Unexpected::Unit {
            return Self::new(Problem::Null);
        }
        let expected = expected.to_string();
        let plain = plain(&expected);
        // A whole number that no integer of the program holds is read as a float.
        if let (Unexpected::Float(number), Some(WHOLE_NUMBER)) = (unexpected, plain)
            && number.fract() == 0.0
            && number.abs() >= FIRST_INEXACT
        {
            return Self::new(Problem::Range);
        }
        Self::new(Problem::Type(plain.map_or(expected, str::to_owned)))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(match unexpected {
            Unexpected::Signed(_) | Unexpected::Unsigned(_) | Unexpected::Float(_) => {
                Problem::Range
            }
            _ => plain(&expected.to_string()).map_or(Problem::Value, Problem::Form),
        })
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self::new(Problem::Value)
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Problem::Word(expected))
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::new(Problem::Unknown(vec![field.to_owned()]))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Problem::Missing(field))
    }
}

const WHOLE_NUMBER: &str = "a whole number";

/// From here on not every whole number is a float of its own.
const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;

/// What a type expects, in the caller's words; `None` when it is in these already, or unknown.
fn plain(expected: &str) -> Option<&'static str> {
    Some(match expected {
        "i8" | "i16" | "i32" | "i64" | "i128" | "u8" | "u16" | "u32" | "u64" | "u128" | "isize"
        | "usize" => WHOLE_NUMBER,
        "f32" | "f64" => "a number",
        "a formatted date string" => "a date",
        "a formatted date and time string" => "a date and time",
        "a formatted time string" => "a time",
        _ if expected.contains("UUID") => "a UUID",
        _ if expected.contains("RFC 3339") => "an RFC 3339 date and time",
        _ if expected.contains("Decimal") => "a decimal number",
        _ if expected.starts_with("struct ") => "an object",
        _ => return None,
    })
}

/// One value of a document.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a Value);

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(*truth),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (.., Some(number)) => visitor.visit_f64(number),
                _ => Err(Mismatch::new(Problem::Value)),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visitor.visit_seq(Items {
                items: items.iter().enumerate(),
            }),
            Value::Object(object) => visitor.visit_map(Entries::all(object)),
        }
    }

    /// Types that are written as text say what they expect only here: when the text does not fit,
    /// they fail with words of their own.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let form = plain(&(&visitor as &dyn Expected).to_string());
        self.deserialize_any(visitor)
            .map_err(|error| match (form, &error.problem) {
                (Some(form), Problem::Value) => Mismatch::new(Problem::Form(form)),
                _ => error,
            })
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::String(word) => visitor.visit_enum(word.as_str().into_deserializer()),
            Value::Object(object) => {
                visitor.visit_enum(MapAccessDeserializer::new(Entries::all(object)))
            }
            Value::Null => Err(Mismatch::new(Problem::Null)),
            _ => Err(Mismatch::new(Problem::Type("a word".to_owned()))),
        }
    }

    /// The only place that knows which fields a type has: unknown ones are refused here, and the
    /// others read in the type's order.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let object = match self.0 {
            Value::Object(object) => object,
            Value::Null => return Err(Mismatch::new(Problem::Null)),
            // A derived struct would take an array as its fields in order.
            _ => return Err(Mismatch::new(Problem::Type("an object".to_owned()))),
        };
        let unknown: Vec<String> = object
            .keys()
            .filter(|name| !fields.contains(&name.as_str()))
            .take(MAX_PROBLEMS)
            .cloned()
            .collect();
        if !unknown.is_empty() {
            return Err(Mismatch::new(Problem::Unknown(unknown)));
        }
        let entries = fields
            .iter()
            .filter_map(|name| object.get_key_value(*name))
            .map(|(name, value)| (name.as_str(), value))
            .collect::<Vec<_>>();
        visitor.visit_map(Entries::new(entries))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct Entries<'de> {
    entries: std::vec::IntoIter<(&'de str, &'de Value)>,
    current: Option<(&'de str, &'de Value)>,
}

impl<'de> Entries<'de> {
    fn new(entries: Vec<(&'de str, &'de Value)>) -> Self {
        Self {
            entries: entries.into_iter(),
            current: None,
        }
    }

    fn all(object: &'de Map<String, Value>) -> Self {
        Self::new(object.iter().map(|(k, v)| (k.as_str(), v)).collect())
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Mismatch> {
        self.current = self.entries.next();
        match self.current {
            Some((name, _)) => seed
                .deserialize(serde::de::value::BorrowedStrDeserializer::new(name))
                .map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        // serde asks for a value only after its key.
        let (name, value) = self
            .current
            .take()
            .ok_or_else(|| Mismatch::new(Problem::Value))?;
        seed.deserialize(Reader(value))
            .map_err(|error| error.within(Step::Field(name.to_owned())))
    }
}

struct Items<'de> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Mismatch> {
        let Some((index, item)) = self.items.next() else {
            return Ok(None);
        };
        seed.deserialize(Reader(item))
            .map(Some)
            .map_err(|error| error.within(Step::Item(index)))
    }
}
