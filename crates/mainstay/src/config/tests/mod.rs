//! Tests of the whole module, one file per subject. All of them give the environment and the file
//! as parameters; none reads this process's.

mod advice;
mod file;
mod layers;
mod reference;
mod secrecy;
mod url;

use super::{Config, ConfigError, ConfigLoader};

/// The configuration that flags alone make.
fn flags<'a>(flags: impl IntoIterator<Item = (&'a str, &'a str)>) -> ConfigLoader {
    flags
        .into_iter()
        .fold(ConfigLoader::new(), |loader, (key, value)| {
            loader.set(key, value)
        })
}

/// The errors as they are printed.
fn errors(result: Result<Config, ConfigError>) -> String {
    result.expect_err("this configuration is wrong").to_string()
}
