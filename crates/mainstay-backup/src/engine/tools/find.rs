//! Where a program is.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use mainstay::{Error, ErrorKind, Result};

use super::Version;
use crate::archive::Tool;

/// A program of an engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    /// The names it goes by, the preferred one first.
    pub(crate) names: &'static [&'static str],
    /// What stands before its version in what it prints about itself; see [`Version::behind`].
    pub(crate) marks: &'static [&'static str],
    /// The Debian package it is in.
    pub(crate) package: &'static str,
    /// Where to get it elsewhere, in words.
    pub(crate) elsewhere: &'static str,
}

/// The folders in which programs are looked for, in this order.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    folders: Vec<PathBuf>,
}

/// A program that was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) name: &'static str,
    pub(crate) version: Version,
}

impl Places {
    /// The folders of `PATH`, then the engine's usual ones.
    pub(crate) fn usual(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self::of(env::var_os("PATH"), folders)
    }

    /// The folders of a text in the form of `PATH`, then others. The same one is looked at once.
    pub(crate) fn of(path: Option<OsString>, more: impl IntoIterator<Item = PathBuf>) -> Self {
        let path = path.unwrap_or_default();
        let mut folders: Vec<PathBuf> = Vec::new();
        let mut seen: Vec<PathBuf> = Vec::new();
        for folder in env::split_paths(&path).chain(more) {
            // A relative folder means another one after each change of the working directory.
            let Some(real) = folder
                .is_absolute()
                .then(|| fs::canonicalize(&folder).ok())
                .flatten()
            else {
                continue;
            };
            if !seen.contains(&real) {
                seen.push(real);
                folders.push(folder);
            }
        }
        Self { folders }
    }

    /// Finds the newest version of a program for which `fits` holds; of equal ones the first.
    /// `wanted` says in words what would fit, such as "15 or newer, as the server is 15.4".
    ///
    /// # Errors
    /// `CONFIGURATION` when there is none: it says what was found, and what to install.
    pub(crate) fn find(
        &self,
        program: &Program,
        wanted: &str,
        fits: impl Fn(Version) -> bool,
    ) -> Result<Found> {
        let mut best: Option<Found> = None;
        let mut others = Vec::new();
        for found in self.all(program) {
            if !fits(found.version) {
                others.push(format!("{} is {}", found.path.display(), found.version));
            } else if best
                .as_ref()
                .is_none_or(|best| best.version < found.version)
            {
                best = Some(found);
            }
        }
        best.ok_or_else(|| missing(program, wanted, &others))
    }

    /// Where a program is that does not tell its version.
    pub(crate) fn locate(&self, name: &str) -> Option<PathBuf> {
        let paths = self.folders.iter().map(|folder| folder.join(name));
        paths.into_iter().find(|path| is_program(path))
    }

    /// Every one that is there and tells its version.
    fn all<'a>(&'a self, program: &'a Program) -> impl Iterator<Item = Found> + 'a {
        self.folders.iter().flat_map(|folder| {
            program.names.iter().filter_map(|&name| {
                let path = folder.join(name);
                let version = is_program(&path)
                    .then(|| version_of(&path, program.marks))
                    .flatten()?;
                Some(Found {
                    path,
                    name,
                    version,
                })
            })
        })
    }
}

impl Found {
    /// As it is written into a manifest.
    pub(crate) fn tool(&self) -> Tool {
        Tool {
            name: self.name.to_owned(),
            version: self.version.to_string(),
        }
    }
}

fn missing(program: &Program, wanted: &str, others: &[String]) -> Error {
    let name = program.names[0];
    let detail = if others.is_empty() {
        format!("the program {name} is not installed, or not in PATH; needed is {wanted}")
    } else {
        format!(
            "there is no {name} that fits: needed is {wanted}, and {}",
            others.join(", ")
        )
    };
    Error::new(ErrorKind::Configuration, detail).with_hint(format!(
        "install it (Debian, Ubuntu: apt-get install {}; {}), or put its folder into PATH",
        program.package, program.elsewhere
    ))
}

/// The folders `base/PREFIXversion/below`, the newest version first: packages that can be installed
/// beside each other have such folders.
pub(crate) fn versioned(base: &Path, prefix: &str, below: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(base)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join(below)))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

fn version_of(path: &Path, marks: &[&str]) -> Option<Version> {
    let output = Command::new(path)
        .arg("--version")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    // Some print it as if it were a complaint.
    [output.stdout, output.stderr]
        .iter()
        .find_map(|text| Version::behind(&String::from_utf8_lossy(text), marks))
}
