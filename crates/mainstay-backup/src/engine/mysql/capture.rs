//! Taking a dump.

use std::io::{Read, Write};

use mainstay::schema::Dialect;
use mainstay::{Database, Error, ErrorKind, Result};

use super::filter::Filter;
use super::scan::{Scanned, Scanner};
use super::server::{self, Defaults, Facts, Item};
use super::{MySql, close, programs};
use crate::archive::Kind;
use crate::control::Control;
use crate::engine::Captured;
use crate::engine::tools::{Found, Launch, Pipe};
use crate::failure::from_io;

/// How much is read at once.
const PIECE: usize = 1 << 20;

/// What the user must be allowed to do.
pub(super) const RIGHTS: &str = "the user needs SELECT, SHOW VIEW, TRIGGER and EVENT on the \
    database, and, where it has procedures or functions of others, SELECT on mysql.proc (MySQL: \
    SHOW_ROUTINE)";

/// Engines whose tables have the state of one moment in a dump.
const CONSISTENT: &[&str] = &["InnoDB", "ROCKSDB"];

/// What is known before a dump is begun.
#[derive(Debug)]
struct Source {
    facts: Facts,
    defaults: Defaults,
    items: Vec<Item>,
}

impl MySql {
    /// Backs the database up to `out`, in the state of one moment and without stopping writers: as a
    /// dump, or as the files of its whole server.
    ///
    /// The moment told of a dump is right before it begins: all that was acknowledged by then is in
    /// it, and what was written in the short time until its snapshot may be. That of files is the
    /// whole second at whose end they were complete. What tables these have is only known once they
    /// are restored.
    ///
    /// # Errors
    /// `UNSUPPORTED` for tables that cannot be read in the state of one moment;
    /// `CONFIGURATION_ERROR` when the program is missing, or the server's files are not here; those
    /// of connecting and of that program.
    pub(crate) fn capture(
        &self,
        kind: Kind,
        out: &mut dyn Write,
        control: &Control,
    ) -> Result<Captured> {
        if kind == Kind::Physical {
            return self.capture_files(out, control);
        }
        let source = self.wait(self.source())?;
        let found = programs::find(&self.places, &programs::DUMP, source.facts.dialect)?;
        // The dump of a database does not say it.
        let first = format!("ALTER DATABASE {};\n", source.defaults.clause());
        let launch = self.dump(&found, &source.facts, &source.items, &self.name);
        let mut filter = Filter::new(&self.name);
        let taken_at = self.clock.now();
        let scanned = run(launch, &mut filter, out, first.as_bytes(), control)
            .map_err(|error| programs::hinted(error, RIGHTS))?;
        let position = scanned.log.as_ref().map(serde_json::to_value).transpose();
        Ok(Captured {
            engine_version: source.facts.version,
            tools: vec![found.tool()],
            taken_at,
            position: position.map_err(Error::unexpected)?,
            schema: scanned.schema,
            tables: scanned.tables,
        })
    }

    async fn source(&self) -> Result<Source> {
        let db = self.connect().await?;
        let source = self.ask(&db).await;
        close(db).await;
        source
    }

    async fn ask(&self, db: &Database) -> Result<Source> {
        let facts = server::facts(db).await?;
        let defaults = server::defaults(db, &self.name).await?;
        let defaults = defaults.ok_or_else(|| self.missing())?;
        let items = server::items(db, &self.name).await?;
        refuse_inconsistent(&items)?;
        refuse_lost_history(&items, &facts)?;
        Ok(Source {
            facts,
            defaults,
            items,
        })
    }

    /// The tables of a database as a dump of it tells them. The dump itself goes nowhere.
    pub(super) fn tables_of(&self, database: &str, control: &Control) -> Result<Scanned> {
        let (facts, items) = self.wait(async {
            let db = self.connect().await?;
            let asked = async {
                let facts = server::facts(&db).await?;
                Ok((facts, server::items(&db, database).await?))
            };
            let asked = asked.await;
            close(db).await;
            asked
        })?;
        let found = programs::find(&self.places, &programs::DUMP, facts.dialect)?;
        let launch = self.dump(&found, &facts, &items, database);
        let (mut filter, mut nowhere) = (Filter::new(database), Counting(control));
        run(launch, &mut filter, &mut nowhere, b"", control)
            .map_err(|error| programs::hinted(error, RIGHTS))
    }

    /// The program with everything that makes its dump whole, consistent and always the same.
    fn dump(&self, found: &Found, facts: &Facts, items: &[Item], database: &str) -> Launch {
        let mut launch = programs::launch(found, &self.config, facts.dialect).args([
            "--single-transaction",
            "--quick",
            "--routines",
            "--triggers",
            "--events",
            "--hex-blob",
            "--default-character-set=utf8mb4",
            "--tz-utc",
            "--no-tablespaces",
            "--skip-lock-tables",
            "--skip-add-locks",
            "--skip-disable-keys",
            "--skip-comments",
            "--skip-dump-date",
            "--max-allowed-packet=1G",
        ]);
        if facts.dialect == Dialect::MySql {
            // Its place in the log could only be had by stopping all writes.
            launch = launch.args(["--set-gtid-purged=OFF", "--column-statistics=0"]);
        } else {
            if facts.has_log {
                launch = launch.args(["--master-data=2", "--gtid"]);
            }
            if items.iter().any(Item::is_versioned) {
                launch = launch.arg("--dump-history");
            }
        }
        // Also for a name that begins with dashes.
        launch.arg("--").arg(database)
    }
}

/// Runs the program, reads what it writes, and passes it on behind `first`.
fn run(
    launch: Launch,
    filter: &mut Filter,
    out: &mut dyn Write,
    first: &[u8],
    control: &Control,
) -> Result<Scanned> {
    let told = |why| from_io("dumping", why);
    let mut running = launch.start(Pipe::Output, control)?;
    let mut scanner = Scanner::default();
    let mut buffer = vec![0; PIECE];
    out.write_all(first).map_err(told)?;
    loop {
        control.check()?;
        // Where reading fails, the program says why; everything else is ours to say.
        let read = match running.read(&mut buffer) {
            Ok(read) => read,
            Err(error) => return Err(running.fail(told(error))),
        };
        if read == 0 {
            break;
        }
        scanner.feed(&buffer[..read]);
        filter.pass(&buffer[..read], out).map_err(told)?;
    }
    filter.end(out).map_err(told)?;
    running.finish()?;
    control.check()?;
    scanner.finish()
}

/// Throws everything away, but says how far it is.
struct Counting<'a>(&'a Control);

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn refuse_inconsistent(items: &[Item]) -> Result<()> {
    let others: Vec<String> = items
        .iter()
        .filter(|item| item.is_table())
        .filter_map(|item| {
            let engine = item.engine.as_deref()?;
            let is_consistent = CONSISTENT
                .iter()
                .any(|one| one.eq_ignore_ascii_case(engine));
            (!is_consistent).then(|| format!("{} ({engine})", item.name))
        })
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        format!(
            "tables without transactions cannot be read in the state of one moment: {}",
            others.join(", ")
        ),
    )
    .with_hint("turn them into InnoDB: ALTER TABLE ... ENGINE = InnoDB"))
}

/// Servers before 10.11 cannot be given the past of their rows.
fn refuse_lost_history(items: &[Item], facts: &Facts) -> Result<()> {
    let versioned: Vec<&str> = items
        .iter()
        .filter(|item| item.is_versioned())
        .map(|item| item.name.as_str())
        .collect();
    let version = crate::engine::tools::Version::parse(&facts.version);
    if versioned.is_empty() || version >= Some(crate::engine::tools::Version::new(10, 11, 0)) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        format!(
            "tables with system versioning would lose the past of their rows in a dump of a server \
             before 10.11: {}",
            versioned.join(", ")
        ),
    )
    .with_hint("upgrade the server, or drop system versioning"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_without_transactions_are_refused_by_name() {
        let item = |name: &str, kind: &str, engine: Option<&str>| Item {
            name: name.to_owned(),
            kind: kind.to_owned(),
            engine: engine.map(str::to_owned),
        };
        let fine = [
            item("a", "BASE TABLE", Some("InnoDB")),
            item("s", "SEQUENCE", Some("Aria")),
            item("v", "VIEW", None),
        ];
        assert!(refuse_inconsistent(&fine).is_ok());
        let old = item("old", "BASE TABLE", Some("MyISAM"));
        let error = refuse_inconsistent(&[old]).expect_err("refused");
        assert!(error.detail().contains("old (MyISAM)"), "{error}");
    }
}
