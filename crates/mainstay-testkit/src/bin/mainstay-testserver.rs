//! Starts the private database servers of a test run and keeps them until told to stop.
//!
//! `mainstay-testserver [--check] [postgres] [mysql]` (both, when none is named) prints one JSON line
//! per engine: `{"engine", "url", "ca"}` for one that runs, `{"engine", "missing", "install"}` for one
//! whose programs are not here, `{"engine", "broken"}` for one that did not start; then `{"ready"}`.
//! It stops the servers and removes their folders when its standard input ends or on SIGINT, SIGTERM
//! or SIGHUP. With `--check` it starts nothing, prints `{"engine"}` for what could be started, and
//! ends.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use mainstay_testkit::servers::{Options, Server, ServerKind, installed};
use serde_json::{Value, json};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("mainstay-testserver: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut check = false;
    let mut kinds = Vec::new();
    for argument in std::env::args().skip(1) {
        match ServerKind::ALL
            .into_iter()
            .find(|kind| kind.name() == argument)
        {
            Some(kind) => kinds.push(kind),
            None if argument == "--check" => check = true,
            None => {
                return Err(format!(
                    "unknown argument '{argument}'; known: --check, postgres, mysql"
                ));
            }
        }
    }
    if kinds.is_empty() {
        kinds.extend(ServerKind::ALL);
    }

    if check {
        for kind in kinds {
            print(&match missing(kind) {
                Some(line) => line,
                None => json!({ "engine": kind.name() }),
            })?;
        }
        return Ok(());
    }

    // Before the servers start, so that a signal meanwhile is not lost.
    let (stop, stopped) = channel();
    watch_signals(stop.clone())?;
    watch_input(stop);

    let starting: Vec<_> = kinds
        .into_iter()
        .map(|kind| {
            (
                kind,
                thread::spawn(move || Server::start(kind, Options::default())),
            )
        })
        .collect();
    let mut servers = Vec::new();
    for (kind, thread) in starting {
        let line = match thread.join() {
            Ok(Ok(server)) => {
                let url = server.url().clone();
                servers.push(server);
                json!({ "engine": kind.name(), "url": url.as_str(), "ca": url.ca() })
            }
            Ok(Err(error)) => missing(kind)
                .unwrap_or_else(|| json!({ "engine": kind.name(), "broken": error.to_string() })),
            Err(_) => return Err(format!("starting {kind} panicked")),
        };
        print(&line)?;
    }
    print(&json!({ "ready": true }))?;
    // An error means that nobody can tell us to stop any more.
    let _ = stopped.recv();
    drop(servers);
    Ok(())
}

fn missing(kind: ServerKind) -> Option<Value> {
    let missing = installed(kind).err()?;
    Some(json!({
        "engine": kind.name(), "missing": missing.reason, "install": missing.install,
    }))
}

fn print(line: &Value) -> Result<(), String> {
    writeln!(io::stdout(), "{line}").map_err(|error| format!("nobody reads the output: {error}"))
}

fn watch_input(stop: Sender<()>) {
    thread::spawn(move || {
        let mut buffer = [0; 256];
        while io::stdin().read(&mut buffer).is_ok_and(|count| count > 0) {}
        // The receiver is gone only when the process is about to end anyway.
        let _ = stop.send(());
    });
}

fn watch_signals(stop: Sender<()>) -> Result<(), String> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error: io::Error| format!("signals cannot be watched: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let (mut interrupt, mut terminate, mut hangup) = {
        let _guard = runtime.enter();
        (
            signal(SignalKind::interrupt()).map_err(failed)?,
            signal(SignalKind::terminate()).map_err(failed)?,
            signal(SignalKind::hangup()).map_err(failed)?,
        )
    };
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        });
        let _ = stop.send(());
    });
    Ok(())
}
