//! What continuous integration runs.

use std::process::Command;
use std::time::Duration;

use crate::faults;
use crate::migrations;
use crate::process::{self, cargo, step, works, works_within};
use crate::test::{self, Outcome};

/// The version that is known to read `deny.toml`.
const CARGO_DENY: &str = "0.20.2";

/// Where cargo-deny reads advisories.
const ADVISORIES: &str = "https://github.com/RustSec/advisory-db";

/// All checks but the tests. Goes through them all even when one fails, so that one run shows everything.
fn checks() -> Vec<String> {
    let mut problems = Vec::new();
    let mut check = |name: &str, command: &mut Command| {
        problems.extend(step(name, || process::run(command)).err());
    };
    check("format", &mut cargo(["fmt", "--all", "--check"]));
    // Its layout only: building all that it compares with takes minutes.
    let bench = ["fmt", "--check", "--manifest-path", "bench/Cargo.toml"];
    check("format of the benchmark", &mut cargo(bench));
    let faults = [
        "fmt",
        "--check",
        "--manifest-path",
        "bench/faults/Cargo.toml",
    ];
    check("format of the fault baselines", &mut cargo(faults));
    check(
        "clippy",
        &mut cargo([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]),
    );
    for driver in ["sqlite", "postgres", "mysql"] {
        let name = format!("clippy with the {driver} driver alone");
        // The library alone: its tests bring in the other drivers.
        let mut command = cargo(["clippy", "-p", "mainstay"]);
        command.args([
            "--no-default-features",
            "--features",
            driver,
            "--",
            "-D",
            "warnings",
        ]);
        check(&name, &mut command);
    }
    check(
        "documentation",
        cargo(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
    );
    check("beside sqlx and SeaORM", &mut beside_others());
    problems.extend(deny());
    problems
}

/// The crate outside the workspace which proves that a service can hold all three. Its builds stay
/// apart, because it shares hardly a feature set with the workspace.
fn beside_others() -> Command {
    let mut command = cargo(["test", "--quiet", "--manifest-path", "compat/Cargo.toml"]);
    command.args(["--locked", "--target-dir", "target/compat"]);
    command
}

/// `cargo xtask ci`.
pub(crate) fn run() -> Outcome {
    let problems = checks();
    let mut outcome = test::run(&[], &[]);
    outcome.problems.splice(0..0, problems);
    // With what the tests have built.
    outcome.problems.extend(migrations::run());
    outcome.problems.extend(under_load());
    outcome
}

/// Databases broken under load, and a minute of normal load, on all engines.
fn under_load() -> Vec<String> {
    // What the faults found stands at the end of what they print, and is to stand at the end of all.
    let runs = [
        ("soak of a minute", &["soak", "--minutes", "1"][..]),
        ("faults", &["--quick"]),
    ];
    let mut problems = Vec::new();
    for (name, arguments) in runs {
        let done = faults::program(&[]).and_then(|mut command| {
            command.args(arguments);
            step(name, || process::run(&mut command))
        });
        problems.extend(done.err());
    }
    problems
}

/// Licences, banned crates and sources; advisories where they can be had.
fn deny() -> Vec<String> {
    if !works(&mut cargo(["deny", "--version"])) {
        let installed = step("install cargo-deny", || {
            // Unoptimised: it is built in half the time and has little to do.
            let version = ["--version", CARGO_DENY];
            process::run(cargo(["install", "cargo-deny", "--locked", "--debug"]).args(version))
        });
        if installed.is_err() {
            // Only advisories may be left out, and only for want of their source.
            return vec!["licences, bans and sources: no cargo-deny".to_owned()];
        }
    }
    let mut problems = Vec::new();
    let command = &mut cargo(["deny", "check", "licenses", "bans", "sources"]);
    problems.extend(step("licences, bans, sources", || process::run(command)).err());

    let mut probe = Command::new("git");
    probe
        .args(["ls-remote", "--exit-code", ADVISORIES, "HEAD"])
        .env("GIT_TERMINAL_PROMPT", "0");
    if works_within(&mut probe, Duration::from_secs(15)) {
        let command = &mut cargo(["deny", "check", "advisories"]);
        problems.extend(step("advisories", || process::run(command)).err());
    } else {
        println!("SKIPPED: advisories: {ADVISORIES} cannot be reached from here");
    }
    problems
}
