//! What `config show` prints: every key, its value and where it came from.

use serde::{Serialize, Serializer};

use super::{Config, Source};

/// One key as it is in effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EffectiveValue {
    /// The key.
    pub key: &'static str,
    /// The value, redacted where it is or holds a secret. `None` if the key is not set.
    pub value: Option<String>,
    /// Where the value came from. In JSON, in words.
    #[serde(serialize_with = "in_words")]
    pub source: Source,
}

fn in_words<S: Serializer>(source: &Source, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(source)
}

impl Config {
    /// Every key with its value and source, in the order of the reference, the application's own
    /// keys last. No secret is in it.
    pub fn effective(&self) -> Vec<EffectiveValue> {
        self.keys
            .iter()
            .map(|def| EffectiveValue {
                key: def.key,
                value: self.value(def.key).map(ToString::to_string),
                source: self
                    .source(def.key)
                    .cloned()
                    .unwrap_or(Source::Default(self.profile)),
            })
            .collect()
    }
}
