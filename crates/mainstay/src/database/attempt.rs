//! A statement of its own, from its first try to its last: what the breaker lets through, and what
//! is tried again.

use std::time::Duration;

use tokio::time::Instant;

use super::guard::{Admission, Retries};
use super::lease::Lease;
use super::line::{self, run_on, script_on, try_inline};
use super::{CallOptions, Database};
use crate::driver::{Access, BoxFuture, Done, Row, RowSink, Statement};
use crate::error::{Error, ErrorKind, Result};
use crate::pool;
use crate::resilience::retry::Cause;
use crate::transaction::current;

/// A statement on its way.
struct Call<'a> {
    /// `None` once it was sent and cannot be sent again.
    statement: Option<Statement>,
    /// Whether it is kept when it is sent.
    keeps: bool,
    /// Whether its rows are passed on as they come, at the pace of whoever reads them.
    streams: bool,
    access: Access,
    /// Whether it only reads because of where it is called.
    only_reads: bool,
    /// When the next try begins.
    now: Instant,
    deadline: Instant,
    options: &'a CallOptions,
    /// Whether rows were passed on, which cannot be taken back.
    passed_on: bool,
}

impl Call<'_> {
    /// Whether it may be sent again after an error.
    fn may_repeat(&self, error: &Error, sink: &mut dyn RowSink) -> bool {
        self.options.retry
            && self.statement.is_some()
            && Cause::of(error).is_some()
            && if self.streams {
                !self.passed_on
            } else {
                sink.restart()
            }
    }
}

impl Database {
    /// Runs a statement as a transaction of its own: tries it until it has its answer or may not be
    /// tried again.
    ///
    /// Not an `async fn`, whose future would have the statement twice: the future of a call is in
    /// one allocation, and the larger it is the dearer. Nothing is done outside of the block, so that
    /// the future is made in its place.
    #[allow(clippy::manual_async_fn, reason = "see above")]
    pub(crate) fn run<'a>(
        &'a self,
        statement: Statement,
        sink: &'a mut dyn RowSink,
        options: &'a CallOptions,
    ) -> impl Future<Output = Result<Done>> + Send + 'a {
        async move {
            let mut call = self.call(statement, sink, options);
            match self.attempt(&mut call, sink).await {
                // In a box of its own: the usual call does not carry its size around.
                Err(error) => Box::pin(self.repeat(&mut call, sink, error)).await,
                done => done,
            }
        }
    }

    fn call<'a>(
        &self,
        mut statement: Statement,
        sink: &mut dyn RowSink,
        options: &'a CallOptions,
    ) -> Call<'a> {
        // Hand-written SQL that returns rows may write all the same. From inside a transaction that
        // has the only writer it may not, and the driver is the one to find out.
        let only_reads = statement.access == Access::Unknown && current::is_inside(&self.shared);
        if only_reads {
            statement.access = Access::Read;
        }
        let now = Instant::now();
        Call {
            // What may take effect bit by bit is sent once.
            keeps: options.retry && statement.is_undone_by_rollback(),
            access: statement.access,
            statement: Some(statement),
            only_reads,
            streams: !sink.restart(),
            now,
            deadline: options.deadline_from(now, self.shared.timeouts.statement),
            options,
            passed_on: false,
        }
    }

    /// Tries a statement that has failed again, while that is allowed.
    async fn repeat(
        &self,
        call: &mut Call<'_>,
        sink: &mut dyn RowSink,
        mut error: Error,
    ) -> Result<Done> {
        let mut retries = Retries::new(self, call.access, None, call.deadline, call.options.site);
        while call.may_repeat(&error, sink) && retries.again(self, &error).await {
            call.now = Instant::now();
            match self.attempt(call, sink).await {
                Ok(done) => return Ok(done),
                Err(next) => error = next,
            }
        }
        if call.only_reads && error.kind() == ErrorKind::ReadOnly {
            return Err(line::write_outside_transaction());
        }
        Err(error)
    }

    async fn attempt(&self, call: &mut Call<'_>, sink: &mut dyn RowSink) -> Result<Done> {
        let Call {
            ref mut statement,
            ref mut passed_on,
            keeps,
            streams,
            access,
            mut now,
            deadline,
            options,
            ..
        } = *call;
        let mut watched;
        let sink: &mut dyn RowSink = if streams {
            watched = Watched {
                sink,
                seen: passed_on,
            };
            &mut watched
        } else {
            sink
        };
        let mut turn = None;
        if let (Some(scans), Some(statement)) = (&self.shared.scans, statement.as_ref()) {
            if !streams && scans.is_short(statement) {
                let (admission, mut lease) = self.admitted(access, now, deadline, options).await?;
                let shared = &self.shared;
                let ran = try_inline(
                    shared, scans, &mut lease, statement, sink, deadline, options,
                );
                if let Some(ran) = &ran {
                    // It took a millisecond at most, and nothing of it waited.
                    lease.ended_at(ran.started);
                }
                // Neither who lets others have the thread nor who waits for a turn holds one.
                drop(lease);
                if let Some(ran) = ran {
                    admission.ended(ran.started, Duration::ZERO, ran.result.as_ref().err());
                    return ran.after_others().await;
                }
            }
            turn = scans.turn(statement, sink, deadline).await?;
            now = Instant::now();
        }
        let (admission, mut lease) = self.admitted(access, now, deadline, options).await?;
        let statement = if keeps {
            statement.clone()
        } else {
            statement.take()
        };
        let statement = statement.expect("a call without its statement is not tried again");
        let ran = run_on(&self.shared, &mut lease, statement, sink, deadline, options).await;
        lease.ended_at(ran.ended);
        drop(turn);
        // A stream takes as long as its reader does.
        let took = if streams { Duration::ZERO } else { ran.took };
        admission.ended(ran.ended, took, ran.result.as_ref().err());
        ran.result
    }

    /// Runs SQL without parameters or rows. It is sent once.
    pub(crate) async fn run_script(&self, text: &str, options: &CallOptions) -> Result<()> {
        let deadline = options.deadline(self.shared.timeouts.statement);
        let most = (!options.retry).then_some(1);
        let mut retries = Retries::new(self, Access::Write, most, deadline, options.site);
        let (admission, mut lease) = loop {
            let now = Instant::now();
            match self.admitted(Access::Write, now, deadline, options).await {
                Ok(admitted) => break admitted,
                Err(error) if retries.again(self, &error).await => {}
                Err(error) => return Err(error),
            }
        };
        let ran = script_on(&self.shared, &mut lease, text, deadline, options).await;
        // DDL may take long.
        admission.ended(ran.ended, Duration::ZERO, ran.result.as_ref().err());
        ran.result.map(|_| ())
    }

    /// Asks the database whether it answers.
    pub(crate) async fn ping(&self, options: &CallOptions) -> Result<()> {
        let now = Instant::now();
        let deadline = options.deadline_from(now, self.shared.timeouts.statement);
        let (admission, mut lease) = self.admitted(Access::Read, now, deadline, options).await?;
        let started = lease.now();
        let result = line::ping_on(&mut lease, deadline).await;
        let ended = Instant::now();
        admission.ended(ended, ended - started, result.as_ref().err());
        result
    }

    /// A connection fit for what the call does, once the breaker has let it through. It asks at
    /// `now`.
    pub(crate) async fn admitted(
        &self,
        access: Access,
        now: Instant,
        deadline: Instant,
        options: &CallOptions,
    ) -> Result<(Admission<'_>, Lease)> {
        let admission = match self.shared.guards.admit(access) {
            Ok(admission) => admission,
            // Nobody needs to come back to a handle that is closed.
            Err(_) if self.shared.pool.is_closed() => return Err(pool::closed()),
            Err(error) => return Err(error),
        };
        match self.lease(access, now, deadline, options).await {
            Ok(lease) => Ok((admission, lease)),
            Err(error) => {
                admission.ended(Instant::now(), Duration::ZERO, Some(&error));
                Err(error)
            }
        }
    }
}

/// A sink that remembers whether it was given a row.
struct Watched<'a> {
    sink: &'a mut dyn RowSink,
    seen: &'a mut bool,
}

impl RowSink for Watched<'_> {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        *self.seen = true;
        self.sink.row(row)
    }

    fn statement(&mut self, index: usize) {
        self.sink.statement(index);
    }

    fn restart(&mut self) -> bool {
        self.sink.restart()
    }

    fn is_full(&self) -> bool {
        self.sink.is_full()
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<()>> {
        self.sink.flush()
    }
}
