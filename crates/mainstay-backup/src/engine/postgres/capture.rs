//! Taking a logical backup.

use std::io::{self, Read, Write};

use mainstay::{Database, Result};
use tokio::runtime::Handle;

use super::super::Captured;
use super::super::tools::{Launch, Pipe};
use super::dump::Dump;
use super::snapshot::Snapshot;
use super::{Postgres, programs, server};
use crate::archive::{Kind, Table};
use crate::control::Control;
use crate::failure::from_io;

/// For so long `pg_dump` waits for a table that somebody changes, before it gives up: a backup that
/// waits for ever is noticed by nobody.
const LOCK_LIMIT: &str = "10min";

/// How much is taken from a program's pipe at once.
const BLOCK: usize = 256 << 10;

/// What of the database is dumped, and how. Owners and rights belong to the server's roles, which
/// are not in a database. Subscriptions hold passwords of other servers, and would take what those
/// send twice.
const ARGUMENTS: [&str; 5] = [
    "--format=plain",
    "--no-owner",
    "--no-acl",
    "--no-subscriptions",
    "--encoding=UTF8",
];

impl Postgres {
    /// About how many bytes a capture writes: the rows' size without indexes.
    ///
    /// # Errors
    /// Those of asking the server.
    pub(crate) async fn size(&self) -> Result<Option<u64>> {
        let db = server::open(&self.config, self.database()).await?;
        let size = db
            .sql(
                "SELECT coalesce(sum(pg_table_size(c.oid)), 0)::bigint FROM pg_class c \
                 JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE c.relkind = 'r' AND c.relpersistence <> 't' \
                 AND n.nspname NOT IN ('pg_catalog', 'information_schema')",
            )
            .scalar::<i64>()
            .await;
        server::close(db).await;
        Ok(u64::try_from(size?).ok())
    }

    /// Takes a backup. Blocks; to be called on a thread for that, within a runtime.
    ///
    /// # Errors
    /// Those of the server and of its programs; when `out` cannot be written; when it was cancelled.
    pub(crate) fn capture(
        &self,
        kind: Kind,
        out: &mut dyn Write,
        control: &Control,
    ) -> Result<Captured> {
        match kind {
            Kind::Logical => self.capture_logical(out, control),
            Kind::Physical => self.capture_physical(out, control),
        }
    }

    fn capture_logical(&self, out: &mut dyn Write, control: &Control) -> Result<Captured> {
        control.check()?;
        let runtime = Handle::current();
        let db = runtime.block_on(server::open(&self.config, self.database()))?;
        let captured = self.dump(&db, &runtime, out, control);
        runtime.block_on(server::close(db));
        captured
    }

    fn dump(
        &self,
        db: &Database,
        runtime: &Handle,
        out: &mut dyn Write,
        control: &Control,
    ) -> Result<Captured> {
        let snapshot = runtime.block_on(Snapshot::take(db, self.clock.clone()))?;
        let facts = snapshot.facts.clone();
        let program = programs::pg_dump(&self.places, &facts.server)?;
        let launch = programs::launch(&program, &self.config, self.database())
            .args(ARGUMENTS)
            .arg(format!("--lock-wait-timeout={LOCK_LIMIT}"))
            .arg(format!("--snapshot={}", facts.name));
        let mut snapshot = Some(snapshot);
        let tables = dumped(launch, control, |bytes| {
            if let Some(snapshot) = snapshot.take() {
                // The program writes only once it sees the same state itself.
                runtime.block_on(snapshot.release());
                if let Some(locale) = &facts.locale {
                    out.write_all(locale.line().as_bytes())?;
                }
            }
            out.write_all(bytes)
        })?;
        Ok(Captured {
            engine_version: facts.server.text,
            tools: vec![program.tool()],
            taken_at: facts.at,
            position: None,
            schema: facts.schema,
            tables,
        })
    }

    /// The tables of a database, as [`capture`](Self::capture) tells of them.
    pub(super) fn tables_of(&self, database: &str, control: &Control) -> Result<Vec<Table>> {
        let runtime = Handle::current();
        let db = runtime.block_on(server::open(&self.config, database))?;
        let version = runtime.block_on(server::version(&db));
        runtime.block_on(server::close(db));
        let program = programs::pg_dump(&self.places, &version?)?;
        let launch = programs::launch(&program, &self.config, database).args(ARGUMENTS);
        dumped(launch, control, |bytes| {
            control.add(bytes.len() as u64);
            Ok(())
        })
    }
}

/// Runs `pg_dump` to its end, and gives what it writes to `take` and to the reader of dumps.
fn dumped(
    launch: Launch,
    control: &Control,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<Vec<Table>> {
    let mut running = launch.start(Pipe::Output, control)?;
    let mut dump = Dump::default();
    let mut buffer = vec![0; BLOCK];
    loop {
        if let Err(error) = control.check() {
            return Err(running.fail(error));
        }
        let read = match running.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(running.fail(from_io("reading the dump", error))),
        };
        let bytes = &buffer[..read];
        if let Err(error) = take(bytes) {
            // What the program says of being stopped is not the cause.
            return Err(from_io("writing the backup", error));
        }
        dump.feed(bytes)?;
    }
    // A dump counts only once the program says that it is whole.
    running.finish()?;
    dump.finish()
}
