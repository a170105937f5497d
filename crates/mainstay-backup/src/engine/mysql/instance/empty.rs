//! A private server with nothing in it.

use std::fs;
use std::path::Path;

use mainstay::{Config, Error, ErrorKind, Result};

use super::super::MySql;
use super::{
    Account, Instance, Setup, find_server, free_port, literal, prepare_folder, reached_at,
};
use crate::control::Control;
use crate::engine::tools::{Found, Launch};
use crate::failure::from_io;

/// Makes the folder of a server's data. It has no option that tells its version.
const INSTALL: &str = "mariadb-install-db";

impl Instance {
    /// Makes a server in an empty folder and starts it, with the user of the engine's database. Blocking.
    ///
    /// # Errors
    /// `CONFIGURATION_ERROR` when the server's programs are missing; with the end of its log when it
    /// does not start.
    pub(in crate::engine::mysql) fn start(
        engine: &MySql,
        folder: &Path,
        control: &Control,
    ) -> Result<Self> {
        let server = find_server(engine, "that of MariaDB 10.6 or newer", |version| {
            version.major >= 10
        })?;
        let install = engine.places.locate(INSTALL).ok_or_else(|| {
            Error::new(
                ErrorKind::Configuration,
                format!("the program {INSTALL} is not installed, or not in PATH"),
            )
            .with_hint("install it (Debian, Ubuntu: apt-get install mariadb-server-core)")
        })?;
        let told = |why| from_io("preparing a private server", why);
        let account = Account::choose(folder).map_err(told)?;
        let data = folder.join("data");
        fs::create_dir_all(&data).map_err(told)?;
        prepare_folder(folder, account).map_err(told)?;
        account.give(&data).map_err(told)?;
        let found = Found {
            path: install,
            name: INSTALL,
            version: server.version,
        };
        let launch = Launch::new(&found, |_| None)
            .without_environment("MYSQL")
            .without_environment("MARIADB")
            .folder(folder)
            .arg("--no-defaults")
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--tmpdir={}", folder.join("tmp").display()))
            .args([
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
                "--skip-name-resolve",
                "--innodb-use-native-aio=0",
            ]);
        account.launch(launch).run(control)?;
        let url = &engine.config.url;
        let user = url.user().unwrap_or("root");
        let config = reached_at(engine, free_port()?, user, url.password())?;
        let first = accounts(&config);
        let setup = Setup {
            server: &server,
            folder,
            account,
            settings: None,
            config,
            first,
        };
        Self::run(setup, control)
    }
}

/// The user of the database that is recovered may do everything, and root signs in only as root of
/// the machine.
fn accounts(config: &Config) -> String {
    let user = literal(config.url.user().unwrap_or("root"));
    let password = config
        .url
        .password()
        .map_or("", |password| password.expose());
    let password = literal(password);
    let mut text = String::from(
        "CREATE OR REPLACE USER 'root'@'localhost' IDENTIFIED VIA unix_socket;\n\
         GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' WITH GRANT OPTION;\n\
         DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost');\n\
         FLUSH PRIVILEGES;\n",
    );
    for host in ["127.0.0.1", "%"] {
        text.push_str(&format!(
            "CREATE OR REPLACE USER {user}@'{host}' IDENTIFIED BY {password};\n\
             GRANT ALL PRIVILEGES ON *.* TO {user}@'{host}' WITH GRANT OPTION;\n"
        ));
    }
    text
}
