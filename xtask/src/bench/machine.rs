//! The machine and the versions a run was made with.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::process::root;

/// Crates whose versions matter to the comparison.
const CRATES: [&str; 9] = [
    "rusqlite",
    "libsqlite3-sys",
    "tokio-postgres",
    "deadpool-postgres",
    "mysql_async",
    "sqlx",
    "sea-orm",
    "diesel",
    "diesel-async",
];

/// Everything that is known.
pub(super) fn describe() -> Value {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let lock = fs::read_to_string(root().join("bench/Cargo.lock")).unwrap_or_default();
    let crates: Vec<String> = CRATES
        .iter()
        .filter_map(|name| Some(format!("{name} {}", version(&lock, name)?)))
        .collect();
    json!({
        "cpu": after(&read("/proc/cpuinfo"), "model name"),
        "cores": cores,
        "memory": after(&read("/proc/meminfo"), "MemTotal"),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "rustc": output("rustc", &["--version"]),
        "postgres": output("pg_config", &["--version"]),
        "mariadb": output("mariadbd", &["--version"]),
        "commit": output("git", &["rev-parse", "--short", "HEAD"]),
        "crates": crates,
    })
}

/// What follows a key and a colon in a file of the kernel.
fn after(text: &str, key: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(key));
    let value = line.and_then(|line| line.split_once(':'));
    value.map_or_else(String::new, |(_, value)| value.trim().to_owned())
}

/// The highest version of a crate in a lock file: Mainstay's and the raw drivers' own, where another
/// candidate brings an older one too.
fn version(lock: &str, name: &str) -> Option<String> {
    let head = format!("name = \"{name}\"");
    let mut lines = lock.lines();
    let mut found = None;
    while let Some(line) = lines.next() {
        if line == head {
            let version = lines.next()?.strip_prefix("version = ")?;
            found = Some(version.trim_matches('"').to_owned());
        }
    }
    found
}

/// The first line a program prints, or nothing.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::null())
        .output();
    output.map_or_else(
        |_| String::new(),
        |output| {
            let text = String::from_utf8_lossy(&output.stdout);
            text.lines().next().unwrap_or_default().to_owned()
        },
    )
}
