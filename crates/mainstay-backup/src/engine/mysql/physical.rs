//! Physical backups: the server's own files, by `mariadb-backup`.
//!
//! They have the whole server, all its databases and users, and are taken on the server's machine.
//! They are restored into a private server; a database of its own on the same server they cannot be.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use chrono::{DateTime, NaiveDateTime, Utc};
use mainstay::config::Secret;
use mainstay::schema::Dialect;
use mainstay::{Error, ErrorKind, Result};

use super::instance::{Account, Instance, Setup, find_server, free_port, literal, reached_at};
use super::scan::LogPosition;
use super::server::{self, Facts};
use super::{MySql, close, programs};
use crate::archive::Manifest;
use crate::control::Control;
use crate::engine::Captured;
use crate::engine::tools::{Found, Launch, Pipe, Program, Version};
use crate::failure::from_io;

const BACKUP: Program = Program {
    names: &["mariadb-backup", "mariabackup"],
    marks: &["server "],
    package: "mariadb-backup",
    elsewhere: "elsewhere the package mariadb-backup or MariaDB-backup",
};

/// Unpacks what it writes. It does not tell its version.
const UNPACK: &str = "mbstream";

const PIECE: usize = 256 * 1024;

/// What the user must be allowed to do.
const RIGHTS: &str = "the user needs RELOAD, PROCESS, LOCK TABLES, BINLOG MONITOR and CONNECTION \
    ADMIN on *.*";

impl MySql {
    /// Copies the server's files to `out` while it runs. Blocking.
    pub(super) fn capture_files(&self, out: &mut dyn Write, control: &Control) -> Result<Captured> {
        let (facts, folder, host) = self.wait(async {
            let db = self.connect().await?;
            let asked = async {
                let facts = server::facts(&db).await?;
                let rows = db
                    .sql("SELECT @@datadir, @@hostname")
                    .fetch_with(|row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)))
                    .await?;
                let (folder, host) = rows.into_iter().next().unwrap_or_default();
                Ok((facts, folder, host))
            };
            let asked = asked.await;
            close(db).await;
            asked
        })?;
        refuse_others(&facts)?;
        self.refuse_far(Path::new(&folder), &host)?;
        let found = self.find_backup(&facts.version)?;
        let place = tempfile::Builder::new()
            .prefix("mainstay-physical-")
            .tempdir()
            .map_err(|why| from_io("making a folder for the backup", why))?;
        let begun = self.clock.now();
        let mut running = programs::launch(&found, &self.config, facts.dialect)
            // Its messages have times, by which the moment is told.
            .env("TZ", "UTC")
            .args(["--backup", "--stream=xbstream"])
            .arg(format!("--datadir={folder}"))
            .arg(format!("--target-dir={}", place.path().display()))
            .start(Pipe::Output, control)?;
        let told = |why| from_io("copying the server's files", why);
        let mut buffer = vec![0; PIECE];
        loop {
            control.check()?;
            let read = match running.read(&mut buffer) {
                Ok(read) => read,
                Err(error) => return Err(running.fail(told(error))),
            };
            if read == 0 {
                break;
            }
            out.write_all(&buffer[..read]).map_err(told)?;
        }
        let said = running
            .finish()
            .map_err(|error| programs::hinted(error, RIGHTS))?;
        control.check()?;
        let position = position(&said).map(serde_json::to_value).transpose();
        Ok(Captured {
            engine_version: facts.version,
            tools: vec![found.tool()],
            taken_at: moment(&said).unwrap_or(begun),
            position: position.map_err(Error::unexpected)?,
            schema: None,
            tables: Vec::new(),
        })
    }

    /// The program for servers of a version, whose files no other series understands.
    fn find_backup(&self, version: &str) -> Result<Found> {
        let wanted = series(version)?;
        self.places.find(
            &BACKUP,
            &format!("that of MariaDB {}.{}", wanted.major, wanted.minor),
            |found| (found.major, found.minor) == (wanted.major, wanted.minor),
        )
    }

    /// Refuses a server whose files are not here.
    fn refuse_far(&self, folder: &Path, host: &str) -> Result<()> {
        let hint = "run it on the server's machine, as root or as the server's user; or take a \
                    logical backup, which can be taken from anywhere";
        let here = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        if !here.trim().is_empty() && here.trim() != host {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("a physical backup reads the server's files, which are on {host}"),
            )
            .with_hint(hint));
        }
        fs::read_dir(folder).map(|_| ()).map_err(|why| {
            Error::new(
                ErrorKind::Configuration,
                format!(
                    "a physical backup reads the server's files, and {} cannot be read: {why}",
                    folder.display()
                ),
            )
            .with_hint(hint)
        })
    }

    /// Starts a private server with the files of a backup. It is reached as a user that is made
    /// for the purpose. Blocking.
    pub(super) fn start_files(
        &self,
        base: &Manifest,
        input: &mut dyn Read,
        folder: &Path,
        control: &Control,
    ) -> Result<Instance> {
        let found = self.find_backup(&base.engine_version)?;
        let wanted = series(&base.engine_version)?;
        let server = find_server(
            self,
            &format!("that of MariaDB {}.{}", wanted.major, wanted.minor),
            |found| (found.major, found.minor) == (wanted.major, wanted.minor),
        )?;
        let told = |why| from_io("preparing a private server", why);
        let account = Account::choose(folder).map_err(told)?;
        let data = folder.join("data");
        fs::create_dir_all(&data).map_err(told)?;
        self.unpack(&found, input, &data, control)?;
        Launch::new(&found, programs::classify_files)
            .without_environment("MYSQL")
            .without_environment("MARIADB")
            .args(["--no-defaults", "--prepare", "--innodb-use-native-aio=0"])
            .arg(format!("--target-dir={}", data.display()))
            .run(control)?;
        account.give_all(&data).map_err(told)?;
        let mut random = [0; 32];
        self.entropy.fill(&mut random);
        let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let (user, password) = (
            format!("mainstay_{}", &digits[..8]),
            Secret::new(&digits[8..]),
        );
        let config = reached_at(self, free_port()?, &user, Some(&password))?;
        let name = format!("{}@'127.0.0.1'", literal(&user));
        let first = format!(
            "CREATE USER {name} IDENTIFIED BY {};\n\
             GRANT ALL PRIVILEGES ON *.* TO {name} WITH GRANT OPTION;\n",
            literal(password.expose())
        );
        let settings = data.join("backup-my.cnf");
        let setup = Setup {
            server: &server,
            folder,
            account,
            settings: settings.exists().then_some(settings),
            config,
            first,
        };
        Instance::run(setup, control)
    }

    fn unpack(
        &self,
        found: &Found,
        input: &mut dyn Read,
        data: &Path,
        control: &Control,
    ) -> Result<()> {
        let path = self.places.locate(UNPACK).ok_or_else(|| {
            Error::new(
                ErrorKind::Configuration,
                format!("the program {UNPACK} is not installed, or not in PATH"),
            )
            .with_hint("install it (Debian, Ubuntu: apt-get install mariadb-backup)")
        })?;
        let unpack = Found {
            path,
            name: UNPACK,
            version: found.version,
        };
        let doing = format!("unpacking the server's files into {}", data.display());
        let told = |why| from_io(&doing, why);
        let mut running = Launch::new(&unpack, programs::classify_files)
            .args(["-x", "-C"])
            .arg(data)
            .start(Pipe::Input, control)?;
        let mut buffer = vec![0; PIECE];
        loop {
            control.check()?;
            let read = input.read(&mut buffer).map_err(told)?;
            if read == 0 {
                return running.finish().map(|_| ());
            }
            if let Err(error) = running.write_all(&buffer[..read]) {
                return Err(running.fail(told(error)));
            }
        }
    }
}

fn refuse_others(facts: &Facts) -> Result<()> {
    if facts.dialect == Dialect::MariaDb {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        "physical backups are taken of MariaDB only; this is MySQL",
    )
    .with_hint("take a logical backup"))
}

fn series(version: &str) -> Result<Version> {
    Version::parse(version).ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            format!("{version} is no version of MariaDB"),
        )
    })
}

/// Where in the binary log the files stand, in the words of the program.
fn position(said: &str) -> Option<LogPosition> {
    let line = said
        .lines()
        .rev()
        .find(|line| line.contains("binlog position:"))?;
    let quoted: Vec<&str> = line.split('\'').collect();
    Some(LogPosition {
        file: (*quoted.get(1)?).to_owned(),
        position: quoted.get(3)?.parse().ok()?,
        gtid: quoted.get(5).map(|gtid| (*gtid).to_owned()),
    })
}

/// The moment whose state the files have, in the words of the program, which have whole seconds:
/// that at which it stopped commits for an instant.
fn moment(said: &str) -> Option<DateTime<Utc>> {
    let stage = "Acquired locks for BACKUP STAGE BLOCK_COMMIT";
    let line = said.lines().rev().find(|line| line.contains(stage))?;
    let time = line.split_once("] ")?.1.get(..19)?;
    let time = NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S").ok()?;
    Some(time.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_and_moment_are_told_by_the_program() {
        let said = "[00] 2026-11-28 18:51:58 Starting BACKUP STAGE BLOCK_COMMIT\n\
            [00] 2026-11-28 18:51:59 Acquired locks for BACKUP STAGE BLOCK_COMMIT\n\
            [00] 2026-11-28 18:51:59 MySQL binlog position: filename 'bin.000014', position '993', \
            GTID of the last change '0-1-938'\n[00] 2026-11-28 18:51:59 completed OK!";
        let place = position(said).expect("a place");
        assert_eq!((place.file.as_str(), place.position), ("bin.000014", 993));
        assert_eq!(place.gtid.as_deref(), Some("0-1-938"));
        let at = moment(said).expect("a moment");
        assert_eq!(at.to_rfc3339(), "2026-11-28T18:51:59+00:00");
        assert_eq!(position("completed OK!"), None);
        assert_eq!(moment("completed OK!"), None);
    }
}
