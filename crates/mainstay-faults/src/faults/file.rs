//! What happens to a SQLite file while it is in use.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;

use crate::layer::prepared;
use crate::stage::Stage;

/// The command that makes this program hold the lock of a file.
pub(crate) const HOLD_LOCK: &str = "hold-lock";

pub(super) async fn locked(stage: &mut Stage) -> Result<(), String> {
    let path = stage.place.file()?.to_owned();
    let started = tokio::task::spawn_blocking(move || start_holder(&path)).await;
    let mut holder = started.map_err(|error| error.to_string())??;
    stage.hold().await;
    // It lets go when its input ends.
    drop(holder.stdin.take());
    let ended = tokio::task::spawn_blocking(move || holder.wait()).await;
    ended
        .map_err(|error| error.to_string())?
        .map(|_| ())
        .map_err(|error| error.to_string())
}

fn start_holder(path: &Path) -> Result<Child, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut child = Command::new(own)
        .arg(HOLD_LOCK)
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("the process that is to hold the lock: {error}"))?;
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        let read = BufReader::new(output).read_line(&mut line);
        read.map_err(|error| error.to_string())?;
    }
    if line.trim() == "locked" {
        Ok(child)
    } else {
        let _ = (child.kill(), child.wait());
        Err("the other process did not get the lock".to_owned())
    }
}

/// What the other process does: takes the lock, says so, and keeps it until its input ends.
pub(crate) fn hold_lock(path: &Path) -> Result<(), String> {
    let take = || -> rusqlite::Result<Connection> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.execute_batch("BEGIN EXCLUSIVE")?;
        Ok(connection)
    };
    let connection = take().map_err(|error| error.to_string())?;
    println!("locked");
    let mut line = String::new();
    // The end of the input, or what stands for it.
    let _ = std::io::stdin().read_line(&mut line);
    connection
        .execute_batch("ROLLBACK")
        .map_err(|error| error.to_string())
}

pub(super) async fn disk_full(stage: &mut Stage) -> Result<(), String> {
    let path = stage.place.file()?;
    let filler = path.with_file_name("filler");
    fill(&filler)?;
    let until = tokio::time::Instant::now() + stage.run.length();
    while tokio::time::Instant::now() < until {
        // What is freed by a checkpoint is taken as well.
        tokio::time::sleep(Duration::from_millis(50)).await;
        fill(&filler)?;
    }
    fs::remove_file(&filler).map_err(|error| format!("the filler cannot be removed: {error}"))
}

/// Writes until the disk is full.
fn fill(path: &Path) -> Result<(), String> {
    let opened = OpenOptions::new().append(true).create(true).open(path);
    let mut file = opened.map_err(|error| format!("the filler cannot be opened: {error}"))?;
    for size in [64 * 1024, 1024] {
        let zeros = vec![0; size];
        // Far more than a small disk has.
        for _ in 0..2048 {
            if file.write_all(&zeros).is_err() {
                break;
            }
        }
    }
    Ok(())
}

/// A database with the tables and nothing in them, beside the one in use.
async fn fresh(stage: &Stage) -> Result<PathBuf, String> {
    let path = stage.place.file()?.with_file_name("fresh.db");
    let url = format!("sqlite:{}", path.display());
    prepared(&url, stage.run.seed + 1).await?;
    Ok(path)
}

/// Takes the file away, with what SQLite keeps beside it.
fn remove(path: &Path) -> Result<(), String> {
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        match fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("the file cannot be removed: {error}"));
            }
            _ => {}
        }
    }
    Ok(())
}

pub(super) async fn deleted(stage: &mut Stage) -> Result<(), String> {
    let fresh = fresh(stage).await?;
    let path = stage.place.file()?;
    remove(path)?;
    stage.hold().await;
    // Nobody but a layer that goes on without a file may have made one.
    remove(path)?;
    fs::rename(&fresh, path).map_err(|error| format!("the file cannot be restored: {error}"))
}

pub(super) async fn replaced(stage: &mut Stage) -> Result<(), String> {
    let fresh = fresh(stage).await?;
    let path = stage.place.file()?;
    remove(path)?;
    fs::rename(&fresh, path).map_err(|error| format!("the file cannot be replaced: {error}"))?;
    stage.hold().await;
    Ok(())
}
