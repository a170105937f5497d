//! Questlog's migrations as its operator runs them: looked over, applied and compared with the
//! entities, by its own commands, on every engine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::engine::Engine;
use crate::process::{self, cargo, root, step};
use crate::servers::Servers;
use crate::test::provide_programs;

/// The database that is made on each server.
const DATABASE: &str = "questlog_check";

/// `cargo xtask migrations`.
pub(crate) fn alone() -> Result<(), String> {
    // As the tests build it, so that nothing is built twice. The servers' binary comes with it.
    step("build", || {
        process::run(&mut cargo(["build", "--workspace", "--bins", "--tests"]))
    })?;
    match run().as_slice() {
        [] => Ok(()),
        problems => Err(problems.join("; ")),
    }
}

/// The checks, when questlog has been built. Goes through all engines even when one
/// fails. Returns what failed.
pub(crate) fn run() -> Vec<String> {
    let mut problems = Vec::new();
    if let Err(problem) = run_into(&mut problems) {
        problems.push(problem);
    }
    problems
}

fn run_into(problems: &mut Vec<String>) -> Result<(), String> {
    let place = Place::new()?;
    // The texts for all engines, those of the folder: what was built may be older.
    let folder = root().join("apps/questlog/migrations");
    let lint = step("migrations of questlog", || {
        let mut command = place.questlog(None)?;
        command.args(["migrate", "lint", "--strict", "--folder"]);
        process::run(command.arg(&folder))
    });
    problems.extend(lint.err());
    let servers = [Engine::Postgres, Engine::Mysql];
    let absent = provide_programs(&servers)?;
    let present: Vec<Engine> = servers
        .into_iter()
        .filter(|engine| !absent.contains(engine))
        .collect();
    let running = match present.is_empty() {
        true => None,
        false => Some(step("start the database servers", || {
            Servers::start(&present)
        })?),
    };
    let mut urls = vec![(
        Engine::Sqlite,
        format!("sqlite:{}", place.path.join("questlog.db").display()),
    )];
    for engine in present {
        let url = running.as_ref().and_then(|servers| servers.url(engine));
        let url = url.ok_or_else(|| format!("{} has no address", engine.name()))?;
        urls.push((engine, with_database(url)?));
    }
    for (engine, url) in urls {
        problems.extend(on(&place, engine, &url));
    }
    Ok(())
}

/// What each command comes to on one engine.
fn on(place: &Place, engine: Engine, url: &str) -> Vec<String> {
    let commands: [(&str, &[&str]); 3] = [
        ("set up", &["setup", "--no-seed"]),
        (
            "migrate lint",
            &["migrate", "lint", "--strict", "--database"],
        ),
        ("schema check", &["schema", "check"]),
    ];
    let mut problems = Vec::new();
    for (name, words) in commands {
        let name = format!("{name} on {}", engine.name());
        let done = step(&name, || {
            process::run(place.questlog(Some(url))?.args(words))
        });
        problems.extend(done.err());
    }
    problems
}

/// The address of another database of the same server.
fn with_database(url: &str) -> Result<String, String> {
    match url.rsplit_once('/') {
        Some((server, _)) if !server.ends_with('/') => Ok(format!("{server}/{DATABASE}")),
        _ => Err("the server's address names no database".to_owned()),
    }
}

/// A folder for the database file, in which no configuration lies. Removed at the end.
struct Place {
    path: PathBuf,
    own: PathBuf,
}

impl Place {
    fn new() -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let own = own.parent().map(Path::to_owned).unwrap_or_default();
        let path = own.join(format!("questlog-check-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { path, own })
    }

    /// The binary, which lies beside ours, without the settings of whoever runs this.
    fn questlog(&self, url: Option<&str>) -> Result<Command, String> {
        let program = self.own.join("questlog");
        if !program.exists() {
            return Err("questlog is not built".to_owned());
        }
        let mut command = Command::new(program);
        command.current_dir(&self.path);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MAINSTAY_") {
                command.env_remove(name);
            }
        }
        match url {
            Some(url) => command.env("DATABASE_URL", url),
            None => command.env_remove("DATABASE_URL"),
        };
        Ok(command)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_another_one_of_the_same_server() {
        assert_eq!(
            with_database("postgres://a:b@127.0.0.1:1/postgres"),
            Ok("postgres://a:b@127.0.0.1:1/questlog_check".to_owned())
        );
        assert!(with_database("postgres://127.0.0.1").is_err());
    }
}
