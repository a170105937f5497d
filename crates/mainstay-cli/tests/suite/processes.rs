//! What needs processes: Ctrl-C, SIGTERM, and several instances that start at once.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::tiny::{Ending, Home, Tiny};
use mainstay::config::ConfigLoader;
use mainstay_cli::{Exit, Terminal, run};

/// Named so that the configuration does not take it for one of its own.
const ENDING: &str = "MAINSTAY_TEST_ENDING";

/// The tests below also start this one as a process, with an ending and a database of its own.
#[test]
fn a_service_that_ends_by_itself_ends_with_0() {
    let asked = std::env::var(ENDING);
    let ending = match asked.as_deref() {
        Ok("when asked") => Ending::WhenAsked,
        Ok("while seeding") => Ending::WhileSeeding,
        Ok(_) => Ending::Never,
        Err(_) => Ending::AtOnce,
    };
    let home = Home::new();
    let mut loader = ConfigLoader::from_process_env();
    if asked.is_err() {
        loader = loader.set("url", home.url()).set("profile", "test");
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let exit = runtime.block_on(run(
        &Tiny(ending),
        ["tiny".into(), "serve".into()],
        loader,
        Terminal::process(),
    ));
    if asked.is_ok() {
        std::process::exit(i32::from(exit.code()));
    }
    assert_eq!(exit, Exit::Ok);
}

/// A service that has said that it serves.
fn start(home: &Home, ending: &str) -> Child {
    let mut child = spawn(home, ending);
    wait_until(&mut child, "serving");
    child
}

fn spawn(home: &Home, ending: &str) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "processes::a_service_that_ends_by_itself_ends_with_0",
            "--nocapture",
        ])
        .env(ENDING, ending)
        .env("DATABASE_URL", home.url())
        .env_remove("MAINSTAY_ENV")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the service starts")
}

fn wait_until(child: &mut Child, word: &str) {
    let out = child.stdout.take().expect("piped");
    let said = BufReader::new(out)
        .lines()
        .map_while(Result::ok)
        // The harness may have begun the line.
        .any(|line| line.contains(word));
    assert!(said, "the service ended before it said {word:?}");
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(sent.success());
}

fn ended(mut child: Child) -> ExitStatus {
    child.wait().expect("the service ends")
}

#[test]
fn a_service_that_is_asked_to_stop_ends_with_0() {
    for signal in ["-INT", "-TERM"] {
        let home = Home::new();
        let child = start(&home, "when asked");
        send(&child, signal);
        assert_eq!(ended(child).code(), Some(0), "{signal}");
        // The log has been written back into the file.
        assert!(!home.file().with_extension("db-wal").exists());
    }
}

#[test]
fn a_signal_during_the_start_is_told_by_the_exit_code() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let home = Home::new();
        let mut child = spawn(&home, "while seeding");
        wait_until(&mut child, "seeding");
        send(&child, signal);
        assert_eq!(ended(child).code(), Some(code), "{signal}");
    }
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    let home = Home::new();
    let mut child = start(&home, "never");
    send(&child, "-INT");
    // It listens for the second one as soon as it has seen the first; until then, again.
    let status = loop {
        std::thread::sleep(std::time::Duration::from_millis(200));
        if let Some(status) = child.try_wait().expect("the service can be asked") {
            break status;
        }
        send(&child, "-INT");
    };
    assert_eq!(status.code(), Some(130));
}

#[test]
fn processes_that_start_at_once_set_up_one_database() {
    let home = Home::new();
    let mut children: Vec<Child> = (0..5).map(|_| spawn(&home, "when asked")).collect();
    for child in &mut children {
        wait_until(child, "serving");
    }
    for child in &children {
        send(child, "-TERM");
    }
    for child in children {
        assert_eq!(ended(child).code(), Some(0));
    }
}
