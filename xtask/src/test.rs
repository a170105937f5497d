//! Building and running every test on every engine.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::engine::Engine;
use crate::packages;
use crate::process::{self, Stream, cargo, step};
use crate::servers::{self, Servers};
use crate::summary::{Counts, libtest_result, nextest_summary};

/// How a command of ours ended.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) counts: Counts,
    /// What failed, one line each. Empty: success.
    pub(crate) problems: Vec<String>,
}

/// `cargo xtask test`.
pub(crate) fn run(engines: &[Engine], arguments: &[String]) -> Outcome {
    let mut outcome = Outcome::default();
    if let Err(problem) = run_into(&mut outcome, engines, arguments) {
        outcome.problems.push(problem);
    }
    outcome
}

fn run_into(outcome: &mut Outcome, engines: &[Engine], arguments: &[String]) -> Result<(), String> {
    let nextest = process::works(cargo(["nextest", "--version"]).env_remove("RUSTC_WRAPPER"));
    let runner = if nextest {
        Runner::Nextest
    } else {
        Runner::Cargo
    };
    if !nextest {
        println!("cargo-nextest is not installed: using cargo test, which is slower");
        println!("    (to install it: cargo install cargo-nextest --locked)");
    }

    step("build", || process::run(&mut runner.build()))?;
    // Those the caller named a server for need none of ours.
    let wanted: Vec<Engine> = [Engine::Postgres, Engine::Mysql]
        .into_iter()
        .filter(|engine| engines.is_empty() || engines.contains(engine))
        .filter(|engine| std::env::var_os(url_variable(*engine)).is_none())
        .collect();
    let absent = provide_programs(&wanted)?;
    let present: Vec<Engine> = wanted
        .into_iter()
        .filter(|engine| !absent.contains(engine))
        .collect();
    let servers = if present.is_empty() {
        None
    } else {
        Some(step("start the database servers", || {
            Servers::start(&present)
        })?)
    };

    let mut environment: Vec<(String, String)> = servers
        .iter()
        .flat_map(|servers| servers.variables().to_vec())
        .collect();
    if !engines.is_empty() {
        let names: Vec<&str> = engines.iter().map(|engine| engine.name()).collect();
        environment.push(("MAINSTAY_TEST_ENGINES".to_owned(), names.join(",")));
    }
    let notes = SkipNotes::new()?;
    environment.push((
        "MAINSTAY_TEST_SKIPS".to_owned(),
        notes.path.display().to_string(),
    ));

    let tests = step("test", || {
        runner.run(&mut outcome.counts, arguments, &environment)
    });
    // A filter is for tests by name; documentation's examples have none worth filtering.
    let examples = if arguments.is_empty() {
        step("test the examples in the documentation", || {
            run_doc_tests(&mut outcome.counts, &environment)
        })
    } else {
        Ok(())
    };
    drop(servers);

    let skipped = notes.read();
    outcome.counts.apply_skips(&skipped);
    for engine in Engine::ALL {
        let count = skipped
            .lines()
            .filter(|line| line.split('\t').next() == Some(engine.name()));
        let count = count.count();
        if count > 0 {
            println!("SKIPPED: {count} tests on {}", engine.name());
        }
    }
    outcome.problems.extend(examples.err());
    tests
}

fn url_variable(engine: Engine) -> String {
    format!("MAINSTAY_TEST_{}_URL", engine.name().to_uppercase())
}

pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// Installs the servers' programs where they are missing. Returns the engines that remain without.
pub(crate) fn provide_programs(engines: &[Engine]) -> Result<Vec<Engine>, String> {
    if engines.is_empty() {
        return Ok(Vec::new());
    }
    let mut missing = servers::missing(engines)?;
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    match packages::may_install() {
        Ok(()) => {
            let engines: Vec<Engine> = missing.iter().map(|(engine, _)| *engine).collect();
            // Reported by the step; what it means is seen from what is missing then.
            let _ = step("install the database servers", || {
                packages::install(&engines)
            });
            missing = servers::missing(&engines)?;
        }
        Err(reason) => println!("    not installing the missing database servers: {reason}"),
    }
    for (engine, what) in &missing {
        println!("SKIPPING the tests on {}: {what}", engine.name());
    }
    let absent: Vec<Engine> = missing.iter().map(|(engine, _)| *engine).collect();
    if !absent.is_empty() && in_ci() {
        return Err(
            "with CI=true every engine must be there; see above what to install".to_owned(),
        );
    }
    Ok(absent)
}

/// What runs the tests.
#[derive(Clone, Copy)]
enum Runner {
    Nextest,
    Cargo,
}

impl Runner {
    fn build(self) -> Command {
        match self {
            Self::Nextest => cargo(["nextest", "run", "--workspace", "--no-run"]),
            Self::Cargo => cargo(["test", "--workspace", "--no-run"]),
        }
    }

    fn run(
        self,
        counts: &mut Counts,
        arguments: &[String],
        environment: &[(String, String)],
    ) -> Result<(), String> {
        let mut command = match self {
            Self::Nextest => {
                let mut command = cargo(["nextest", "run", "--workspace", "--no-fail-fast"]);
                if in_ci() {
                    command.args(["--profile", "ci"]);
                }
                command
            }
            // All but the documentation's examples, which come after.
            Self::Cargo => cargo([
                "test",
                "--workspace",
                "--no-fail-fast",
                "--lib",
                "--bins",
                "--tests",
                "--examples",
            ]),
        };
        command
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)));
        let mut found = None;
        let status = match self {
            Self::Nextest => process::run_watching(&mut command, Stream::Error, |line| {
                found = nextest_summary(line).or(found);
            })?,
            Self::Cargo => process::run_watching(&mut command, Stream::Output, |line| {
                add_result(&mut found, line);
            })?,
        };
        judge(counts, found, status)
    }
}

fn run_doc_tests(counts: &mut Counts, environment: &[(String, String)]) -> Result<(), String> {
    let mut command = cargo(["test", "--workspace", "--doc", "--no-fail-fast"]);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let mut found = None;
    let status = process::run_watching(&mut command, Stream::Output, |line| {
        add_result(&mut found, line);
    })?;
    judge(counts, found, status)
}

fn add_result(found: &mut Option<Counts>, line: &str) {
    if let Some(result) = libtest_result(line) {
        *found.get_or_insert_default() += result;
    }
}

/// Adds what a runner counted, and believes neither its counts nor its exit code alone.
fn judge(
    counts: &mut Counts,
    found: Option<Counts>,
    status: std::process::ExitStatus,
) -> Result<(), String> {
    let Some(found) = found else {
        return Err(format!("the runner ended without a result ({status})"));
    };
    *counts += found;
    if found.failed > 0 {
        return Err(format!("{} tests failed", found.failed));
    }
    process::succeeded(status)
}

/// The file in which tests note that they were skipped. Removed at the end.
struct SkipNotes {
    path: PathBuf,
}

impl SkipNotes {
    fn new() -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let path = own.with_file_name(format!("skipped-tests-{}.txt", std::process::id()));
        // An earlier process may have had our number and been killed.
        let _ = fs::remove_file(&path);
        Ok(Self { path })
    }

    fn read(&self) -> String {
        // Not there: nothing was skipped.
        fs::read_to_string(&self.path).unwrap_or_default()
    }
}

impl Drop for SkipNotes {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
