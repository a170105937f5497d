//! The program itself, as a newcomer starts it.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use mainstay_testkit::servers::{Options as ServerOptions, Server, ServerKind, require};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::block_in_place;
use tokio::time::timeout;

use crate::support::client;

/// Far longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// `questlog` in a folder, with nothing in its environment but what is given.
fn questlog(folder: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_questlog"));
    command
        .current_dir(folder)
        .env_clear()
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A running service.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it said of itself until it served.
    summary: String,
    /// Where the API is.
    url: String,
}

impl Running {
    async fn start(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let mut child = questlog(folder, settings).spawn().unwrap();
        // Not read, the error stream would fill up and stop the program.
        let mut log = child.stderr.take().unwrap();
        tokio::spawn(async move {
            let mut text = String::new();
            log.read_to_string(&mut text).await
        });
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut summary = String::new();
        let url = timeout(PATIENCE, async {
            loop {
                let line = lines.next_line().await.unwrap();
                let line = line.unwrap_or_else(|| panic!("ended before it served:\n{summary}"));
                summary.push_str(&line);
                summary.push('\n');
                if let Some(at) = line.find("http://") {
                    let url = line[at..].split_whitespace().next().unwrap();
                    break url.to_owned();
                }
            }
        })
        .await
        .unwrap();
        Self {
            child,
            lines,
            summary,
            url,
        }
    }

    async fn count(&self, table: &str) -> usize {
        let response = client()
            .get(format!("{}/{table}", self.url))
            .send()
            .await
            .unwrap();
        let page: Value = response.json().await.unwrap();
        page["items"].as_array().unwrap().len()
    }

    /// As Ctrl-C does.
    async fn interrupt(mut self) -> std::process::ExitStatus {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().await;
        assert!(sent.unwrap().success());
        let ended = timeout(PATIENCE, async {
            while self.lines.next_line().await.unwrap().is_some() {}
            self.child.wait().await
        });
        ended.await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn one_command_sets_everything_up_and_the_next_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("MAINSTAY_HTTP_BIND", "127.0.0.1:0")];
    for run in 1..=2 {
        let running = Running::start(folder.path(), &settings).await;
        for expected in ["development", "sqlite:dev.db", "migrations", "seed", "pool"] {
            assert!(running.summary.contains(expected), "{}", running.summary);
        }
        assert_eq!(running.count("users").await, 1, "run {run}");
        assert_eq!(running.count("modules").await, 2);
        assert_eq!(running.count("goals").await, 2);
        assert_eq!(running.count("progress").await, 2);
        let status = running.interrupt().await;
        assert!(status.success(), "{status}");
        let left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["dev.db"], "the log was written back into the file");
    }
}

/// A service that may start before its database waits for it, and then sets it up as ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_starts_before_its_database() {
    for kind in [ServerKind::Postgres, ServerKind::MariaDb] {
        if require(kind).is_none() {
            continue;
        }
        let start = || Server::start(kind, ServerOptions::default());
        let mut server = block_in_place(start).unwrap();
        let url = server.url().clone();
        let database = url.with_database("quest");
        block_in_place(|| server.stop()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ca = url.ca().unwrap().display().to_string();
        let settings = [
            ("MAINSTAY_HTTP_BIND", "127.0.0.1:0"),
            ("DATABASE_URL", database.as_str()),
            ("MAINSTAY_TLS", "require"),
            ("MAINSTAY_TLS_CA_FILE", ca.as_str()),
        ];
        let (code, text) = refusal(folder.path(), &settings).await;
        assert_eq!(code, Some(4), "{text}");

        let without = ("MAINSTAY_STARTUP_REQUIRE_DATABASE", "false");
        let running = Running::start(folder.path(), &[&settings[..], &[without]].concat()).await;
        let base = running.url.trim_end_matches("/api/v1").to_owned();
        let get = async |path: &str| client().get(format!("{base}{path}")).send().await.unwrap();
        assert_eq!(get("/health/live").await.status(), 200);
        for path in ["/health/ready", "/api/v1/users"] {
            let waits = get(path).await;
            assert_eq!(waits.status(), 503, "{path}");
            assert_eq!(waits.headers()["retry-after"], "1");
            let text = waits.text().await.unwrap();
            let problem: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(problem["code"], "STARTING");
        }
        block_in_place(|| server.restart()).unwrap();
        let comes = timeout(PATIENCE, async {
            while get("/health/ready").await.status() != 200 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        comes.await.unwrap();
        assert_eq!(running.count("users").await, 1, "the seed data");
        let status = running.interrupt().await;
        assert!(status.success(), "{status}");
    }
}

/// The program's exit code and its error stream.
async fn refusal(folder: &Path, settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = timeout(PATIENCE, questlog(folder, settings).output());
    let output = output.await.unwrap().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text)
}

#[tokio::test]
async fn a_busy_port_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let settings = [("MAINSTAY_HTTP_BIND", address.as_str())];
    let (code, text) = refusal(folder.path(), &settings).await;
    assert_ne!(code, Some(0));
    assert!(text.contains(&address), "{text}");
    assert!(text.contains("another program listens there"), "{text}");
}

#[tokio::test]
async fn an_address_others_can_reach_needs_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let open = ("MAINSTAY_HTTP_BIND", "0.0.0.0:0");
    let (code, text) = refusal(folder.path(), &[open]).await;
    assert_ne!(code, Some(0));
    assert!(text.contains("MAINSTAY_HTTP_API_TOKEN"), "{text}");
    let token = ("MAINSTAY_HTTP_API_TOKEN", "a-secret-abc");
    let (code, text) = refusal(folder.path(), &[open, token]).await;
    assert_ne!(code, Some(0));
    assert!(text.contains("fewer than 16"), "{text}");
    assert!(!text.contains("a-secret"), "{text}");
}

#[tokio::test]
async fn config_check_refuses_what_serve_refuses_and_neither_makes_anything() {
    let folder = tempfile::tempdir().unwrap();
    let open = [("MAINSTAY_HTTP_BIND", "0.0.0.0:3099")];
    let (code, text) = refusal(folder.path(), &open).await;
    assert_eq!(code, Some(2), "{text}");
    let mut check = questlog(folder.path(), &open);
    let check = timeout(PATIENCE, check.args(["config", "check"]).output());
    let check = check.await.unwrap().unwrap();
    assert_eq!(check.status.code(), Some(2));
    let said = String::from_utf8(check.stdout).unwrap();
    assert!(said.contains("error: http.bind: is 0.0.0.0:3099"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn production_does_not_start_without_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = refusal(folder.path(), &[("MAINSTAY_ENV", "production")]).await;
    assert_ne!(code, Some(0));
    assert!(text.contains("DATABASE_URL"), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
