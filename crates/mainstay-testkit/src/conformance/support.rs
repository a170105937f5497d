//! What cases share: expectations of errors, waiting, dropping futures.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use mainstay::{Database, Error, ErrorKind};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// The longest any wait may take before the case fails. Far beyond what is needed, so that a slow
/// machine fails nothing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Starts them all before any is awaited.
pub(crate) fn burst<T: Send + 'static, R>(
    requests: impl IntoIterator<Item = R>,
) -> Vec<JoinHandle<Result<T, Error>>>
where
    R: IntoFuture<Output = Result<T, Error>, IntoFuture: Send + 'static>,
{
    requests
        .into_iter()
        .map(|request| tokio::spawn(request.into_future()))
        .collect()
}

/// Waits until a condition holds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < until, "still not so: {what}");
        sleep(Duration::from_millis(2)).await;
    }
}

/// What an error must say, the same on every engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) kind: ErrorKind,
    pub(crate) table: Option<String>,
    pub(crate) constraint: Option<String>,
    pub(crate) columns: Vec<String>,
    pub(crate) fields: Vec<String>,
}

impl Refusal {
    pub(crate) fn of(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            table: error.table().map(str::to_owned),
            constraint: error.constraint().map(str::to_owned),
            columns: error.columns().map(str::to_owned).collect(),
            fields: error.fields().iter().map(|f| f.field.to_string()).collect(),
        }
    }
}

/// Checks kind, table, constraint, columns and fields of an error at once.
#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(
    result: Result<T, Error>,
    kind: ErrorKind,
    (table, constraint): (&str, Option<&str>),
    columns: &[&str],
    fields: &[&str],
) -> Error {
    let error = result.expect_err("the engine must refuse this");
    let expected = Refusal {
        kind,
        table: Some(table.to_owned()),
        constraint: constraint.map(str::to_owned),
        columns: columns.iter().map(|&c| c.to_owned()).collect(),
        fields: fields.iter().map(|&f| f.to_owned()).collect(),
    };
    assert_eq!(Refusal::of(&error), expected, "{error:?}");
    error
}

/// Checks the kind of an error.
#[track_caller]
pub(crate) fn assert_kind<T: std::fmt::Debug>(result: Result<T, Error>, kind: ErrorKind) -> Error {
    let error = result.expect_err("the engine must refuse this");
    assert_eq!(error.kind(), kind, "{error:?}");
    error
}

/// When a future is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// At its suspension of this number, as soon as it suspends; 0 is before it starts.
    At(usize),
    /// After that suspension, once it could go on: what it waited for has come, and nobody looks.
    WhenWoken(usize),
    /// This long after it started.
    After(Duration),
}

/// Runs a future and drops it at a moment. `None` when it was dropped before it ended.
pub(crate) async fn run_until<F: Future>(future: F, moment: Moment) -> Option<F::Output> {
    match moment {
        Moment::At(polls) => Fused::new(future, polls, false).await,
        Moment::WhenWoken(polls) => Fused::new(future, polls, true).await,
        Moment::After(limit) => tokio::time::timeout(limit, future).await.ok(),
    }
}

struct Fused<F> {
    future: Pin<Box<F>>,
    polls_left: usize,
    wait_for_wake: bool,
}

impl<F: Future> Fused<F> {
    fn new(future: F, polls_left: usize, wait_for_wake: bool) -> Self {
        Self {
            future: Box::pin(future),
            polls_left,
            wait_for_wake,
        }
    }
}

impl<F: Future> Future for Fused<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls_left == 0 {
            return Poll::Ready(None);
        }
        self.polls_left -= 1;
        match self.future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.polls_left == 0 && !self.wait_for_wake => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Waits until the pool has every connection back: none on loan, none being made or cleaned up.
pub(crate) async fn at_rest(db: &Database) {
    eventually("all connections are back in the pool", async || {
        let status = db.pool().status();
        status.in_use() == 0 && status.waiting == 0 && status.open == status.idle
    })
    .await;
}
