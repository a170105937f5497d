//! Taking a base backup.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mainstay::{Error, ErrorKind, Result};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::super::super::Captured;
use super::super::super::tools::Pipe;
use super::super::{Postgres, programs};
use super::lsn::FileSize;
use super::position::{Position, Sample, covered, told};
use super::source::{RIGHTS, Source};
use crate::control::Control;
use crate::failure::from_io;

/// How often is asked how far the log is: so exact is the moment of the backup.
const TICK: Duration = Duration::from_millis(250);
const BLOCK: usize = 256 << 10;

impl Postgres {
    /// Takes the files of the whole server, with as much of the log as they need.
    pub(in super::super) fn capture_physical(
        &self,
        out: &mut dyn Write,
        control: &Control,
    ) -> Result<Captured> {
        control.check()?;
        let runtime = Handle::current();
        let source = runtime.block_on(Source::open(&self.config, self.entropy.as_ref()))?;
        let source = Arc::new(source);
        let captured = self.base(&source, &runtime, out, control);
        if let Ok(source) = Arc::try_unwrap(source) {
            runtime.block_on(source.close());
        }
        captured
    }

    fn base(
        &self,
        source: &Arc<Source>,
        runtime: &Handle,
        out: &mut dyn Write,
        control: &Control,
    ) -> Result<Captured> {
        let facts = runtime.block_on(source.facts())?;
        let program = programs::pg_basebackup(&self.places, &facts.server)?;
        let size = facts.file_size;
        let watch = Watch::start(runtime, Arc::clone(source), size);
        let mut running = programs::launch(&program, &self.config, self.database())
            .args(["--pgdata=-", "--format=tar", "--wal-method=fetch"])
            .args(["--checkpoint=fast", "--label=mainstay", "--verbose"])
            .start(Pipe::Output, control)?;
        let mut buffer = vec![0; BLOCK];
        loop {
            control.check()?;
            let read = match running.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(running.fail(from_io("reading the base backup", error))),
            };
            out.write_all(&buffer[..read])
                .map_err(|error| from_io("writing the backup", error))?;
        }
        let said = running.finish().map_err(explained)?;
        let Some((timeline, start, end)) = told(&said) else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("pg_basebackup did not say where the backup stands in the log: {said}"),
            ));
        };
        // All that is in it was there before now.
        let last = runtime.block_on(source.progress(size))?.sample;
        let samples = runtime.block_on(watch.end());
        let position = Position {
            system: facts.system,
            major: facts.server.number.major,
            timeline,
            start,
            end,
            file_size: facts.file_size,
            consistent_at: last.at,
        };
        let taken_at = covered(&samples, end).ok_or_else(|| {
            Error::new(
                ErrorKind::Unexpected,
                "the server did not say how far its log was when the backup began",
            )
        })?;
        Ok(Captured {
            engine_version: facts.server.text,
            tools: vec![program.tool()],
            taken_at,
            position: Some(serde_json::to_value(position).map_err(Error::unexpected)?),
            schema: None,
            tables: Vec::new(),
        })
    }
}

/// Asks the server again and again how far its log is.
#[derive(Debug)]
struct Watch {
    samples: Arc<Mutex<Vec<Sample>>>,
    task: JoinHandle<()>,
}

impl Watch {
    fn start(runtime: &Handle, source: Arc<Source>, size: FileSize) -> Self {
        let samples = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&samples);
        let task = runtime.spawn(async move {
            // A failure shows in the backup itself, which has the same server.
            while let Ok(progress) = source.progress(size).await {
                into.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(progress.sample);
                tokio::time::sleep(TICK).await;
            }
        });
        Self { samples, task }
    }

    async fn end(mut self) -> Vec<Sample> {
        self.task.abort();
        // It holds the session until it has really ended.
        let _ = (&mut self.task).await;
        std::mem::take(&mut *self.samples.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn explained(error: Error) -> Error {
    let detail = error.detail();
    if error.kind() == ErrorKind::AccessDenied {
        return error.with_hint(RIGHTS);
    }
    if detail.contains("can only write single tablespace") {
        return error.with_hint(
            "a server with tablespaces of its own is backed up with a logical backup, or with \
             pg_basebackup by hand",
        );
    }
    error
}
