//! A driver that answers as it is told.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::driver::{
    BeginOptions, BoxFuture, Capabilities, Connection, Done, Driver, Recovery, RowSink, ServerInfo,
    Statement,
};
use crate::error::{Error, Result};
use crate::schema::Dialect;
use crate::value::{OwnedRow, Row, Value};

/// What a statement comes to.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Done,
    Fails(Error),
    /// After a row.
    FailsLate(Error),
    Never,
}

/// What the driver is told to do, and what it did.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// The answers of the next statements; afterwards all is well.
    next: Mutex<VecDeque<Answer>>,
    /// What every statement and every dial comes to meanwhile.
    always: Mutex<Option<Answer>>,
    commit: Mutex<Option<Error>>,
    pub(super) ran: AtomicUsize,
    pub(super) dialled: AtomicUsize,
    pub(super) begun: AtomicUsize,
}

impl Script {
    pub(super) fn then(&self, answers: impl IntoIterator<Item = Answer>) {
        self.next.lock().unwrap().extend(answers);
    }

    pub(super) fn always(&self, answer: Option<Answer>) {
        *self.always.lock().unwrap() = answer;
    }

    pub(super) fn fail_next_commit(&self, error: Error) {
        *self.commit.lock().unwrap() = Some(error);
    }

    fn answer(&self) -> Answer {
        let always = self.always.lock().unwrap().clone();
        let next = || self.next.lock().unwrap().pop_front();
        always.or_else(next).unwrap_or(Answer::Done)
    }

    pub(super) fn count(&self) -> usize {
        self.ran.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
pub(super) struct Fake {
    pub(super) script: Arc<Script>,
    pub(super) capabilities: Capabilities,
}

#[derive(Debug)]
struct FakeConnection {
    script: Arc<Script>,
    broken: AtomicBool,
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T>> {
    Box::pin(async move { Ok(value) })
}

impl Driver for Fake {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }
    fn connect(&self, _: Duration) -> BoxFuture<'_, Result<Box<dyn Connection>>> {
        Box::pin(async {
            self.script.dialled.fetch_add(1, Ordering::SeqCst);
            let always = self.script.always.lock().unwrap().clone();
            if let Some(Answer::Fails(error)) = always
                && error.outcome() == crate::error::Outcome::NotApplied
                && error.http_status() == 503
                && !error.is_state_of_server()
            {
                return Err(error);
            }
            Ok(Box::new(FakeConnection {
                script: Arc::clone(&self.script),
                broken: AtomicBool::new(false),
            }) as Box<dyn Connection>)
        })
    }
    fn writer(&self) -> Option<Box<dyn Connection>> {
        None
    }
    fn server_info(&self) -> ServerInfo {
        ServerInfo::default()
    }
    fn close(&self) -> BoxFuture<'_, Result<()>> {
        ready(())
    }
}

impl FakeConnection {
    fn fails(&self, error: Error) -> Result<Done> {
        self.broken
            .store(error.http_status() == 503, Ordering::SeqCst);
        Err(error)
    }
}

impl Connection for FakeConnection {
    fn run<'a>(
        &'a mut self,
        _: Statement,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Done>> {
        Box::pin(async move {
            self.script.ran.fetch_add(1, Ordering::SeqCst);
            match self.script.answer() {
                Answer::Done => Ok(Done::default()),
                Answer::Fails(error) => self.fails(error),
                Answer::FailsLate(error) => {
                    let row = OwnedRow {
                        names: ["n".to_owned()].into(),
                        values: vec![Value::I64(1)],
                    };
                    sink.row(&Row::new(&row))?;
                    self.fails(error)
                }
                Answer::Never => pending().await,
            }
        })
    }
    fn run_script<'a>(&'a mut self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        ready(())
    }
    fn begin(&mut self, _: BeginOptions) -> BoxFuture<'_, Result<()>> {
        self.script.begun.fetch_add(1, Ordering::SeqCst);
        ready(())
    }
    fn savepoint<'a>(&'a mut self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        ready(())
    }
    fn release<'a>(&'a mut self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        ready(())
    }
    fn rollback_to<'a>(&'a mut self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        ready(())
    }
    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        let refused = self.script.commit.lock().unwrap().take();
        Box::pin(async move { refused.map_or(Ok(()), Err) })
    }
    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        ready(())
    }
    fn ping(&mut self) -> BoxFuture<'_, Result<()>> {
        ready(())
    }
    fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }
    fn recover(&mut self) -> BoxFuture<'_, Recovery> {
        Box::pin(async { Recovery::Ready })
    }
    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { drop(self) })
    }
}
