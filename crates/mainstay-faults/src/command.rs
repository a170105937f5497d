//! What both commands have in common: names of engines, seeds, files for results.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use mainstay::{Entropy, SystemEntropy};
use mainstay_testkit::Engine;

/// An engine's name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    Sqlite,
    Postgres,
    #[value(alias = "mariadb")]
    Mysql,
}

impl EngineName {
    pub(crate) fn engine(self) -> Engine {
        match self {
            Self::Sqlite => Engine::Sqlite,
            Self::Postgres => Engine::Postgres,
            Self::Mysql => Engine::MariaDb,
        }
    }
}

/// Short enough to be typed.
pub(crate) fn random_seed() -> u64 {
    let mut bytes = [0; 4];
    SystemEntropy.fill(&mut bytes);
    u64::from(u32::from_le_bytes(bytes))
}

/// Minutes of work are not to end with a wrong path. What the file holds stays.
pub(crate) fn check_writable(file: &Path) -> Result<(), String> {
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .map(|_| ())
        .map_err(|error| format!("{} cannot be written: {error}", file.display()))
}

/// Makes a folder for results, and sees to it that files can be made in it.
pub(crate) fn make_folder(folder: &Path) -> Result<(), String> {
    let trial = folder.join(".trial");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::File::create(&trial))
        .and_then(|_| std::fs::remove_file(&trial))
        .map_err(|error| format!("{} cannot be written into: {error}", folder.display()))
}

pub(crate) fn write(file: &PathBuf, text: &str) -> Result<(), String> {
    std::fs::write(file, text)
        .map_err(|error| format!("{} cannot be written: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_and_what_is_in_it_stays() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("a/b");
        make_folder(&folder).unwrap();
        let file = folder.join("kept");
        std::fs::write(&file, "text").unwrap();
        make_folder(&folder).unwrap();
        check_writable(&file).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "text");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_is_named_at_once() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("file");
        std::fs::write(&file, "").unwrap();
        for refused in [make_folder(&file), make_folder(&file.join("below"))] {
            let error = refused.unwrap_err();
            assert!(
                error.contains("file") && error.contains("cannot be written"),
                "{error}"
            );
        }
        let missing = top.path().join("missing/result.json");
        assert!(check_writable(&missing).is_err());
    }
}
