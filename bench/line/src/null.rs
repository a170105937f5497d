//! A driver whose statements take no time: each answers with the same row.

use std::time::Duration;

use mainstay::Result;
use mainstay::driver::{
    BeginOptions, BoxFuture, Capabilities, Columns, Connection, Done, Driver, Recovery, Row,
    RowSink, ServerInfo, Statement,
};
use mainstay::schema::Dialect;
use mainstay::value::Cell;

/// A driver without an engine.
#[derive(Debug)]
pub struct NullDriver(Capabilities);

impl Default for NullDriver {
    fn default() -> Self {
        // What is counted is the way through Mainstay, so calls are not joined.
        let mut capabilities = Capabilities::of(Dialect::Postgres);
        capabilities.round_trips = false;
        Self(capabilities)
    }
}

impl Driver for NullDriver {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn capabilities(&self) -> &Capabilities {
        &self.0
    }

    fn connect(&self, _: Duration) -> BoxFuture<'_, Result<Box<dyn Connection>>> {
        Box::pin(async { Ok(Box::new(NullConnection) as Box<dyn Connection>) })
    }

    fn writer(&self) -> Option<Box<dyn Connection>> {
        None
    }

    fn server_info(&self) -> ServerInfo {
        ServerInfo::default()
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

/// Its connection.
#[derive(Debug)]
pub struct NullConnection;

/// The row that every statement returns.
struct TheRow;

impl Columns for TheRow {
    fn len(&self) -> usize {
        2
    }

    fn name(&self, position: usize) -> Option<&str> {
        ["id", "total_xp"].get(position).copied()
    }

    fn cell(&self, position: usize) -> Result<Cell<'_>> {
        Ok(match position {
            0 => Cell::Uuid(uuid::Uuid::nil()),
            _ => Cell::I64(7),
        })
    }
}

impl Connection for NullConnection {
    fn run<'a>(
        &'a mut self,
        statement: Statement,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Done>> {
        Box::pin(async move {
            drop(statement);
            sink.row(&Row::new(&TheRow))?;
            Ok(Done {
                rows: 1,
                last_insert_id: None,
            })
        })
    }

    fn run_script<'a>(&'a mut self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        nothing()
    }

    fn begin(&mut self, _: BeginOptions) -> BoxFuture<'_, Result<()>> {
        nothing()
    }

    fn savepoint<'a>(&'a mut self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        nothing()
    }

    fn release<'a>(&'a mut self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        nothing()
    }

    fn rollback_to<'a>(&'a mut self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        nothing()
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        nothing()
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<()>> {
        nothing()
    }

    fn ping(&mut self) -> BoxFuture<'_, Result<()>> {
        nothing()
    }

    fn is_broken(&self) -> bool {
        false
    }

    fn recover(&mut self) -> BoxFuture<'_, Recovery> {
        Box::pin(async { Recovery::Ready })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

fn nothing<'a>() -> BoxFuture<'a, Result<()>> {
    Box::pin(async { Ok(()) })
}
