//! Measures Mainstay beside the raw drivers, sqlx, SeaORM and Diesel. `cargo xtask bench` builds and
//! runs this, and makes tables and charts of what it prints: one JSON object per line.
//!
//! - `rows`: the tables and their data
//! - `plan`: engines, workloads, inputs
//! - `place`: private servers and files
//! - `candidates`: who is measured
//! - `measure`: one round: operations counted and timed
//! - `compare`: all candidates side by side
//! - `report`: results as lines of JSON
//! - `extra`: questions about Mainstay alone

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "a measurement takes real time")]

mod candidates;
mod compare;
mod extra;
mod measure;
mod place;
mod plan;
mod report;
mod rows;

use std::io::Read;
use std::process::ExitCode;
use std::time::Duration;

use candidates::{Kind, Result};
use clap::Parser;
use measure::Length;
use place::Place;
use plan::Engine;
use rows::Size;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// What to measure. Checked by `cargo xtask bench`, which passes everything on.
#[derive(Debug, Clone, Parser)]
struct Arguments {
    #[arg(long, value_enum)]
    engine: Vec<Engine>,
    /// A workload by name
    #[arg(long)]
    workload: Vec<String>,
    /// A candidate by name
    #[arg(long)]
    candidate: Vec<String>,
    /// Numbers of concurrent tasks
    #[arg(long, value_delimiter = ',')]
    tasks: Vec<usize>,
    /// How often everything is repeated
    #[arg(long, default_value_t = 5)]
    repetitions: usize,
    /// How long a round counts, in milliseconds
    #[arg(long, default_value_t = 1000)]
    millis: u64,
    /// Rows in `users`; `goals` has twice as many
    #[arg(long, default_value_t = 100_000)]
    users: u32,
}

impl Arguments {
    fn length(&self) -> Length {
        Length {
            warm: Duration::from_millis((self.millis / 4).max(20)),
            record: Duration::from_millis(self.millis),
        }
    }

    fn wants(&self, kind: Kind) -> bool {
        self.wants_name(kind.name())
    }

    fn wants_name(&self, workload: &str) -> bool {
        self.workload.is_empty() || self.workload.iter().any(|name| name == workload)
    }

    fn wants_candidate(&self, name: &str) -> bool {
        self.candidate.is_empty() || self.candidate.iter().any(|wanted| wanted == name)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Whoever started us holds our input open: when it ends, so do we.
    let (gone, caller_gone) = oneshot::channel();
    std::thread::spawn(move || {
        let mut byte = [0];
        while std::io::stdin()
            .read(&mut byte)
            .is_ok_and(|count| count > 0)
        {}
        let _ = gone.send(());
    });
    let mut ended = match runtime.block_on(async { Ended::new(caller_gone) }) {
        Ok(ended) => ended,
        Err(error) => {
            eprintln!("signals cannot be heard: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut failed = false;
    for engine in arguments.engine.clone() {
        report::progress(&format!("{}: preparing", engine.name()));
        let size = Size {
            users: arguments.users,
            goals: arguments.users * 2,
        };
        // Outside of what is cancelled, so that it is removed in any case.
        let place = match Place::start(engine, size) {
            Ok(place) => place,
            Err(error) => {
                eprintln!("{}: {error}", engine.name());
                failed = true;
                continue;
            }
        };
        let result = runtime.block_on(async {
            tokio::select! {
                result = measure_engine(&arguments, &place) => Ok(result),
                reason = ended.wait() => Err(reason),
            }
        });
        drop(place);
        match result {
            Ok(Ok(())) => {}
            // The other engines are measured all the same.
            Ok(Err(error)) => {
                eprintln!("{}: {error}", engine.name());
                failed = true;
            }
            Err(reason) => {
                eprintln!("{}: {reason}", engine.name());
                failed = true;
                break;
            }
        }
    }
    // Threads of the candidates may still be at work: they are not waited for.
    std::process::exit(i32::from(failed))
}

/// Reasons to end early. Listened to from the start, also while servers are started.
struct Ended {
    interrupt: Signal,
    terminate: Signal,
    caller_gone: oneshot::Receiver<()>,
}

impl Ended {
    fn new(caller_gone: oneshot::Receiver<()>) -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            caller_gone,
        })
    }

    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "cancelled",
            _ = self.terminate.recv() => "told to end",
            _ = &mut self.caller_gone => "whoever started the measurement is gone",
        }
    }
}

async fn measure_engine(arguments: &Arguments, place: &Place) -> Result<()> {
    place.fill().await?;
    compare::run(arguments, place).await?;
    extra::run(arguments, place).await
}
