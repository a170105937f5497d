//! One round: some tasks do operations as fast as they can for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::candidates::{Kind, Operation, PAGE, Result, Runner};
use crate::plan::Source;
use crate::rows::GOALS_PER_OWNER;

const WARMING: u8 = 0;
const RECORDING: u8 = 1;
const STOPPED: u8 = 2;

/// What one or more rounds have shown.
#[derive(Debug, Default, Clone)]
pub struct Measured {
    /// Operations per second, one number per round.
    pub rates: Vec<f64>,
    pub operations: u64,
    /// Of this process: clients, and the engine itself only where it is a library.
    pub cpu: Duration,
    /// In tenths of a microsecond.
    pub latencies: Vec<u32>,
}

impl Measured {
    pub fn add(&mut self, other: Self) {
        self.rates.extend(other.rates);
        self.operations += other.operations;
        self.cpu += other.cpu;
        self.latencies.extend(other.latencies);
    }

    /// The median over rounds.
    pub fn rate(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        let middle = rates.len() / 2;
        match rates.len() {
            0 => 0.0,
            count if count % 2 == 0 => f64::midpoint(rates[middle - 1], rates[middle]),
            _ => rates[middle],
        }
    }

    /// A percentile over all operations, in microseconds; `None` when nothing was done.
    pub fn percentiles<const N: usize>(&mut self, wanted: [f64; N]) -> [Option<f64>; N] {
        self.latencies.sort_unstable();
        wanted.map(|part| {
            let last = self.latencies.len().checked_sub(1)?;
            let at = (part * last as f64).round() as usize;
            Some(f64::from(self.latencies[at]) / 10.0)
        })
    }

    /// CPU time of this process per operation, in microseconds.
    pub fn cpu_per_operation(&self) -> Option<f64> {
        let operations = (self.operations > 0).then_some(self.operations as f64)?;
        Some(self.cpu.as_secs_f64() * 1e6 / operations)
    }
}

/// CPU time this process has used.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}

/// How long a round is.
#[derive(Debug, Clone, Copy)]
pub struct Length {
    pub warm: Duration,
    pub record: Duration,
}

/// Opens and closes the window in which operations count, from a thread of its own, which is on time
/// also when the runtime is busy.
fn window(phase: &AtomicU8, length: Length) -> (Duration, Duration) {
    std::thread::sleep(length.warm);
    let (start, cpu) = (Instant::now(), cpu_time());
    phase.store(RECORDING, Ordering::Relaxed);
    std::thread::sleep(length.record);
    phase.store(STOPPED, Ordering::Relaxed);
    (start.elapsed(), cpu_time().saturating_sub(cpu))
}

/// How many rows an operation must answer with.
fn expected(operation: &Operation) -> usize {
    match operation {
        Operation::Find(_) | Operation::Insert(_) => 1,
        Operation::Transaction(_) | Operation::Batch(_) => 1,
        Operation::List(_) => GOALS_PER_OWNER as usize,
        Operation::Page { .. } => PAGE,
        Operation::Bulk(rows) => rows.len(),
    }
}

/// Takes the time of one operation and checks its answer.
pub fn check(answer: usize, expected: usize) -> Result<()> {
    if answer == expected {
        return Ok(());
    }
    Err(format!("an operation answered with {answer} rows and not {expected}").into())
}

fn tenths(elapsed: Duration) -> u32 {
    u32::try_from(elapsed.as_nanos() / 100).unwrap_or(u32::MAX)
}

/// Does one round.
pub async fn round(
    runner: &Runner,
    kind: Kind,
    tasks: usize,
    source: Source,
    length: Length,
) -> Result<Measured> {
    let phase = Arc::new(AtomicU8::new(WARMING));
    let mut measured = Measured::default();
    let clock = {
        let phase = Arc::clone(&phase);
        move || window(&phase, length)
    };
    let (elapsed, cpu) = match runner {
        Runner::Tasks(candidate) => {
            let mut running = Vec::new();
            for _ in 0..tasks {
                let (candidate, phase) = (Arc::clone(candidate), Arc::clone(&phase));
                running.push(tokio::spawn(async move {
                    let mut random = crate::plan::serial();
                    let mut latencies = Vec::with_capacity(4096);
                    while phase.load(Ordering::Relaxed) != STOPPED {
                        let operation = source.next(kind, &mut random);
                        let wanted = expected(&operation);
                        let start = Instant::now();
                        let answer = candidate.work(operation).await?;
                        let took = start.elapsed();
                        check(answer, wanted)?;
                        if phase.load(Ordering::Relaxed) == RECORDING {
                            latencies.push(tenths(took));
                        }
                        // A task that never waits would keep the others from starting.
                        if phase.load(Ordering::Relaxed) == WARMING {
                            tokio::task::yield_now().await;
                        }
                    }
                    Ok::<_, crate::candidates::Failure>(latencies)
                }));
            }
            let times = tokio::task::spawn_blocking(clock).await?;
            for task in running {
                measured.latencies.extend(task.await??);
            }
            times
        }
        Runner::Threads(threads) => {
            let mut running = Vec::new();
            for _ in 0..threads.workers(kind, tasks) {
                let mut worker = threads.worker()?;
                let phase = Arc::clone(&phase);
                running.push(tokio::task::spawn_blocking(move || {
                    let mut random = crate::plan::serial();
                    let mut latencies = Vec::with_capacity(4096);
                    while phase.load(Ordering::Relaxed) != STOPPED {
                        let operation = source.next(kind, &mut random);
                        let wanted = expected(&operation);
                        let start = Instant::now();
                        let answer = worker.work(operation)?;
                        let took = start.elapsed();
                        check(answer, wanted)?;
                        if phase.load(Ordering::Relaxed) == RECORDING {
                            latencies.push(tenths(took));
                        }
                    }
                    Ok::<_, crate::candidates::Failure>(latencies)
                }));
            }
            let times = tokio::task::spawn_blocking(clock).await?;
            for worker in running {
                measured.latencies.extend(worker.await??);
            }
            times
        }
    };
    measured.operations = measured.latencies.len() as u64;
    measured.rates = vec![measured.operations as f64 / elapsed.as_secs_f64()];
    measured.cpu = cpu;
    Ok(measured)
}

/// Does one operation that is long enough to be measured alone. Its rows count as operations.
pub async fn once(runner: &Runner, operation: Operation) -> Result<Measured> {
    let wanted = expected(&operation);
    let (start, cpu) = (Instant::now(), cpu_time());
    let answer = match runner {
        Runner::Tasks(candidate) => candidate.work(operation).await?,
        Runner::Threads(threads) => {
            let mut worker = threads.worker()?;
            tokio::task::spawn_blocking(move || worker.work(operation)).await??
        }
    };
    let (elapsed, cpu) = (start.elapsed(), cpu_time().saturating_sub(cpu));
    check(answer, wanted)?;
    Ok(Measured {
        rates: vec![answer as f64 / elapsed.as_secs_f64()],
        operations: answer as u64,
        cpu,
        latencies: vec![tenths(elapsed)],
    })
}
