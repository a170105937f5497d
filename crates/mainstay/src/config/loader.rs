//! Putting the layers on top of each other: defaults, file, environment, flags.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::error::{ConfigError, Problem, Source};
use super::file::{self, FileChoice, FileLayers};
use super::keys::{KEYS, KeyDef};
use super::layer::{Entry, Layer, lookup, unknown_key};
use super::suggest::nearest;
use super::{Config, Kind, Profile, Value, resolve};

/// The file that is read when it is there and nobody named another.
pub const DEFAULT_FILE: &str = "mainstay.toml";

/// Every variable with this prefix must be a known one.
const PREFIX: &str = "MAINSTAY_";
/// These belong to the test kit, not to the configuration.
const TEST_PREFIX: &str = "MAINSTAY_TEST_";

/// Collects what the configuration is made of, then reads it all at once.
///
/// ```
/// use mainstay::config::{ConfigLoader, Profile};
///
/// let config = ConfigLoader::new()
///     .env([("MAINSTAY_ENV", "test"), ("MAINSTAY_POOL_MAX", "7")])
///     .set("timeouts.acquire", "250ms")
///     .load()?;
/// assert_eq!(config.profile, Profile::Test);
/// assert_eq!(config.pool.max, 7);
/// # Ok::<(), mainstay::config::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct ConfigLoader {
    keys: Vec<KeyDef>,
    env: Vec<(OsString, OsString)>,
    file: FileChoice,
    flags: Vec<(String, String)>,
}

impl Default for ConfigLoader {
    fn default() -> Self {
        Self::new()
    }
}

impl ConfigLoader {
    /// Nothing but the defaults: no file, an empty environment.
    pub fn new() -> Self {
        Self {
            keys: KEYS.to_vec(),
            env: Vec::new(),
            file: FileChoice::None,
            flags: Vec::new(),
        }
    }

    /// What a program uses: the process's environment, and [`DEFAULT_FILE`] in the working
    /// directory if it is there. The one place where the crate reads the environment.
    pub fn from_process_env() -> Self {
        Self::new()
            .env(std::env::vars_os())
            .optional_file(DEFAULT_FILE)
    }

    /// Adds keys of the application, read with [`Config::extra`].
    #[must_use]
    pub fn with_keys(mut self, keys: &[KeyDef]) -> Self {
        self.keys.extend_from_slice(keys);
        self
    }

    /// The environment, instead of what was given before. An empty variable counts as not set,
    /// because that is how shells and compose files leave one out.
    #[must_use]
    pub fn env<K, V>(mut self, variables: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        self.env = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        self
    }

    /// A file somebody named: it must exist.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = FileChoice::Required(path.into());
        self
    }

    /// A file that is read if it exists.
    #[must_use]
    pub fn optional_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = FileChoice::Optional(path.into());
        self
    }

    /// A flag, which overrides everything else. The last one for a key counts.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.flags.push((key.into(), value.into()));
        self
    }

    /// The definitions of all keys, the application's last.
    pub fn keys(&self) -> &[KeyDef] {
        &self.keys
    }

    /// Reads every layer.
    ///
    /// # Errors
    /// All problems at once, each with the key, the value (unless secret), where it came from and
    /// what is allowed.
    #[doc(alias = "getDatabaseConfig")]
    pub fn load(&self) -> Result<Config, ConfigError> {
        let mut problems = self.wrong_definitions();
        let file = file::read(&self.file, &self.keys, &mut problems);
        let env = self.env_layer(&mut problems);
        let flags = self.flag_layer(&mut problems);
        let layers = Layers { file, env, flags };
        // A wrong word for the profile is a problem already; the default lets the rest be checked.
        let profile = layers.profile();
        let merged = layers.merge(&self.keys, profile, &mut problems);
        resolve::config(self.keys.clone(), profile, merged, problems)
    }

    /// An application's own mistakes in its key definitions.
    fn wrong_definitions(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (at, def) in self.keys.iter().enumerate() {
            let mut wrong = |message: &str| problems.push(Problem::new(message).key(def.key));
            if self.keys[..at]
                .iter()
                .any(|other| other.key == def.key || other.env == def.env)
            {
                wrong("the program defines the key or its environment variable twice");
            }
            if Profile::from_name(def.key.split('.').next().unwrap_or_default()).is_some() {
                wrong("the program defines a key with the name of a profile");
            }
            if def.secret && def.kind != Kind::Text {
                wrong("the program defines a secret that is not a text");
            }
        }
        problems
    }

    fn env_layer(&self, problems: &mut Vec<Problem>) -> Layer {
        let mut layer = Layer::default();
        let mut variables: Vec<_> = self.env.iter().collect();
        variables.sort();
        for (name, value) in variables.into_iter().filter(|(_, value)| !value.is_empty()) {
            let name = name.to_string_lossy();
            let source = Source::Env(name.clone().into_owned());
            match self.keys.iter().find(|def| def.env == name) {
                Some(def) => match OsStr::to_str(value) {
                    Some(text) => layer.read(def, text, source, problems),
                    None => problems.push(
                        Problem::new("the value is not UTF-8")
                            .key(def.key)
                            .source(source)
                            .allowed(def.kind.allowed()),
                    ),
                },
                None if name.starts_with(PREFIX) && !name.starts_with(TEST_PREFIX) => {
                    problems.push(self.unknown_variable(&name));
                }
                None => {}
            }
        }
        layer
    }

    fn unknown_variable(&self, name: &str) -> Problem {
        // MAINSTAY_URL is not misspelt, it is named by the rule; the key then tells the exception.
        let key = name.trim_start_matches(PREFIX).to_ascii_lowercase();
        let by_key = self
            .keys
            .iter()
            .find(|def| def.key.replace('.', "_") == key);
        let near = by_key.map(|def| def.env);
        let near = near.or_else(|| nearest(name, self.keys.iter().map(|def| def.env)));
        let hint = match near {
            Some(near) => format!("did you mean {near}?"),
            None => "unset it; `config show` lists the keys".to_owned(),
        };
        let name: String = name.chars().take(80).flat_map(char::escape_debug).collect();
        Problem::new(format!("there is no such environment variable; {hint}")).key(name)
    }

    fn flag_layer(&self, problems: &mut Vec<Problem>) -> Layer {
        let mut layer = Layer::default();
        for (key, text) in &self.flags {
            match lookup(&self.keys, key) {
                Some(def) => layer.read(def, text, Source::Flag, problems),
                None => problems.push(unknown_key(&self.keys, key, Source::Flag)),
            }
        }
        layer
    }
}

struct Layers {
    file: FileLayers,
    env: Layer,
    flags: Layer,
}

impl Layers {
    fn profile(&self) -> Profile {
        [&self.flags, &self.env, &self.file.top]
            .into_iter()
            .find_map(|layer| layer.get("profile"))
            .and_then(|entry| entry.value.as_str())
            .and_then(Profile::from_name)
            .unwrap_or_default()
    }

    fn merge(&self, keys: &[KeyDef], profile: Profile, problems: &mut Vec<Problem>) -> Layer {
        let mut merged = Layer::default();
        for def in keys {
            let own = self.file.of(profile);
            let entry = [&self.flags, &self.env, own, &self.file.top]
                .into_iter()
                .find_map(|layer| layer.get(def.key));
            match entry {
                Some(entry) => {
                    if profile == Profile::Production && def.key == "url" && is_shared(entry, own) {
                        problems.push(shared_url(entry.source.clone()));
                    }
                    merged.set(def.key, entry.value.clone(), entry.source.clone());
                }
                None => {
                    if let Some(text) = def.default_of(profile) {
                        merged.read(def, text, Source::Default(profile), problems);
                    }
                }
            }
        }
        merged
    }
}

/// Whether a URL comes from the file's top level rather than from the profile's own table.
fn is_shared(url: &Entry, own: &Layer) -> bool {
    matches!(url.source, Source::File { .. }) && own.get("url").is_none()
}

fn shared_url(source: Source) -> Problem {
    Problem::new(
        "stands at the top of the file and so is every profile's; production does not take it \
         for its own: set DATABASE_URL, or write it in the table [production]",
    )
    .key("url")
    .source(source)
}

impl Config {
    /// Loads the configuration of the process: see [`ConfigLoader::from_process_env`].
    ///
    /// # Errors
    /// As [`ConfigLoader::load`].
    #[doc(alias = "getDatabaseConfig")]
    pub fn load() -> Result<Self, ConfigError> {
        ConfigLoader::from_process_env().load()
    }

    /// The value of a key the application registered. `None` if it is not set and has no default.
    pub fn extra(&self, key: &str) -> Option<&Value> {
        self.value(key)
    }
}
