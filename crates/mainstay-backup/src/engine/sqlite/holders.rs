//! Who has a database open, as far as the system tells.
//!
//! SQLite's locks are what counts. This names the process, and finds those whom locks do not show:
//! who has the file open without having read from it yet, or still has one that was deleted.

use std::path::Path;

/// Processes with the database, or what SQLite keeps beside it, open: a name and a number each.
/// Empty also where the system does not tell.
#[cfg(target_os = "linux")]
pub(super) fn of(path: &Path) -> Vec<String> {
    let names: Vec<_> = ["", "-wal", "-shm", "-journal"]
        .into_iter()
        .flat_map(|ending| {
            let name = super::files::beside(path, ending);
            let deleted = super::files::beside(&name, " (deleted)");
            [name, deleted]
        })
        .collect();
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for process in processes.flatten() {
        let Some(number) = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        // Others' may not be looked at.
        let Ok(files) = std::fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        let has_it = files
            .flatten()
            .filter_map(|file| file.path().read_link().ok())
            .any(|to| names.contains(&to));
        if has_it {
            found.push(described(&process.path(), number));
        }
    }
    found
}

#[cfg(target_os = "linux")]
fn described(process: &Path, number: u32) -> String {
    if number == std::process::id() {
        return "this process".to_owned();
    }
    match std::fs::read_to_string(process.join("comm")) {
        Ok(name) => format!("{} (process {number})", name.trim()),
        Err(_) => format!("process {number}"),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn of(_: &Path) -> Vec<String> {
    Vec::new()
}
